"""Four optimizers on ResNet-50: the search space of Table 2.16 of the published thesis.

    python -m benchmarks.run --table optimizer

No figures were published, and neither were the learning rates of the optimizers that were not
chosen: all have 1e-4 here, that of the final settings. Differences are to Adam, which was chosen.
"""

from benchmarks.table import Row, Table

LEARNING_RATE = 1e-4
ROWS = {
    name: Row("resnet50", settings={"optimizer": name, "learning_rate": LEARNING_RATE})
    for name in ("adam", "rmsprop", "adagrad", "sgd")
}

OPTIMIZER = Table(
    name="optimizer",
    title="Optimizers of ResNet-50",
    rows=tuple(ROWS.values()),
    chosen={"": ROWS["adam"]},
)
