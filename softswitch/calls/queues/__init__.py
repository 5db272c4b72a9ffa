"""Call queues: callers who wait, agents who are rung for them."""
