"""Loading pretrained weights."""
