"""Packet threads and the processes they live in: started, asked, watched, found again, replaced."""
