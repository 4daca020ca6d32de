"""Reduction ratios of SE and CBAM in ResNet-50: Table 2.8, appendices C.3.6 and C.3.8.

    python -m benchmarks.run --table reduction-se
    python -m benchmarks.run --table reduction-cbam

The reference is 16, which the thesis chose.
"""

from benchmarks.table import Row, Table

BACKBONE = "resnet50"
CHOSEN = 16
# Accuracy in percent on CK+, by reduction ratio.
SE = {4: 87.2637, 8: 88.4615, 16: 89.5604, 32: 87.9121}
CBAM = {4: 90.46, 8: 89.01, 16: 91.21, 32: 90.66}


def _row(attention: str, ratio: int) -> Row:
    return Row(BACKBONE, attention, config={"reduction_ratio": ratio})


def _table(attention: str, title: str, appendix: str, published: dict[int, float]) -> Table:
    rows = {ratio: _row(attention, ratio) for ratio in published}
    return Table(
        name=f"reduction-{attention}",
        title=f"Reduction ratios of {title} in ResNet-50",
        rows=(Row(BACKBONE), *rows.values()),
        published={(rows[ratio], "ckplus"): value for ratio, value in published.items()},
        source=f"appendix {appendix} of the thesis (CK+)",
        chosen={"": rows[CHOSEN]},
    )


REDUCTION_SE = _table("se", "SE", "C.3.6", SE)
REDUCTION_CBAM = _table("cbam", "CBAM", "C.3.8", CBAM)
