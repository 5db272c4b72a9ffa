"""Spans of pseudowires: packets cut into timeslots and timeslots joined into packets, in compiled code.

The only entry is `span.serve_span`, which the packet loop calls by address, once for every pseudowire packet and when
a packet is due. Everything else is a part of it, by topic.
"""
