"""Loading pretrained weights into the networks."""
