"""Strategies for class imbalance: none, resampling, class weights, focal loss.

    python -m benchmarks.run --table imbalance

The reference is training on the images as they are. Accuracy favours the larger classes, so look at
macro F1 too.
"""

from benchmarks.table import Row, Table

BACKBONE = "mini_resnet"
RECIPE = "mini-resnet"
STRATEGIES = (
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
ROWS = tuple(Row(BACKBONE, settings=strategy, recipe=RECIPE) for strategy in STRATEGIES)

IMBALANCE = Table(
    name="imbalance",
    title="Strategies for class imbalance on mini-ResNet",
    rows=ROWS,
    published={(ROWS[1], "fer2013"): 59.00},
    source="the assignment on mini-ResNet; tested on both test parts (7,178 images)",
    chosen={"": ROWS[0]},
    quick={"width": 0.5},
)
