"""Learning rates of Adam on ResNet-50: the search space of Table 2.16 of the published thesis.

    python -m benchmarks.run --table learning-rate

No figures were published. The reference is 1e-4, which the thesis chose.
"""

from benchmarks.table import Row, Table

ROWS = {
    rate: Row("resnet50", settings={"optimizer": "adam", "learning_rate": rate})
    for rate in (1e-1, 1e-3, 1e-4, 1e-5)
}

LEARNING_RATE = Table(
    name="learning-rate",
    title="Learning rates of ResNet-50",
    rows=tuple(ROWS.values()),
    chosen={"": ROWS[1e-4]},
)
