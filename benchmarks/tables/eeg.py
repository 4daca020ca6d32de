"""Topographic maps of EEG: a small residual network with every attention module.

    python -m benchmarks.run --table eeg

The thesis on transformers has a plan of it, a ResNet on about 1,500 maps of two classes, and tells
of a network that learned the larger class by heart: hence the row with classes drawn equally often.
Its own network is not described further; mini-ResNet stands for it. Without a prepared dataset of
EEG a recording is generated, which says nothing about brains.
"""

from benchmarks.table import Row, Table

ATTENTIONS = ("none", "se", "eca", "cbam")
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
    # A sixteenth of the narrowest stage's channels must be left for SE's reduction; the sides of a
    # head are not the same.
    quick={"width": 0.5, "flip": False, "zoom": 0.0},
)
