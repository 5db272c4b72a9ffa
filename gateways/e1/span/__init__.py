"""Spans: how the timeslots of an E1 line come and go. Every driver has the shape of `interface.Span`."""
