"""Topographic maps of EEG: a small residual network with every attention module.

    python -m benchmarks.run --table eeg

The thesis on transformers plans a ResNet on about 1,500 maps of two classes and reports a network
that predicted only the larger class; hence the row with balanced sampling. It does not describe its
network further; mini-ResNet is used instead. Without a prepared EEG dataset a recording is
generated, which says nothing about brains.
"""

from benchmarks.table import Row, Table
from benchmarks.tables.attention import ATTENTIONS

RECIPE = "eeg"

EEG = Table(
    name="eeg",
    title="Topographic maps of EEG",
    rows=(
        *(Row("mini_resnet", attention, recipe=RECIPE) for attention in ATTENTIONS),
        Row("mini_resnet", settings={"resample": "inverse-frequency"}, recipe=RECIPE),
        Row("cnn_v2", recipe=RECIPE),
    ),
    generated="eeg-generated",
    # SE needs at least 16 channels in the narrowest stage; left and right of a head differ, so no
    # flips.
    quick={"width": 0.5, "flip": False, "zoom": 0.0},
)
