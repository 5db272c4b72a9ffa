"""The mixer and what belongs to it: compiled apart from the packet loop, and only when sound is taken apart."""
