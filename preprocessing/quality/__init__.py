"""Shows what a prepared dataset looks like and what is wrong with it."""
