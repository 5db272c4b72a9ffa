"""PoC and MCPTT on SIP: the participating and the controlling server of push-to-talk terminals (docs/poc.md)."""
