"""`weights="imagenet"`: what is asked of keras.applications, and what happens without network."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from layer_probes import randomised, to_numpy

from attention_fer import models


def network(**options):
    return models.build("resnet50", **{"width": 0.1, **options})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "classes", "whole"), [(224, 1000, True), (224, 7, False), (64, 1000, True)]
)
def test_imagenet_takes_the_weights_of_keras_applications(monkeypatch, size, classes, whole):
    asked = {}

    def resnet50(**options):
        asked.update(options)
        shape = (224, 224, 3) if options["include_top"] else (None, None, 3)
        top = {"include_top": options["include_top"], "classes": 1000}
        asked["model"] = randomised(network(input_shape=shape, **top), seed=7)
        return asked["model"]

    monkeypatch.setattr(keras.applications, "ResNet50", resnet50)
    ours = network(weights="imagenet", input_shape=(size, size, 3), classes=classes)
    assert (asked["weights"], asked["include_top"]) == ("imagenet", whole)
    given = {v.path: to_numpy(v) for v in asked["model"].weights}
    assert ("predictions/kernel" in given) == whole
    for variable in ours.weights:
        if whole or not variable.path.startswith("predictions"):
            np.testing.assert_array_equal(to_numpy(variable), given[variable.path])


def test_imagenet_without_network_says_what_to_do(tmp_path):
    code = (
        "from attention_fer import models\n"
        "try:\n    models.VGG16(weights='imagenet', input_shape=(32, 32, 3), width=0.1)\n"
        "except RuntimeError as error:\n    print('refused:', error)\n"
    )
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = {**os.environ, **proxies, "KERAS_HOME": str(tmp_path), "no_proxy": ""}
    process = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
    )
    said = process.stdout.partition("refused: ")[2]
    assert "ImageNet weights of VGG16" in said and "path as weights" in said
    assert "~/.keras/models" in said
