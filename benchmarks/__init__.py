"""What the framework does per second, beside what the bare parts do in the same run."""
