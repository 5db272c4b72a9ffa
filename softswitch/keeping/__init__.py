"""What outlives a run: between the rooms, which know no database, and the store."""
