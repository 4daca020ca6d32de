"""`Row` and `Table`, for your own tables: see `benchmarks.plan.table`."""

from benchmarks.plan.table import Row, Table

__all__ = ["Row", "Table"]
