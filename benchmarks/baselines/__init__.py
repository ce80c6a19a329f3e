"""What one would write by hand, as directly as it can be written: the yardstick."""
