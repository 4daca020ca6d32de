"""Positions of attention in VGG-16: Table 2.13 of the published thesis.

    python -m benchmarks.run --table vgg-placement

Method 1 is described as "after the activation of each convolution", but its printed number of
parameters, 39.99 M, is that of one module at the end of each block (39,994,083 with SE; after every
convolution it would be 40,147,023), which is used here. Method 2 has the module before the dense
layers (39,949,543, printed 39.95 M). Method 3, "layers 11 and 14", counts Keras layers with the
input as 0: the first convolution of the fourth block and the pooling after its last convolution.
Here one module follows each of these two convolutions; the printed 36.81 M matches no placement in
a complete VGG-16. The thesis does not name the module; SE is used here.
"""

from benchmarks.table import Row, Table

BACKBONE = "vgg16"
ENDS_OF_BLOCKS = (2, 4, 7, 10, 13)
METHODS = {
    "method 1": Row(BACKBONE, "se", options={"attention_position": ENDS_OF_BLOCKS}),
    "method 2": Row(BACKBONE, "se"),
    "method 3": Row(BACKBONE, "se", options={"attention_position": (8, 10)}),
}
# Accuracy in percent on CK+.
PUBLISHED = {"method 1": 89.01, "method 2": 90.11, "method 3": 87.91}

VGG_PLACEMENT = Table(
    name="vgg-placement",
    title="Positions of SE in VGG-16",
    rows=(Row(BACKBONE), *METHODS.values()),
    published={(METHODS[name], "ckplus"): value for name, value in PUBLISHED.items()},
    source="Table 2.13 of the thesis (CK+); methods 1, 2 and 3 in this order; module not named",
    # At an eighth of its width the first block has fewer channels than SE's reduction ratio.
    quick={"width": 0.25},
)
