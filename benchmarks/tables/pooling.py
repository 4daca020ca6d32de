"""Global pooling before the classifier of ResNet-50: appendix C.3.2 of the published thesis.

    python -m benchmarks.run --table pooling

The reference is average pooling, which the thesis chose.
"""

from benchmarks.table import Row, Table

# Accuracy in percent on CK+.
PUBLISHED = {"max": 82.97, "avg": 88.46}
ROWS = {name: Row("resnet50", options={"pooling": name}) for name in PUBLISHED}

POOLING = Table(
    name="pooling",
    title="Global pooling in ResNet-50",
    rows=tuple(ROWS.values()),
    published={(ROWS[name], "ckplus"): value for name, value in PUBLISHED.items()},
    source="appendix C.3.2 of the thesis (CK+)",
    chosen={"": ROWS["avg"]},
)
