"""Everything at once, for as long as it takes to see that nothing grows."""
