"""The honest benchmark: tables as data, one cell a process, results on disk, reports from them."""
