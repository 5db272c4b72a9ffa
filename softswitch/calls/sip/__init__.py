"""What calls have of SIP: legs, the INVITEs that begin calls, trunks, registrations and presence."""
