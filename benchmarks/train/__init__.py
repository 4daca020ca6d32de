"""Training and measuring one cell."""
