"""Drawing maps over images, and galleries of them."""
