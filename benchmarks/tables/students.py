"""The network in the package, trained further: it starts from its own weights and teaches itself.

    python -m benchmarks.run --table students --epochs 60

Each round starts from the network of the round before, and learns from its softened probabilities
(Hinton et al. 2015, https://arxiv.org/abs/1503.02531; with the same network as teacher and student,
Furlanello et al. 2018, https://arxiv.org/abs/1805.04770) in addition to the labels. A stem of
stride 1 has the same weights on maps of twice the size, hence four times the multiply-adds: small
maps first and large ones last cost less than large ones throughout (as in Tan and Le 2021,
https://arxiv.org/abs/2104.00298).
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
ONCE_MORE = replace(AGAIN, teacher=AGAIN)
FINER = replace(AGAIN, options={"stem_stride": 1})

STUDENTS = Table(
    name="students",
    title="A small network that teaches itself, with maps of the same or twice the size",
    rows=(ALONE, AGAIN, ONCE_MORE, FINER),
    chosen={"": ALONE},
    # SE needs at least 16 channels in the narrowest stage.
    quick={"width": 0.67},
)
