"""What joins ports: two that are connected, rooms that fan out or mix, and rooms that are linked."""
