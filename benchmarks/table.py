"""`Row` and `Table`, for tables of your own: see `benchmarks.plan.table`."""

from benchmarks.plan.table import Row, Table

__all__ = ["Row", "Table"]
