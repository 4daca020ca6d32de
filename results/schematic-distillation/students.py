"""A VGG-16 with ECA teaches a small CNN that sees 300 faces, and that one teaches the next.

    python -m benchmarks.run --table results/schematic-distillation/students.py \
        --datasets schematic --profile quick --seeds 5 --jobs 2
"""

from benchmarks.table import Row, Table

SOFT = {"kind": "soft", "temperature": 3.0, "weight": 0.9}
HARD = {"kind": "hard", "weight": 0.9}
FEW = {
    "width": 0.5,
    "train_samples": 300,
    "epochs": 60,
    "optimizer": "adam",
    "learning_rate": 0.001,
}

TEACHER = Row("vgg16", "eca", settings={"train_samples": None, "epochs": 10})
ALONE = Row("cnn_v1", settings=FEW)
FIRST = Row("cnn_v1", settings=FEW, teacher=TEACHER, distillation=SOFT)
SECOND = Row("cnn_v1", settings=FEW, teacher=FIRST, distillation=SOFT)

TABLE = Table(
    name="students",
    title="A small CNN alone, taught, and taught by the taught one",
    rows=(
        ALONE,
        TEACHER,
        FIRST,
        SECOND,
        Row("cnn_v1", settings=FEW, teacher=TEACHER, distillation=HARD),
    ),
    chosen={"": ALONE},
)
