"""Short messages: SIP MESSAGE passed on, kept for those who are away, sent to groups and through gateways."""
