"""Searches for hyperparameters in the published thesis, all but one of them on ResNet-50.

    python -m benchmarks.run --table NAME

Each table below has its source and its NAME in a comment. The reference is the value that the
thesis chose.
"""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.plan.settings import PUBLISHED_BATCH
from benchmarks.table import Row, Table

BACKBONE = "resnet50"
PLAIN = Row(BACKBONE)


def _search(
    name: str,
    title: str,
    row: Callable[[Any], Row],
    accuracies: Mapping[Any, float | None],
    chosen: Any,
    source: str = "",
    before: tuple[Row, ...] = (),
) -> Table:
    """A row for each value of a hyperparameter, after the rows `before`.

    `accuracies` are in percent on CK+, by value; None where no figure was published.
    """
    rows = {value: row(value) for value in accuracies}
    return Table(
        name=name,
        title=title,
        rows=(*before, *rows.values()),
        published={(rows[v], "ckplus"): a for v, a in accuracies.items() if a is not None},
        source=source and f"{source} of the thesis (CK+)",
        chosen={"": rows[chosen]},
    )


# Table 2.8, appendix C.3.6: reduction-se.
REDUCTION_SE = _search(
    "reduction-se",
    "Reduction ratios of SE in ResNet-50",
    lambda ratio: Row(BACKBONE, "se", config={"reduction_ratio": ratio}),
    {4: 87.2637, 8: 88.4615, 16: 89.5604, 32: 87.9121},
    chosen=16,
    source="appendix C.3.6",
    before=(PLAIN,),
)

# Appendix C.3.8: reduction-cbam.
REDUCTION_CBAM = _search(
    "reduction-cbam",
    "Reduction ratios of CBAM in ResNet-50",
    lambda ratio: Row(BACKBONE, "cbam", config={"reduction_ratio": ratio}),
    {4: 90.46, 8: 89.01, 16: 91.21, 32: 90.66},
    chosen=16,
    source="appendix C.3.8",
    before=(PLAIN,),
)

# Figure 2.10: eca-kernel; None is the adaptive size. The published ECA differs from the paper's:
# see `benchmarks.published`, which `--variant published` uses.
ECA_KERNEL = _search(
    "eca-kernel",
    "Kernel sizes of ECA in ResNet-50",
    lambda size: Row(BACKBONE, "eca", config={"kernel_size": size} if size else {}),
    {1: 88.46, 3: 89.65, 5: 89.11, 7: 87.36, 9: 88.56, None: 90.23},
    chosen=None,
    source="figure 2.10",
    before=(PLAIN,),
)

# Table 2.13: vgg-placement, compared with VGG-16 without attention. The thesis does not name the
# module; SE is used here.
METHODS = {
    # Described as "after the activation of each convolution", but the printed number of parameters,
    # 39.99 M, is that of one module at the end of each block (39,994,083 with SE; after every
    # convolution it would be 40,147,023), which is used here.
    "method 1": Row("vgg16", "se", options={"attention_position": (2, 4, 7, 10, 13)}),
    # Before the dense layers (39,949,543, printed 39.95 M).
    "method 2": Row("vgg16", "se"),
    # "Layers 11 and 14" counts Keras layers with the input as 0: the first convolution of the
    # fourth block and the pooling after its last convolution. Here one module follows each of these
    # two convolutions; the printed 36.81 M matches no placement in a complete VGG-16.
    "method 3": Row("vgg16", "se", options={"attention_position": (8, 10)}),
}
VGG_PLACEMENT = Table(
    name="vgg-placement",
    title="Positions of SE in VGG-16",
    rows=(Row("vgg16"), *METHODS.values()),
    published={
        (METHODS["method 1"], "ckplus"): 89.01,
        (METHODS["method 2"], "ckplus"): 90.11,
        (METHODS["method 3"], "ckplus"): 87.91,
    },
    source="Table 2.13 of the thesis (CK+); methods 1, 2 and 3 in this order; module not named",
    # At an eighth of its width the first block has fewer channels than SE's reduction ratio.
    quick={"width": 0.25},
)

# Appendix C.3.1: activation.
ACTIVATION = _search(
    "activation",
    "Activation functions in ResNet-50",
    lambda name: Row(BACKBONE, options={"activation": name}),
    {"relu": 85.16, "elu": 87.91, "selu": 88.21},
    chosen="elu",
    source="appendix C.3.1",
)

# Appendix C.3.2: pooling, the global pooling before the classifier.
POOLING = _search(
    "pooling",
    "Global pooling in ResNet-50",
    lambda kind: Row(BACKBONE, options={"pooling": kind}),
    {"max": 82.97, "avg": 88.46},
    chosen="avg",
    source="appendix C.3.2",
)


# Appendices C.3.3 to C.3.5: batch-size. Each of three datasets has its own sizes; other datasets
# get those of FER2013. The appendices do not name the network; the other experiments there use
# ResNet-50.
def _of_size(size: int) -> Row:
    return Row(BACKBONE, settings={"batch_size": size})


BATCH_SIZES = {
    "ckplus": {8: 88.01, 16: 88.01, 32: 86.91, 64: 85.81},
    "jaffe": {2: 60.00, 4: 68.89, 8: 64.44, 16: 15.56},
    "fer2013": {32: 57.02, 64: 58.05, 128: 57.17, 256: 53.98},
}
BATCH_SIZE = Table(
    name="batch-size",
    title="Batch sizes of ResNet-50",
    rows=tuple(map(_of_size, BATCH_SIZES["fer2013"])),
    published={
        (_of_size(size), dataset): accuracy
        for dataset, accuracies in BATCH_SIZES.items()
        for size, accuracy in accuracies.items()
    },
    source="appendices C.3.3 to C.3.5 of the thesis; network not named",
    chosen={dataset: _of_size(size) for dataset, size in {**PUBLISHED_BATCH, "": 64}.items()},
    special={name: tuple(map(_of_size, BATCH_SIZES[name])) for name in ("ckplus", "jaffe")},
)

# Search space of Table 2.16, without published figures: optimizer. The learning rates of the
# rejected optimizers are unknown, so all rows use 1e-4, the rate of the final settings.
OPTIMIZER = _search(
    "optimizer",
    "Optimizers of ResNet-50",
    lambda name: Row(BACKBONE, settings={"optimizer": name, "learning_rate": 1e-4}),
    dict.fromkeys(("adam", "rmsprop", "adagrad", "sgd")),
    chosen="adam",
)

# Search space of Table 2.16, without published figures: learning-rate, of Adam.
LEARNING_RATE = _search(
    "learning-rate",
    "Learning rates of ResNet-50",
    lambda rate: Row(BACKBONE, settings={"optimizer": "adam", "learning_rate": rate}),
    dict.fromkeys((1e-1, 1e-3, 1e-4, 1e-5)),
    chosen=1e-4,
)
