"""Conferences: their definitions, their doors, who is inside, and whom they call together."""
