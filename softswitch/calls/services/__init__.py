"""Numbers that the switch answers itself, parking and pick-up among them."""
