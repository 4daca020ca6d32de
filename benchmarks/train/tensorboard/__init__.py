"""Logs a cell for TensorBoard: curves, gates, confusion matrix, worst errors, hyperparameters."""
