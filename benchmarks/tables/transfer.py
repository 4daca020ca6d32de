"""Networks with ImageNet weights, mostly frozen, under a new head; and the same from scratch.

    python -m benchmarks.run --table transfer

ResNet-50 with its first 165 layers frozen and VGG-16 frozen whole are those of the
transfer-learning report, with the classes as they are and balanced; the pretrained ViT-B/16 with
five dense layers is that of the report on CNNs and ViTs. Without network the rows with pretrained
weights fail and say what to do. Differences are to the same ResNet-50 from random weights.
"""

from benchmarks.table import Row, Table

RESNET = {"weights": "imagenet", "head": "transfer-resnet50"}
VGG = {"weights": "imagenet", "head": "transfer-vgg16", "include_top": True}
VIT = {"weights": "imagenet", "head": "five-dense"}
BALANCED = {"resample": "median"}

SCRATCH = Row(
    "resnet50",
    options={"head": "transfer-resnet50"},
    settings={"freeze": ""},
    recipe="transfer-resnet50",
)
ROWS = (
    SCRATCH,
    Row("resnet50", options=RESNET, recipe="transfer-resnet50"),
    Row("resnet50", options=RESNET, settings=BALANCED, recipe="transfer-resnet50"),
    Row("vgg16", options=VGG, recipe="transfer-vgg16"),
    Row("vgg16", options=VGG, settings=BALANCED, recipe="transfer-vgg16"),
    Row("vit", options=VIT, recipe="vit-finetuned"),
)

TRANSFER = Table(
    name="transfer",
    title="Transfer learning from ImageNet",
    rows=ROWS,
    published={
        (ROWS[2], "fer2013"): 53.20,
        (ROWS[4], "fer2013"): 46.00,
        (ROWS[5], "fer2013"): 66.34,
    },
    source=(
        "the two reports, whose splits are not said; VGG-16 is told to have reached 46 %, and the "
        "ViT's figure is of the validation images"
    ),
    chosen={"": SCRATCH},
    quick={"width": 1.0},
)
