"""The media of calls: each leg's side of it, how two sides meet, keys, pictures, and what ports report."""
