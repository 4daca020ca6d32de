"""Four optimizers on ResNet-50: the search space of Table 2.16 of the published thesis.

    python -m benchmarks.run --table optimizer

No figures were published. The learning rates of the rejected optimizers are unknown, so all rows
use 1e-4, the rate of the final settings. The reference is Adam, which the thesis chose.
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
