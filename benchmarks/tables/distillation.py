"""A CNN teaches a transformer, which then teaches the next one.

    python -m benchmarks.run --table distillation

Planned in the thesis on transformers, which reports no figures for it: a CNN teaches a DeiT through
its distillation token with hard labels, as in Touvron et al. 2021, and the student of each round
teaches the next. With soft labels (Hinton et al. 2015) the token learns the teacher's
probabilities. Each round is a separate row, so an interrupted run resumes between rounds. A small
CNN as student shows distillation without a token. The reference is the same DeiT without a
teacher.
"""

from benchmarks.table import Row, Table

ROUNDS = 3
HARD = {"kind": "hard", "weight": 0.5}
SOFT = {"kind": "soft", "temperature": 3.0, "weight": 0.5}

TEACHER = Row("mini_resnet", recipe="mini-resnet")
ALONE = Row("deit", recipe="deit")


def rounds(teacher: Row, count: int) -> tuple[Row, ...]:
    """Returns `count` DeiTs: the first learns from `teacher`, each other from its predecessor."""
    found: list[Row] = []
    for _ in range(count):
        teacher = Row("deit", recipe="deit", teacher=teacher, distillation=HARD)
        found.append(teacher)
    return tuple(found)


DISTILLATION = Table(
    name="distillation",
    title="Knowledge distillation, single and repeated",
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
