"""A convolutional teacher, its transformer student, and the student as the next teacher.

    python -m benchmarks.run --table distillation

The plan of the thesis on transformers, which has no figure of it: a CNN teaches a DeiT through its
distillation token, hard as in Touvron et al. 2021; the student of a round teaches the next. The
soft kind (Hinton et al. 2015) teaches the same token by the teacher's probabilities. Each round is
a row of its own, and a run that was interrupted goes on between rounds. A small CNN as student
shows distillation without a token. Differences are to the same DeiT without a teacher.
"""

from benchmarks.table import Row, Table

ROUNDS = 3
HARD = {"kind": "hard", "weight": 0.5}
SOFT = {"kind": "soft", "temperature": 3.0, "weight": 0.5}

TEACHER = Row("mini_resnet", recipe="mini-resnet")
ALONE = Row("deit", recipe="deit")


def rounds(teacher: Row, count: int) -> tuple[Row, ...]:
    """DeiTs of which the first learns from `teacher` and each other from the one before."""
    found: list[Row] = []
    for _ in range(count):
        teacher = Row("deit", recipe="deit", teacher=teacher, distillation=HARD)
        found.append(teacher)
    return tuple(found)


DISTILLATION = Table(
    name="distillation",
    title="Knowledge distillation, once and repeated",
    rows=(
        ALONE,
        TEACHER,
        *rounds(TEACHER, ROUNDS),
        Row("deit", recipe="deit", teacher=TEACHER, distillation=SOFT),
        Row("cnn_v1", recipe="small-cnn"),
        Row("cnn_v1", recipe="small-cnn", teacher=TEACHER, distillation=SOFT),
    ),
    chosen={"": ALONE},
)
