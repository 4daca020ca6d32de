"""The benchmark: tables as data, one process per cell, results on disk, reports from these."""
