"""Hostile input in bulk: mutated messages inside one process, hostile streams at a real node."""
