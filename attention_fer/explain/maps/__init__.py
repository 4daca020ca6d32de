"""The methods, from a model and images to maps, and what they share."""
