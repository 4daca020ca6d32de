"""Batch sizes on three datasets: appendices C.3.3 to C.3.5 of the published thesis.

    python -m benchmarks.run --table batch-size

Each of the three datasets has its own sizes; other datasets get those of FER2013. The reference is
the size that the thesis chose for the dataset. The appendices do not name the network; the other
experiments there use ResNet-50.
"""

from benchmarks.plan.settings import PUBLISHED_BATCH
from benchmarks.table import Row, Table

# Accuracy in percent by dataset and batch size.
PUBLISHED = {
    "ckplus": {8: 88.01, 16: 88.01, 32: 86.91, 64: 85.81},
    "jaffe": {2: 60.00, 4: 68.89, 8: 64.44, 16: 15.56},
    "fer2013": {32: 57.02, 64: 58.05, 128: 57.17, 256: 53.98},
}
CHOSEN = {**PUBLISHED_BATCH, "": 64}


def _row(size: int) -> Row:
    return Row("resnet50", settings={"batch_size": size})


BATCH_SIZE = Table(
    name="batch-size",
    title="Batch sizes of ResNet-50",
    rows=tuple(_row(size) for size in PUBLISHED["fer2013"]),
    published={
        (_row(size), dataset): value
        for dataset, figures in PUBLISHED.items()
        for size, value in figures.items()
    },
    source="appendices C.3.3 to C.3.5 of the thesis; network not named",
    chosen={dataset: _row(size) for dataset, size in CHOSEN.items()},
    special={
        dataset: tuple(_row(size) for size in PUBLISHED[dataset]) for dataset in ("ckplus", "jaffe")
    },
)
