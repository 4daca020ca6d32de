"""Vision transformers and related networks against a convolutional network.

    python -m benchmarks.run --table transformers

The published figures come from the thesis on transformers, trained from random weights on FER2013
at 224 pixels; that of the Residual Masking Network is quoted there. The pretrained ViT comes from
the report on CNNs and ViTs. The reference is ResNet-50.
"""

from benchmarks.table import Row, Table

CNN = Row("resnet50")
PUBLISHED = {
    Row("residual_masking", recipe="residual-masking"): 74.4,
    Row("vit", recipe="vit"): 54.0,
    Row("deit", recipe="deit"): 52.1,
    Row("convnext", recipe="convnext"): 70.2,
}
CONVIT = Row("convit", recipe="deit")
# Pretrained weights require the full width.
FINETUNED = Row(
    "vit",
    options={"weights": "imagenet", "head": "five-dense"},
    settings={"width": 1.0},
    recipe="vit-finetuned",
)

TRANSFORMERS = Table(
    name="transformers",
    title="Transformers and related networks against a convolutional network",
    rows=(CNN, *PUBLISHED, CONVIT, FINETUNED),
    published={
        **{(row, "fer2013"): accuracy for row, accuracy in PUBLISHED.items()},
        (FINETUNED, "fer2013"): 66.34,
    },
    source="the thesis on transformers, test part; fine-tuned ViT: a report, validation part",
    chosen={"": CNN},
)
