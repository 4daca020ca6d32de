"""The tables by name: each is a module here and an entry below."""

from __future__ import annotations

from attention_fer.common.registry import Registry
from benchmarks.table import Table
from benchmarks.tables.ablation import ABLATION
from benchmarks.tables.activation import ACTIVATION
from benchmarks.tables.attention import ATTENTION
from benchmarks.tables.base import BASE
from benchmarks.tables.batch_size import BATCH_SIZE
from benchmarks.tables.distillation import DISTILLATION
from benchmarks.tables.eca_kernel import ECA_KERNEL
from benchmarks.tables.eeg import EEG
from benchmarks.tables.imbalance import IMBALANCE
from benchmarks.tables.learning_rate import LEARNING_RATE
from benchmarks.tables.optimizer import OPTIMIZER
from benchmarks.tables.pooling import POOLING
from benchmarks.tables.reduction import REDUCTION_CBAM, REDUCTION_SE
from benchmarks.tables.small_cnn import SMALL_CNN
from benchmarks.tables.transfer import TRANSFER
from benchmarks.tables.transformers import TRANSFORMERS
from benchmarks.tables.vgg_placement import VGG_PLACEMENT

_TABLES: Registry[Table] = Registry("table")
for _table in (
    ATTENTION,
    BASE,
    REDUCTION_SE,
    REDUCTION_CBAM,
    ECA_KERNEL,
    VGG_PLACEMENT,
    ACTIVATION,
    POOLING,
    BATCH_SIZE,
    OPTIMIZER,
    LEARNING_RATE,
    SMALL_CNN,
    TRANSFER,
    TRANSFORMERS,
    DISTILLATION,
    IMBALANCE,
    ABLATION,
    EEG,
):
    _TABLES.add(_table.name, _table)


def names() -> list[str]:
    """Returns the names of all tables."""
    return _TABLES.names()


def get(name: str) -> Table:
    """Returns the table of that name. Raises ValueError with the nearest name if it is unknown."""
    return _TABLES[name]
