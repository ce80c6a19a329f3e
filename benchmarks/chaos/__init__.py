"""Real processes that are killed, stopped and kept busy, and what the others make of it."""
