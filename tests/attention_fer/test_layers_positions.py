"""Modules whose gates depend on the position, against NumPy: all ranks, formats and options."""

import keras
import numpy as np
import pytest
import reference_positions as reference
from layer_probes import CHANNELS, built, channels_first, features, to_numpy, with_options
from reference import se as squeeze_and_excitation

from attention_fer import layers

SHAPES = {1: (2, 13, CHANNELS), 2: (2, 9, 6, CHANNELS), 3: (2, 3, 4, 5, CHANNELS)}
SPECS = [
    ("coord", {}),
    ("coord", {"reduction_ratio": 3}),
    ("triplet", {}),
    ("triplet", {"kernel_size": 3, "use_spatial": False}),
    ("cse", {}),
    ("sse", {}),
    ("scse", {}),
    ("scse", {"combination": "add", "reduction_ratio": 5}),
    ("bam", {}),
    ("bam", {"combination": "sum", "dilation": 2, "reduction_ratio": 5}),
    ("lka", {}),
    ("lka", {"kernel_size": 3, "dilated_kernel_size": 3, "dilation": 2}),
    ("van_attention", {}),
]
NORMALISED = [spec for spec in SPECS if spec[0] in ("coord", "triplet", "bam")]
each_spec = pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{s[0]}{list(s[1].values())}")
each_rank = pytest.mark.parametrize("rank", (1, 2, 3))


def sublayers(layer):
    return {one.name: one for one in layer._flatten_layers(include_self=False)}


def expected(spec, layer, x, **options):
    """Output and gates that NumPy computes with the layer's weights."""
    name, given = spec
    w = {part: [np.asarray(a, "float64") for a in one.get_weights()]
         for part, one in sublayers(layer).items()}  # fmt: skip
    x = x.astype("float64")
    if name == "cse":
        gates = squeeze_and_excitation(x, *w["squeeze"], *w["excite"], start=layer.start)
        return x * gates["channel"], gates
    taken = ("combination", "dilation", "use_spatial")
    options |= {key: value for key, value in given.items() if key in taken}
    return getattr(reference, name)(x, w, start=layer.start, **options)


def close(got, wanted):
    # Sums over large windows and many channels: relative to the largest value.
    size = max(1, np.abs(wanted).max())
    np.testing.assert_allclose(got / size, wanted / size, rtol=2e-5, atol=2e-6)


@each_spec
@each_rank
@pytest.mark.parametrize("start", ("paper", "identity"))
@pytest.mark.parametrize("data_format", ("channels_last", "channels_first"))
def test_output_and_gates_equal_the_reference(spec, rank, start, data_format):
    x = features(*SHAPES[rank])
    moved = channels_first if data_format == "channels_first" else np.asarray
    options = {"start": start, "data_format": data_format}
    layer = built(with_options(spec, **options), moved(x).shape, scale=0.3)
    y, gates = expected(spec, layer, x)
    close(to_numpy(layer(moved(x))), moved(y))
    maps = layer.attention_maps(moved(x))
    assert list(maps) == list(gates)
    for name, gate in gates.items():
        close(to_numpy(maps[name]), moved(gate))


@pytest.mark.parametrize("spec", NORMALISED, ids=str)
@each_rank
def test_training_normalises_by_the_batch(spec, rank):
    x = features(*SHAPES[rank], seed=4)
    layer = built(spec, x.shape)
    before = {name: one.get_weights() for name, one in sublayers(layer).items() if "bn" in name}
    y, _ = expected(spec, layer, x, training=True)
    assert np.abs(y - expected(spec, layer, x)[0]).max() > 1e-2
    np.testing.assert_allclose(to_numpy(layer(x, training=True)), y, rtol=2e-4, atol=2e-4)
    assert all(np.abs(sublayers(layer)[name].get_weights()[2] - old[2]).max() > 1e-5
               for name, old in before.items())  # fmt: skip


def normalised_by(layer, x):
    """A batch normalisation of the layer, what it sees, and the momentum of the authors."""
    axes = layer.spatial_axes
    if isinstance(layer, layers.CoordinateAttention):
        kernel, bias = layer.reduce.get_weights()
        means = [x.mean(tuple(b for b in axes if b != a)) for a in axes]
        return layer.bn, np.concatenate(means, axis=1) @ kernel + bias, 0.9
    if isinstance(layer, layers.BAM):
        kernel, bias = layer.squeeze.get_weights()
        return layer.squeeze_bn, x.mean(axes) @ kernel + bias, 0.9
    pooled = np.stack([x.max(-1), x.mean(-1)], axis=-1)
    return layer.bns[-1], reference.conv(pooled, layer.convs[-1].get_weights()[0]), 0.99


@pytest.mark.parametrize("name", ("coord", "bam", "triplet"))
@each_rank
def test_the_statistics_move_as_the_authors_do(name, rank):
    x = features(*SHAPES[rank], seed=5)
    layer = built(name, x.shape)
    norm, seen, momentum = normalised_by(layer, x)
    before = norm.get_weights()
    layer(x, training=True)
    axes = tuple(range(seen.ndim - 1))
    for index, found in ((2, seen.mean(axes)), (3, seen.var(axes))):
        wanted = momentum * before[index] + (1 - momentum) * found
        np.testing.assert_allclose(norm.get_weights()[index], wanted, rtol=1e-4, atol=1e-5)


C, W, TRIPLET = CHANNELS, 8, 2 * 49 + 2
PARAMETERS = [
    # Trainable weights: the numbers of the notes on each paper, by formula.
    ("coord", {}, 2, 3 * C * W + 2 * C + 3 * W),
    ("coord", {}, 1, 2 * C * W + C + 3 * W),
    ("coord", {}, 3, 4 * C * W + 3 * C + 3 * W),
    ("coord", {"reduction_ratio": 2}, 2, 3 * C * 16 + 2 * C + 3 * 16),
    ("triplet", {}, 2, 3 * TRIPLET),
    ("triplet", {"use_spatial": False}, 2, 2 * TRIPLET),
    ("triplet", {}, 1, 2 * (2 * 7 + 2)),
    ("triplet", {"kernel_size": 3}, 3, 4 * (2 * 27 + 2)),
    ("scse", {}, 2, 2 * C * (C // 2) + C // 2 + 2 * C + 1),
    ("cse", {}, 2, 2 * C * (C // 2) + C // 2 + C),
    ("sse", {}, 2, C + 1),
    ("sse", {"use_bias": False}, 2, C),
    ("scse", {"use_bias": False}, 2, 2 * C * (C // 2) + C),
    ("bam", {"reduction_ratio": 4}, 2, 3 * C * W + C + 18 * W**2 + 13 * W + 1),
    ("bam", {"reduction_ratio": 4}, 3, 3 * C * W + C + 54 * W**2 + 13 * W + 1),
    ("lka", {}, 2, C**2 + 77 * C),
    ("lka", {}, 1, C**2 + (5 + 7 + 3) * C),
    ("van_attention", {}, 2, C**2 + 77 * C + 2 * (C**2 + C)),
]


@pytest.mark.parametrize(("name", "options", "rank", "count"), PARAMETERS)
def test_the_number_of_parameters_follows_the_formula(name, options, rank, count):
    layer = built((name, options), (None,) * (rank + 1) + (CHANNELS,))
    assert sum(int(np.prod(v.shape)) for v in layer.trainable_weights) == count


def test_the_hidden_width_of_coordinate_attention_is_at_least_8():
    assert [built("coord", (None, 4, 4, c)).reduce.units for c in (4, 256, 288, 512)] == [
        8,
        8,
        9,
        16,
    ]


def test_views_of_bam_combine_to_its_gate():
    x = features(*SHAPES[2])
    for combination, combine in (("product", np.multiply), ("sum", np.add)):
        layer = built(("bam", {"combination": combination}), x.shape)
        views = {name: to_numpy(view) for name, view in layer.attention_views(x).items()}
        assert views["channel"].shape == (2, 1, 1, CHANNELS)
        assert views["spatial"].shape == (2, 9, 6, 1)
        gate = 1 + 1 / (1 + np.exp(-combine(views["channel"], views["spatial"])))
        np.testing.assert_allclose(to_numpy(layer.attention_maps(x)["all"]), gate, rtol=1e-5)


def test_the_view_of_van_attention_is_the_gate_of_its_lka():
    x = features(*SHAPES[2])
    last = built("van_attention", x.shape)
    first = layers.VANAttention(data_format="channels_first")
    first.build(channels_first(x).shape)
    first.set_weights(last.get_weights())
    gelu = keras.activations.gelu(last.dense1(x), approximate=False)
    gate = to_numpy(last.lka.attention_maps(gelu)["all"])
    close(to_numpy(last.attention_views(x)["lka"]), gate)
    close(to_numpy(first.attention_views(channels_first(x))["lka"]), channels_first(gate))


def test_the_larger_product_wins_not_the_larger_gate():
    x = features(*SHAPES[2])
    layer = built("scse", x.shape)
    gates = [to_numpy(gate) for gate in layer.attention_maps(x).values()]
    large, small = np.maximum(*gates), np.minimum(*gates)
    assert (large - small).max() > 0.1
    close(to_numpy(layer(x)), x * np.where(x > 0, large, small))


@pytest.mark.parametrize("name", ("scse", "bam"))
def test_an_unknown_combination_is_refused(name):
    with pytest.raises(ValueError, match=r"Unknown combination: 'mean'. Allowed: '(max|product)'"):
        layers.get((name, {"combination": "mean"}))


@pytest.mark.parametrize(
    ("name", "argument"),
    [("triplet", "kernel_size"), ("lka", "kernel_size"), ("lka", "dilated_kernel_size")],
)
def test_a_window_is_odd(name, argument):
    with pytest.raises(ValueError, match=f"{argument} must be odd.*6.*5 and 7"):
        layers.get((name, {argument: 6}))


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("lka", "dilation"),
        ("bam", "dilation"),
        *((name, "reduction_ratio") for name in ("coord", "cse", "scse", "bam")),
    ],
)
@pytest.mark.parametrize("value", (0, 2.0, "4", True))
def test_numbers_are_integers_of_at_least_one(name, argument, value):
    with pytest.raises(ValueError, match=f"{argument} must be an integer of at least 1.*{value!r}"):
        layers.get((name, {argument: value}))


@pytest.mark.parametrize("name", ("cse", "scse", "bam"))
def test_a_ratio_above_the_channels_is_refused(name):
    with pytest.raises(ValueError, match=r"9 for 8 channels.*1 to 8"):
        layers.get((name, {"reduction_ratio": 9}))(features(1, 4, 4, 8))


@pytest.mark.slow
@pytest.mark.parametrize("name", ("coord", "cse", "sse", "scse", "bam", "lka", "van_attention"))
def test_a_quantised_module_computes_the_same_when_loaded(name, tmp_path):
    x = features(3, 5, 6, CHANNELS)
    image = keras.Input(x.shape[1:])
    model = keras.Model(image, built(name, x.shape, scale=0.2)(image))
    exact = to_numpy(model(x))
    model.quantize("int8", filters=lambda layer: isinstance(layer, keras.layers.Dense))
    quantised = to_numpy(model(x))
    assert 0 < np.abs(quantised - exact).max() < 0.1 * np.abs(exact).max()
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(to_numpy(again(x)), quantised)
