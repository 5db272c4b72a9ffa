"""E1 telephone trunks: circuit emulation, LAPD and Q.931, and B channels as ports of the media engine."""
