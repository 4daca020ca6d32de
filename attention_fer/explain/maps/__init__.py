"""The methods: from a model and images to maps."""
