"""Talkgroups: definitions, who is inside, who talks, the calls that gather them, and what dispatchers make of them."""
