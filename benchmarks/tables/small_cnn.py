"""Small networks for 48-pixel faces, each with every attention module.

    python -m benchmarks.run --table small-cnn

CNN V1 and V2.1 come from a report that shows only their learning curves. mini-ResNet comes from an
assignment that selected the epoch on a part of FER2013's training images and tested on both test
parts together.
"""

from benchmarks.table import Row, Table
from benchmarks.tables.attention import ATTENTIONS

RECIPES = {"cnn_v1": "small-cnn", "cnn_v2": "small-cnn", "mini_resnet": "mini-resnet"}

SMALL_CNN = Table(
    name="small-cnn",
    title="Small networks for 48-pixel faces",
    rows=tuple(
        Row(backbone, attention, recipe=recipe)
        for backbone, recipe in RECIPES.items()
        for attention in ATTENTIONS
    ),
    published={(Row("mini_resnet", recipe="mini-resnet"), "fer2013"): 59.00},
    source="the assignment on mini-ResNet; 349 epochs, tested on both test parts (7,178 images)",
    # SE needs at least 16 channels in the narrowest stage.
    quick={"width": 0.5},
)
