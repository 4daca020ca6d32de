"""Activation functions in ResNet-50: appendix C.3.1 of the published thesis.

    python -m benchmarks.run --table activation

The reference is ELU, which the thesis chose.
"""

from benchmarks.table import Row, Table

# Accuracy in percent on CK+.
PUBLISHED = {"relu": 85.16, "elu": 87.91, "selu": 88.21}
ROWS = {name: Row("resnet50", options={"activation": name}) for name in PUBLISHED}

ACTIVATION = Table(
    name="activation",
    title="Activation functions in ResNet-50",
    rows=tuple(ROWS.values()),
    published={(ROWS[name], "ckplus"): value for name, value in PUBLISHED.items()},
    source="appendix C.3.1 of the thesis (CK+)",
    chosen={"": ROWS["elu"]},
)
