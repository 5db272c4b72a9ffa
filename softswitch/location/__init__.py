"""Where devices are: positions from SIP, gateways and the API; tracks, areas that are watched, subscriptions."""
