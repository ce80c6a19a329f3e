"""Examples, each run with `python -m examples.NAME` from the root of a clone."""
