"""Attaches CBAM to a network of every family of keras.applications, for the table of attaching.md.

`make families` writes the table into the page. It takes minutes and needs no weights: the networks
have random kernels, and normalisations that fit them.
"""

import sys
from pathlib import Path

import keras
import numpy as np
from attaching_networks import outputs, settled

import attention_fer
from attention_fer.common.files import write_text

PAGE = Path(__file__).resolve().parents[2] / "docs" / "attaching.md"
HEAD = (
    "| network | input | residual | parameters | stage | parameters | weights kept | difference |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
)
MODULE = ("cbam", {"reduction_ratio": 8})  # NASNet has branches of 11 channels.
# The smallest network of each family, and the smallest input that it takes.
NETWORKS = {
    "ConvNeXtTiny": 32,
    "DenseNet121": 32,
    "EfficientNetB0": 32,
    "EfficientNetV2B0": 32,
    "InceptionResNetV2": 75,
    "InceptionV3": 75,
    "MobileNet": 32,
    "MobileNetV2": 32,
    "MobileNetV3Small": 32,
    "NASNetMobile": 32,
    "ResNet50": 32,
    "ResNet50V2": 32,
    "VGG16": 32,
    "VGG19": 32,
    "Xception": 71,
}


def network(name):
    """Return a network that returns logits, and images."""
    side = NETWORKS[name]
    build = getattr(keras.applications, name)
    keras.utils.set_random_seed(0)
    model = build(weights=None, input_shape=(side, side, 3), classes=7, classifier_activation=None)
    images = np.random.default_rng(0).uniform(0, 255, (8, side, side, 3)).astype("float32")
    return settled(model, images), images


def row(name):
    """Return the line of the table for one network, and the spread of its logits over images."""
    model, images = network(name)
    (logits,) = outputs(model, images)
    cells, kept, differences = [], set(), []
    for after in ("residual", "stage"):
        try:
            attached, receipt = attention_fer.attach(model, MODULE, after=after)
        except ValueError as error:
            if "no such place" not in str(error):
                raise
            cells += ["none", ""]
            continue
        cells += [str(len(receipt.places)), f"{receipt.parameters:,}"]
        kept.add(f"{receipt.weights_kept} of {receipt.weights}")
        differences.append(np.abs(outputs(attached, images)[0] - logits).max())
    (weights,) = kept
    cells = [name, f"{NETWORKS[name]} x {NETWORKS[name]}", *cells, weights]
    return f"| {' | '.join(cells)} | {max(differences):g} |", logits.std(axis=0).min()


def main():
    """Write the table into the page."""
    rows = []
    for name in NETWORKS:
        rows.append(row(name)[0])
        print(rows[-1], flush=True)
        keras.backend.clear_session()
    before, old, rest = PAGE.read_text(encoding="utf-8").partition(f"{HEAD[0]}\n")
    if not old:
        sys.exit(f"{PAGE} must have the head of the table, and has not: {HEAD[0]}")
    after = rest[rest.index("\n\n") :]
    write_text(PAGE, before + "\n".join([*HEAD, *rows]) + after)


if __name__ == "__main__":
    main()
