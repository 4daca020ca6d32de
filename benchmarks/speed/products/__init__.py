"""Products that name expressions, each in a process of its own that answers questions."""
