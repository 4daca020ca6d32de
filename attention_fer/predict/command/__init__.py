"""The command: from arguments to tables, drawings and lines on the screen."""
