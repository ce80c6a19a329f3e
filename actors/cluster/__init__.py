"""Which nodes there are, and where what is placed."""
