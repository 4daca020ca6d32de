"""The network in the package, trained further on maps of twice the size.

    python -m benchmarks.run --table students --epochs 60

Training on small maps first and on large ones last costs less than on large ones throughout (as in
Tan and Le 2021, https://arxiv.org/abs/2104.00298). Here the last part is a network of its own: it
has the same weights at a stem of stride 1, hence four times the multiply-adds. It starts from the
trained network, and learns from its softened probabilities (Hinton et al. 2015,
https://arxiv.org/abs/1503.02531) in addition to the labels. So does a second one at the old stride,
which shows how much of the gain comes from longer training alone.
"""

from dataclasses import replace

from benchmarks.table import Row, Table

ALONE = Row("small_resnet", "se", recipe="fer-small-long")
AGAIN = replace(
    ALONE,
    teacher=ALONE,
    distillation={"kind": "soft", "temperature": 3.0, "weight": 0.5},
    warm_start=True,
    settings={"epochs": 16, "learning_rate": 2e-3},
)
FINER = replace(AGAIN, options={"stem_stride": 1})

STUDENTS = Table(
    name="students",
    title="A small network trained further, with maps of the same or twice the size",
    rows=(ALONE, FINER, AGAIN),
    chosen={"": ALONE},
    # SE needs at least 16 channels in the narrowest stage.
    quick={"width": 0.67},
)
