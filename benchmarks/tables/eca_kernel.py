"""Kernel sizes of ECA in ResNet-50: figure 2.10 of the published thesis.

    python -m benchmarks.run --table eca-kernel

The reference is the adaptive size, which the thesis chose. The published ECA differs from the
paper's: see `benchmarks.published`, which `--variant published` uses.
"""

from benchmarks.table import Row, Table

BACKBONE = "resnet50"
ADAPTIVE = Row(BACKBONE, "eca")
# Accuracy in percent on CK+, by kernel size.
PUBLISHED = {1: 88.46, 3: 89.65, 5: 89.11, 7: 87.36, 9: 88.56}
FIXED = {size: Row(BACKBONE, "eca", config={"kernel_size": size}) for size in PUBLISHED}

ECA_KERNEL = Table(
    name="eca-kernel",
    title="Kernel sizes of ECA in ResNet-50",
    rows=(Row(BACKBONE), *FIXED.values(), ADAPTIVE),
    published={
        **{(FIXED[size], "ckplus"): value for size, value in PUBLISHED.items()},
        (ADAPTIVE, "ckplus"): 90.23,
    },
    source="figure 2.10 of the thesis (CK+)",
    chosen={"": ADAPTIVE},
)
