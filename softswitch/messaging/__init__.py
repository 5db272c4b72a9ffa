"""Short messages between parties of any system."""
