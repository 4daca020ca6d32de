"""Attention in backbones and classifiers of KerasHub."""

import keras
import numpy as np
import pytest
from attaching_networks import difference, settled
from layer_probes import features

import attention_fer

pytestmark = pytest.mark.slow  # imports KerasHub, builds networks

hub = pytest.importorskip("keras_hub")
IMAGES = features(4, 32, 32, 3)


def backbone(**options):
    return hub.models.ResNetBackbone(
        input_conv_filters=[8],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[2, 1],
        stackwise_num_strides=[1, 2],
        block_type="bottleneck_block",
        **options,
    )


@pytest.mark.parametrize("pre", [False, True])
def test_a_backbone_of_any_size(pre):
    plain = settled(backbone(use_pre_activation=pre), IMAGES)
    attached, receipt = attention_fer.attach(plain, "eca", after=["residual", "stage"])
    branches = [place for place in receipt.places if place.after.endswith(("3_bn", "3_conv"))]
    assert len(branches) == 3 and len(receipt.places) == 6
    assert difference(attached, plain, IMAGES) == 0
    assert receipt.weights_kept == receipt.weights == len(plain.weights)
    assert any("ResNetBackbone" in note for note in receipt.notes)
    again, _ = attention_fer.detach(attached)
    assert difference(again, plain, IMAGES) == 0


def test_a_classifier_whose_backbone_is_a_model_inside():
    body = settled(backbone(use_pre_activation=False), IMAGES)
    plain = hub.models.ImageClassifier(backbone=body, num_classes=3, preprocessor=None)
    attached, receipt = attention_fer.attach(plain, "eca", after="residual")
    assert len(receipt.places) == 3
    assert all("/" in place.after for place in receipt.places)
    assert difference(attached, plain, IMAGES) == 0
    attached.compile("sgd", "sparse_categorical_crossentropy")
    attached.fit(IMAGES, np.arange(4) % 3, verbose=0)
    assert keras.backend.backend()
