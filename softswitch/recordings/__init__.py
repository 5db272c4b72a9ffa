"""Recordings as the switch keeps them: what is recorded, the index of it, how long it stays; see docs/recording.md."""
