"""What is played into ports: recorded sounds, tones, music, and the store of clips."""
