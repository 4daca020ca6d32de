"""Eight backbones with and without attention: Table 3.3 of the published thesis.

    python -m benchmarks.run --table attention

Runs 32 rows on every prepared dataset under `data/`, or on schematic faces if there is no dataset.
"""

from benchmarks.plan.table import Row, Table, published_accuracies

BACKBONES = (
    "vgg16",
    "vgg19",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnet50v2",
    "resnet101v2",
    "resnet152v2",
)
ATTENTIONS = ("none", "se", "eca", "cbam")

SOURCE = (
    "Table 3.3 of the thesis behind github.com/AndrzejMiskow/comp3931-emotion-recognition; on CK+ "
    "and JAFFE the best of three runs by test accuracy"
)

ATTENTION = Table(
    name="attention",
    title="Attention modules on eight backbones",
    rows=tuple(Row(backbone, attention) for backbone in BACKBONES for attention in ATTENTIONS),
    published=published_accuracies(),
    source=SOURCE,
)
