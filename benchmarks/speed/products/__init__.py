"""Products that name expressions, each in its own process that answers questions."""
