"""ResidualMaskingNetwork against its parameter count and a NumPy network of the authors' code."""

import functools

import backbone_probes as probes
import convolution_reference as ref
import numpy as np
import pytest
from layer_probes import features, to_numpy

from attention_fer import models

pytestmark = pytest.mark.slow  # builds networks

# 44 by 36 pixels make odd maps in the masks, where the authors' code would fail.
SMALL = {"input_shape": (44, 36, 2), "classes": 3, "width": 0.03125}


def conv_norm(x, w, name, stride=1):
    kernel = w[f"{name}_conv"][0]
    return ref.norm(ref.conv(x, kernel, stride=stride, pad=kernel.shape[0] // 2), *w[f"{name}_bn"])


def block(x, w, name, stride=1):
    shortcut = conv_norm(x, w, f"{name}_0", stride) if f"{name}_0_conv" in w else x
    y = np.maximum(conv_norm(x, w, f"{name}_1", stride), 0)
    return np.maximum(conv_norm(y, w, f"{name}_2") + shortcut, 0)


def up(x, skip, w, name):
    y = ref.norm(ref.doubled(x, *w[f"{name}_conv"]), *w[f"{name}_bn"])
    y = np.maximum(y, 0)[:, : skip.shape[1], : skip.shape[2]]
    return np.concatenate([y, skip], axis=-1)


def mask(x, w, depth, name):
    """Masking1 to Masking4 of the authors, which are one network of four depths."""
    maps = [block(x, w, f"{name}_down1")]
    for i in range(2, depth + 1):
        maps.append(block(ref.max_pool(maps[-1], ceil=True), w, f"{name}_down{i}"))
    x = maps.pop()
    for i in range(depth - 1, 0, -1):
        x = block(up(x, maps.pop(), w, f"{name}_up{i}"), w, f"{name}_fuse{i}")
    return ref.softmax(block(x, w, f"{name}_out"))


def network(x, w, masks=True):
    x = np.maximum(conv_norm(x, w, "conv1", stride=2), 0)
    x = ref.max_pool(x, size=3, pad=1)
    for stage, depth in zip((2, 3, 4, 5), (3, 4, 6, 3), strict=True):
        for i in range(1, depth + 1):
            x = block(x, w, f"conv{stage}_block{i}", 2 if i == 1 and stage > 2 else 1)
        if masks:
            x = x * (1 + mask(x, w, 6 - stage, f"conv{stage}_mask"))
    kernel, bias = w["predictions"]
    return x.mean((1, 2)) @ kernel + bias


@functools.cache
def small():
    built = models.ResidualMaskingNetwork(**SMALL, classifier_activation=None)
    return probes.randomised_network(built)


def test_the_outputs_are_those_of_the_authors_code_in_numpy():
    x = features(2, 44, 36, 2)
    w = ref.weights_by_layer(small())
    expected = network(x.astype("float64"), w)
    without = network(x.astype("float64"), w, masks=False)
    assert np.abs(expected - without).max() > 0.1 * expected.std()
    atol = 1e-4 * expected.std()
    np.testing.assert_allclose(to_numpy(small()(x)), expected, rtol=1e-4, atol=atol)


@pytest.mark.slow
def test_without_masks_it_is_resnet_34():
    x = features(2, 44, 36, 2)
    options = {"masks": False, "classifier_activation": None, "weights": small()}
    plain = models.ResidualMaskingNetwork(**SMALL, **options)
    expected = network(x.astype("float64"), ref.weights_by_layer(small()), masks=False)
    atol = 1e-4 * expected.std()
    np.testing.assert_allclose(to_numpy(plain(x)), expected, rtol=1e-4, atol=atol)


def parameters(filters, depth):
    """Of one masking block, from the authors' list of its layers."""

    def block(before, after):
        return 9 * before * after + 9 * after * after + before * after + 6 * after

    f = [filters * 2**i for i in range(depth + 1)]
    down = sum(block(f[i - 1], f[i]) for i in range(1, depth + 1))
    up = sum(4 * f[i + 1] * f[i] + 3 * f[i] + block(f[i + 1], f[i]) for i in range(1, depth))
    return down + up + block(f[1], f[0])


def test_the_parameters_are_those_of_the_authors_network():
    """137,796,423 is what PyTorch counts in `resmasking_dropout1`."""
    model = probes.plan("residual_masking")
    assert model.input_shape == (None, 224, 224, 3)
    masks = sum(parameters(64 * 2**i, 4 - i) for i in range(4))
    inside = [x for x in model.layers if "_mask_" in x.name]
    assert sum(map(probes.trainable, inside)) == masks
    # ResNet-34 for 1000 classes has 21,797,672.
    resnet34 = 21_797_672 - (512 + 1) * (1000 - 7)
    assert probes.trainable(model) == masks + resnet34 == 137_796_423
    assert model.get_layer("dropout").rate == 0.4
    zero = [x for x in inside if x.name.endswith("_2_bn")]
    assert len(zero) == 20 and all(_starts_at_zero(x) for x in zero)
    others = [x for x in model.layers if x.name.endswith("_bn") and x not in zero]
    assert not any(_starts_at_zero(x) for x in others)


def _starts_at_zero(layer):
    return type(layer.gamma_initializer).__name__ == "Zeros"


@pytest.mark.slow
@pytest.mark.parametrize(("pixels", "stem"), [(48, "small"), (32, "imagenet")])
def test_it_trains_on_small_faces_and_is_saved_whole(pixels, stem, tmp_path):
    options = {"input_shape": (pixels, pixels, 1), "width": 0.125, "stem": stem, "seed": 1}
    model = models.ResidualMaskingNetwork(**options, attention="eca", attention_stages=(5,))
    probes.randomised_network(
        model
    )  # else a mask's branches, whose scale is zero, have no gradient
    # A bias that a normalisation takes out again has none either.
    idle = [f"up{i}_conv/bias" for i in (1, 2, 3)]
    probes.trains_saves_and_loads(model, tmp_path, idle)


@pytest.mark.slow
def test_networks_of_one_seed_start_equal_where_both_have_a_layer():
    probes.starts_equal("residual_masking", **SMALL)


@pytest.mark.slow
def test_it_computes_the_same_channels_first():
    probes.computes_the_same_channels_first(
        small(), "residual_masking", **SMALL, classifier_activation=None
    )


@pytest.mark.slow
def test_under_mixed_precision_the_classifier_computes_in_float32():
    probes.ends_in_float32_under_mixed_precision("residual_masking", attention="eca", **SMALL)


@pytest.mark.slow
def test_attention_is_in_the_residual_blocks_alone():
    model = probes.plan("residual_masking", attention="eca", attention_stages=(3, 5), **SMALL)
    expected = [f"conv{s}_block{i}_attention" for s, n in ((3, 4), (5, 3)) for i in range(1, n + 1)]
    assert probes.attentions(model) == expected
    around = probes.around(model, "conv3_block1_attention")
    assert around == (["conv3_block1_2_bn"], {"conv3_block1_add"})


@pytest.mark.slow
def test_the_kernels_start_as_the_authors_do():
    model = models.ResidualMaskingNetwork(width=0.25, input_shape=(32, 32, 3))
    for name in ("conv3_block1_1_conv", "conv2_mask_down3_0_conv"):
        kernel = model.get_layer(name).get_weights()[0]
        fan_out = kernel.shape[0] * kernel.shape[1] * kernel.shape[3]
        assert abs(kernel.std() / np.sqrt(2 / fan_out) - 1) < 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_shape": (31, 48, 1)}, "ResidualMasking.*at least 32 pixels"),
        ({"input_shape": (7, 8, 1), "stem": "small"}, "at least 8 pixels"),
        ({"stem": "smal"}, "Did you mean 'small'"),
        ({"attention_stages": (1,)}, r"some of \(2, 3, 4, 5\)"),
        ({"attention_position": "after-3x3"}, "'pre-add', 'post-add'"),
        ({"head": "five"}, "head.*'five'.*'five-dense'"),
        ({"weights": "imagenet", **SMALL}, "'residual_masking'.*ImageNet"),
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_with_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        probes.plan("residual_masking", **options)
