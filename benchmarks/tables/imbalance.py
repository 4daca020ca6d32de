"""What to do about classes of very different size: nothing, draw, weigh or focus.

    python -m benchmarks.run --table imbalance

Differences are to training on the images as they are. Accuracy rewards the larger classes: look at
macro F1, too.
"""

from benchmarks.table import Row, Table

BACKBONE = "mini_resnet"
RECIPE = "mini-resnet"
WAYS = (
    {"resample": ""},
    {"resample": "inverse-frequency"},
    {"resample": "class-balanced"},
    {"resample": "over"},
    {"resample": "under"},
    {"resample": "median"},
    {"resample": "", "class_weights": "balanced"},
    {"resample": "", "class_weights": "effective"},
    {"resample": "", "loss": "focal"},
)
ROWS = tuple(Row(BACKBONE, settings=way, recipe=RECIPE) for way in WAYS)

IMBALANCE = Table(
    name="imbalance",
    title="Ways to treat classes of different size, on mini-ResNet",
    rows=ROWS,
    published={(ROWS[1], "fer2013"): 59.00},
    source="the assignment on mini-ResNet, on the 7,178 images of both test parts",
    chosen={"": ROWS[0]},
    quick={"width": 0.5},
)
