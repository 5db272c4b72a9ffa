"""What dispatchers and programs do: place and steer calls, step into them, invite, call the roll."""
