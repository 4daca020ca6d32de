"""The command line: model files, folders of pictures, and the methods by name."""
