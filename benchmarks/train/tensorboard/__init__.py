"""What TensorBoard shows of a table: curves, gates, confusion, errors, all cells compared."""
