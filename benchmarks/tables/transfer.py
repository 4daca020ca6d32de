"""Networks with ImageNet weights, mostly frozen, with a new head; and the same from scratch.

    python -m benchmarks.run --table transfer

ResNet-50 with its first 165 layers frozen and fully frozen VGG-16 come from the report on transfer
learning, with the classes as they are and balanced; the pretrained ViT-B/16 with five dense layers
comes from the report on CNNs and ViTs. Without a network connection the rows with pretrained
weights fail with instructions. The reference is the same ResNet-50 from random weights.
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
        "the two reports, which do not state their splits; VGG-16 only in the text (46 %), ViT on "
        "the validation images"
    ),
    chosen={"": SCRATCH},
    quick={"width": 1.0},
)
