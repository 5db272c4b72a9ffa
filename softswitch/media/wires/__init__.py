"""Ports without RTP sockets: those a gateway feeds, and spans of pseudowires."""
