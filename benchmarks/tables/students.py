"""A finer network teaches the one in the package.

    python -m benchmarks.run --table students --epochs 200

The teacher keeps maps of twice the size, hence as many weights and four times the multiply-adds.
The student learns from its softened probabilities (Hinton et al. 2015,
https://arxiv.org/abs/1503.02531) in addition to the labels, on the same augmented images. The
reference is the same network without a teacher.
"""

from dataclasses import replace

from benchmarks.table import Row, Table

RECIPE = "fer-small-long"
ALONE = Row("small_resnet", "se", recipe=RECIPE)
TEACHER = replace(ALONE, options={"stem_stride": 1})
STUDENT = replace(
    ALONE, teacher=TEACHER, distillation={"kind": "soft", "temperature": 3.0, "weight": 0.5}
)

STUDENTS = Table(
    name="students",
    title="A small network with and without a teacher",
    rows=(ALONE, TEACHER, STUDENT),
    chosen={"": ALONE},
    # SE needs at least 16 channels in the narrowest stage.
    quick={"width": 0.67},
)
