"""Eight backbones without attention: Table 3.1 of the published thesis.

    python -m benchmarks.run --table base

The reference is VGG-16.
"""

from benchmarks.plan.table import Row, Table, published_accuracies
from benchmarks.tables.attention import BACKBONES, SOURCE

ROWS = tuple(Row(backbone) for backbone in BACKBONES)

BASE = Table(
    name="base",
    title="Eight backbones without attention",
    rows=ROWS,
    published={key: value for key, value in published_accuracies().items() if key[0] in ROWS},
    source=SOURCE.replace("3.3", "3.1"),
    chosen={"": Row("vgg16")},
)
