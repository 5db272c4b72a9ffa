"""From the configuration to the values that the rooms are made with; no room knows the configuration itself."""
