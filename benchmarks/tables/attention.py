"""Eight backbones with and without attention: Tables 3.3 and 3.1 of the published thesis.

    python -m benchmarks.run --table attention
    python -m benchmarks.run --table base

`attention` runs 32 rows on every prepared dataset under `data/`, or on schematic faces if there is
no dataset. `base` has the backbones without attention; its reference is VGG-16.
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

PLAIN = tuple(Row(backbone) for backbone in BACKBONES)
BASE = Table(
    name="base",
    title="Eight backbones without attention",
    rows=PLAIN,
    published={key: value for key, value in ATTENTION.published.items() if key[0] in PLAIN},
    source=SOURCE.replace("3.3", "3.1"),
    chosen={"": Row("vgg16")},
)
