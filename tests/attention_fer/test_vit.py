"""ViT against NumPy, its parameter counts, its options, and what the transformers share."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import transformer_reference as reference
from layer_probes import BACKEND, channels_first, randomised, to_numpy, without_values

from attention_fer.models import ConViT, DeiT, ViT
from attention_fer.models.parts.residual_layers import StochasticDepth
from attention_fer.models.parts.transformer_block import patch_grid

pytestmark = pytest.mark.slow  # builds networks

TINY = {
    "input_shape": (8, 12, 2),
    "classes": 3,
    "patch_size": 4,
    "hidden_dim": 8,
    "layers": 2,
    "heads": 2,
    "mlp_dim": 12,
}
SQUARE = {**TINY, "input_shape": (12, 12, 1), "heads": 4, "layers": 3}
IMAGES = np.random.default_rng(0).normal(size=(3, 8, 12, 2)).astype("float32")
each_transformer = pytest.mark.parametrize("build", [ViT, DeiT, ConViT])
LOAD = """
import sys
from pathlib import Path
import keras, numpy as np
import attention_fer.models
for name in sys.argv[1:]:
    loaded = keras.saving.load_model(f"{name}.keras")
    np.save(f"{name}.npy", keras.ops.convert_to_numpy(loaded(np.load("images.npy"))))
assert "keras_hub" not in sys.modules
"""
# DeiT's blocks are ViT's.
each_block = pytest.mark.parametrize(("build", "layers"), [(ViT, 2), (ConViT, 3)])
each_end = pytest.mark.parametrize(("build", "layers"), [(DeiT, 1), (ConViT, 3)])


def parameters(build, size):
    with without_values():
        return build(size=size).count_params()


def test_it_computes_what_the_paper_says():
    model = randomised(ViT(**TINY), seed=1, scale=0.3)
    expected, _ = reference.vit(model, IMAGES, layers=2)
    np.testing.assert_allclose(to_numpy(model(IMAGES)), expected, atol=1e-5)


def test_it_has_the_published_parameter_count():
    assert parameters(ViT, "base") == 86_567_656


@pytest.mark.slow
def test_the_other_sizes_have_the_parameter_counts_of_timm():
    assert parameters(ViT, "tiny") == 5_717_416
    assert parameters(ViT, "small") == 22_050_664
    assert parameters(ViT, "large") == 304_326_632


def test_width_keeps_the_heads_and_scales_tokens_and_dense_layers():
    model = ViT(input_shape=(48, 48, 1), classes=7, layers=1, width=0.125)
    shapes = {variable.path: tuple(variable.shape) for variable in model.weights}
    assert shapes["transformer_block_1_mha/query/kernel"] == (96, 12, 8)
    assert shapes["transformer_block_1_mlp_dense_1/kernel"] == (96, 384)
    # To the nearest multiple of the heads: 0.13 * 768 is 99.84.
    assert ViT(input_shape=(48, 48, 1), layers=1, width=0.13).get_layer("ln").gamma.shape == (96,)


@each_block
def test_initial_weights_are_a_function_of_the_seed(build, layers):
    options = {**SQUARE, "layers": layers, "dropout": 0.1, "drop_path": 0.1}
    first, again, other = (build(**options, seed=seed) for seed in (1, 1, 2))
    for one, same, another in zip(first.weights, again.weights, other.weights, strict=True):
        np.testing.assert_array_equal(to_numpy(one), to_numpy(same))
        drawn = np.unique(to_numpy(one)).size > 2 and "position_kernel" not in one.path
        if drawn and not one.path.endswith(("value/kernel", "seed_generator_state")):
            assert (to_numpy(one) != to_numpy(another)).any(), one.path


@each_block
def test_initial_kernels_are_small_and_each_drawn_by_itself(build, layers):
    model = build(**{**SQUARE, "layers": layers, "hidden_dim": 48}, seed=1)
    kernels = [v for v in model.weights if v.path.endswith("kernel") and "_block_" in v.path]
    kernels = [v for v in kernels if "gpsa/value" not in v.path and "position_" not in v.path]
    drawn = [to_numpy(variable).ravel() for variable in kernels]
    for values in drawn:
        # A normal of deviation 0.02 that is cut at twice that has one of 0.0176.
        assert abs(values.std() - 0.0176) < 0.002
        assert abs(values).max() <= 0.04
    assert len({values[:48].tobytes() for values in drawn}) == len(drawn)
    for name in ("class_token/tokens", "position_embedding/positions"):
        [tokens] = [to_numpy(v) for v in model.weights if v.path == name]
        assert 0 < abs(tokens).max() <= 0.04


@each_block
def test_drop_path_grows_evenly_and_changes_nothing_at_inference(build, layers):
    images = np.random.default_rng(0).normal(size=(2, 12, 12, 1)).astype("float32")
    options = {**SQUARE, "layers": layers, "seed": 1}
    plain, dropping = (build(**options, drop_path=rate) for rate in (0.0, 0.4))
    rates = [layer.rate for layer in dropping.layers if isinstance(layer, StochasticDepth)]
    np.testing.assert_allclose(rates, [0.4, 0.4] if layers == 2 else [0.2, 0.2, 0.4, 0.4])
    assert not any(isinstance(layer, StochasticDepth) for layer in plain.layers)
    as_it_is = to_numpy(plain(images))
    np.testing.assert_array_equal(to_numpy(dropping(images)), as_it_is)
    drawn = [to_numpy(dropping(images, training=True)) for _ in range(4)]
    assert any((probabilities != as_it_is).any() for probabilities in drawn)


def test_dropout_comes_after_positions_attention_and_both_dense_layers():
    model = ViT(**{**TINY, "layers": 1}, dropout=0.2)
    names = [layer.name for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    block = "transformer_block_1"
    assert names == [
        "dropout",
        f"{block}_dropout",
        f"{block}_mlp_dropout_1",
        f"{block}_mlp_dropout_2",
    ]
    assert not any("dropout" in layer.name for layer in ViT(**TINY).layers)


@each_end
def test_it_trains_and_is_saved_and_loaded_with_equal_outputs(build, layers, tmp_path):
    images = np.random.default_rng(0).normal(size=(4, 12, 12, 1)).astype("float32")
    model = build(**{**SQUARE, "layers": layers}, drop_path=0.1, dropout=0.1, seed=1)
    before = to_numpy(model(images))
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    model.train_on_batch(images, np.arange(4, dtype="int32") % 3)
    after = to_numpy(model(images))
    assert abs(after - before).max() > 1e-5
    model.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(to_numpy(loaded(images)), after)


@pytest.mark.parametrize(("build", "special"), [(ViT, 1), (DeiT, 2), (ConViT, 1)])
def test_without_top_it_gives_all_tokens_or_those_of_the_patches_pooled(build, special):
    whole = randomised(build(**SQUARE), seed=1, scale=0.3)
    images = np.random.default_rng(0).normal(size=(2, 12, 12, 1)).astype("float32")
    expected = to_numpy(keras.Model(whole.input, whole.get_layer("ln").output)(images))
    options = {**SQUARE, "include_top": False, "weights": whole}
    tokens = to_numpy(build(**options)(images))
    assert tokens.shape == (2, 9 + special, 8)
    np.testing.assert_allclose(tokens, expected, atol=1e-6)
    for pooling, reduce in {"avg": np.mean, "max": np.max}.items():
        pooled = to_numpy(build(**options, pooling=pooling)(images))
        np.testing.assert_allclose(pooled, reduce(expected[:, special:], axis=1), atol=1e-5)


def test_it_continues_an_input_tensor():
    image = keras.Input((8, 12, 2))
    model = ViT(**{**TINY, "input_shape": None}, input_tensor=keras.layers.Rescaling(0.5)(image))
    plain = ViT(**TINY, weights=model)
    np.testing.assert_allclose(to_numpy(model(IMAGES)), to_numpy(plain(0.5 * IMAGES)), atol=1e-6)


def test_channels_first_networks_compute_the_same():
    last = randomised(ViT(**TINY), seed=1, scale=0.3)
    keras.config.set_image_data_format("channels_first")
    try:
        model = ViT(**{**TINY, "input_shape": (2, 8, 12)})
        assert patch_grid(model) == (2, 3)
        model.set_weights(last.get_weights())
        if BACKEND != "tensorflow":  # which does not convolve channels first on a CPU
            y = to_numpy(model(channels_first(IMAGES)))
            np.testing.assert_allclose(y, to_numpy(last(IMAGES)), atol=1e-6)
    finally:
        keras.config.set_image_data_format("channels_last")


@each_end
def test_mixed_precision_gives_float32_probabilities(build, layers):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = build(**{**SQUARE, "layers": layers})
    finally:
        keras.config.set_dtype_policy("float32")
    probabilities = model(np.ones((1, 12, 12, 1), "float32"))
    assert keras.backend.standardize_dtype(probabilities.dtype) == "float32"
    assert model.get_layer("ln").compute_dtype == "float16"


@pytest.mark.slow
def test_a_fresh_process_loads_all_three_without_custom_objects(tmp_path):
    images = np.random.default_rng(0).normal(size=(2, 12, 12, 1)).astype("float32")
    np.save(tmp_path / "images.npy", images)
    options = {**SQUARE, "drop_path": 0.1, "dropout": 0.1, "head": "five-dense"}
    models = {build.__name__: build(**options) for build in (ViT, DeiT, ConViT)}
    for name, model in models.items():
        model.save(tmp_path / f"{name}.keras")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = [sys.executable, "-c", LOAD, *models]
    subprocess.run(command, env=environment, cwd=tmp_path, check=True)
    for name, model in models.items():
        found = np.load(tmp_path / f"{name}.npy")
        np.testing.assert_allclose(found, to_numpy(model(images)), atol=1e-6)


@each_transformer
def test_attention_modules_are_refused_with_the_networks_that_take_them(build):
    with pytest.raises(ValueError, match=r"attention.*None.*'cbam'.*resnet50"):
        build(**SQUARE, attention="cbam")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"input_shape": (50, 48, 1), "patch_size": 16},
            r"patch_size.*divide.*16 for 50 x 48.*48 x 48.*patch_size=2",
        ),
        ({"input_shape": (8, 8, 1), "patch_size": 16}, "16 x 16.*patch_size=8"),
        ({"input_shape": (None, 8, 1)}, "known height and width"),
        ({"size": "bas"}, "Did you mean 'base'"),
        ({"heads": 3}, "heads.*divide hidden_dim.*3.*8"),
        ({"layers": 0}, "layers.*integer.*0"),
        ({"patch_size": 0}, "patch_size.*integer.*0"),
        ({"drop_path": -0.1}, "rate.*at least 0"),
        ({"width": 0}, "width.*above 0"),
        ({"head": "ten-dense"}, "five-dense"),
        ({"pooling": "mean"}, "pooling.*'avg', 'max'"),
        ({"head": "linear", "include_top": False}, "head.*include_top=True"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ViT(**{**TINY, **options})
