"""Grad-CAM against class activation maps, finite differences, and maps known by hand."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers as kl

from attention_fer import models
from attention_fer.explain import grad_cam
from attention_fer.explain.maps.gradcam import default_layer

pytestmark = pytest.mark.slow  # builds networks

RNG = np.random.default_rng(0)
IMAGES = (RNG.normal(size=(5, 1, 1, 2)) + RNG.random((5, 8, 8, 2))).astype("float32")


def randomised(model, seed=3, scale=1.0):
    rng = np.random.default_rng(seed)
    model.set_weights([scale * rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def bilinear(maps, size):
    """Half-pixel centres, edges repeated; one axis after the other."""
    for axis, target in enumerate(size, start=1):
        source = maps.shape[axis]
        places = (np.arange(target) + 0.5) * source / target - 0.5
        places = places.clip(0, source - 1)
        low = np.floor(places).astype(int)
        high, share = np.minimum(low + 1, source - 1), places - low
        shape = [1, 1, 1]
        shape[axis] = target
        share = share.reshape(shape)
        maps = maps.take(low, axis) * (1 - share) + maps.take(high, axis) * share
    return maps


def as_map(raw, size=(8, 8)):
    found = bilinear(np.maximum(raw, 0), size)
    most = found.max(axis=(1, 2), keepdims=True)
    return np.divide(found, most, out=np.zeros_like(found), where=most > 0)


def pooled_network(activation="softmax", data_format="channels_last"):
    """Convolution, global average pooling, classes: its Grad-CAM is known."""
    shape = (8, 8, 2) if data_format == "channels_last" else (2, 8, 8)
    x = keras.Input(shape)
    y = kl.Conv2D(6, 3, 2, "same", data_format=data_format, activation="relu", name="conv")(x)
    y = kl.GlobalAveragePooling2D(data_format=data_format)(y)
    return randomised(keras.Model(x, kl.Dense(4, activation=activation, name="out")(y)))


def activation_maps(network, classes):
    """CAM, Zhou et al. 2016: the map's channels weighted by the class's weights."""
    inner = keras.Model(network.input, network.get_layer("conv").output)
    kernel = network.get_layer("out").get_weights()[0]
    return np.einsum("nhwc,cn->nhw", numpy(inner(IMAGES)), kernel[:, classes])


@pytest.fixture(scope="module")
def pooled():
    return pooled_network()


def test_after_global_average_pooling_it_is_the_class_activation_map(pooled):
    classes = np.array([3, 1, 0, 2, 1])
    expected = as_map(activation_maps(pooled, classes))
    np.testing.assert_allclose(grad_cam(pooled, IMAGES, classes), expected, atol=1e-5)
    assert (expected.max(axis=(1, 2)) == 1).all() and (expected == 0).any()


def test_without_classes_it_explains_the_predicted_ones(pooled):
    predicted = numpy(pooled(IMAGES)).argmax(axis=1)
    assert len(set(predicted)) > 1
    expected = as_map(activation_maps(pooled, predicted))
    np.testing.assert_allclose(grad_cam(pooled, IMAGES), expected, atol=1e-5)


def test_batches_of_any_size_give_the_same_and_a_memory_map_is_read(pooled, tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    stored = np.load(tmp_path / "images.npy", mmap_mode="r")
    classes = [3, 1, 0, 2, 1]
    found = grad_cam(pooled, stored, classes, batch_size=2)
    np.testing.assert_allclose(found, grad_cam(pooled, IMAGES, classes), atol=1e-6)
    assert found.dtype == np.float32
    assert grad_cam(pooled, IMAGES[:0]).shape == (0, 8, 8)


def test_a_saturated_softmax_does_not_empty_the_map(pooled):
    certain = keras.models.clone_model(pooled)
    weights = pooled.get_weights()
    certain.set_weights([*weights[:-2], weights[-2] * 1e4, weights[-1]])
    assert (np.isin(numpy(certain(IMAGES)), [0, 1])).all()
    for classes in ([3, 1, 0, 2, 1], None):
        found = grad_cam(certain, IMAGES, classes)
        chosen = numpy(certain(IMAGES)).argmax(axis=1) if classes is None else classes
        np.testing.assert_allclose(found, as_map(activation_maps(pooled, chosen)), atol=1e-4)


@pytest.mark.parametrize("end", ["layer", "activation", "operation", "cast", "sigmoid", "logits"])
def test_the_score_is_what_comes_before_whatever_squashes_it(pooled, end):
    x = keras.Input((8, 8, 2))
    y = pooled.get_layer("conv")(x)
    y = kl.GlobalAveragePooling2D()(y)
    dense = kl.Dense(4, activation="sigmoid" if end == "sigmoid" else None)
    y = dense(y)
    ends = {
        "layer": kl.Softmax(),
        "activation": kl.Activation("softmax"),
        "operation": keras.ops.softmax,
        "cast": keras.Sequential([kl.Softmax(), kl.Activation("linear", dtype="float32")]),
    }
    model = keras.Model(x, ends.get(end, kl.Identity())(y))
    kernel, bias = pooled.get_layer("out").get_weights()
    dense.set_weights([1e4 * kernel, bias])
    before = numpy(model(IMAGES))
    expected = as_map(activation_maps(pooled, [3, 1, 0, 2, 1]))
    np.testing.assert_allclose(grad_cam(model, IMAGES, [3, 1, 0, 2, 1]), expected, atol=1e-4)
    np.testing.assert_array_equal(numpy(model(IMAGES)), before)  # the model is as it was


@pytest.mark.filterwarnings("ignore:.* maps are 0 everywhere")
def test_gradients_are_those_of_finite_differences():
    x = keras.Input((8, 8, 2))
    y = kl.Conv2D(3, 3, activation="elu", name="conv")(x)
    y = kl.Flatten()(kl.MaxPooling2D(2)(y))
    y = kl.Dense(5, activation="tanh")(y)
    network = randomised(keras.Model(x, kl.Dense(3, activation="softmax")(y)), scale=0.3)
    _, _, hidden, bias, last, end = (w.astype("float64") for w in network.get_weights())
    maps = numpy(keras.Model(x, network.get_layer("conv").output)(IMAGES)).astype("float64")

    def score(one, index):
        cells = one.reshape(3, 2, 3, 2, 3).max(axis=(1, 3)).ravel()
        return (np.tanh(cells @ hidden + bias) @ last + end)[index]

    expected = []
    for one, index in zip(maps, (0, 1, 2, 1, 0), strict=True):
        slopes = np.zeros_like(one)
        for place in np.ndindex(one.shape):
            step = np.zeros_like(one)
            step[place] = 1e-6
            slopes[place] = (score(one + step, index) - score(one - step, index)) / 2e-6
        expected.append((one * slopes.mean(axis=(0, 1))).sum(axis=-1))
    found = grad_cam(network, IMAGES, [0, 1, 2, 1, 0])
    assert (found > 0).any(axis=(1, 2)).sum() >= 3
    np.testing.assert_allclose(found, as_map(np.array(expected)), atol=2e-3)


def test_a_nested_network_and_a_saved_one_give_the_same_maps(pooled, tmp_path):
    pixels = keras.Input((8, 8, 2), dtype="uint8")
    scaled = kl.Rescaling(1 / 255, name="scale")(pixels)
    inner = keras.Model(scaled, pooled(scaled), name="middle")
    nested = keras.Model(pixels, inner(scaled))
    nested.save(tmp_path / "model.keras")
    images = (IMAGES.clip(0, 1) * 255).round().astype("uint8")
    expected = grad_cam(pooled, images.astype("float32") / 255)
    for model in (nested, keras.saving.load_model(tmp_path / "model.keras")):
        path = default_layer(model, images[:1])
        assert path.endswith("/conv") and path.count("/") == 2
        np.testing.assert_allclose(grad_cam(model, images), expected, atol=1e-4)
        np.testing.assert_allclose(grad_cam(model, images, layer="conv"), expected, atol=1e-4)
        np.testing.assert_allclose(grad_cam(model, images, layer=path), expected, atol=1e-4)


class Subclassed(keras.Model):
    """A model without a graph, whose layers are not made in the order in which they run."""

    def __init__(self, network):
        super().__init__()
        self.end = kl.Activation("linear")
        self.network = network

    def call(self, inputs):
        return {"scores": self.end(self.network(inputs)), "other": inputs}


def test_a_subclassed_model_is_explained_too():
    logits = pooled_network(activation=None)
    model = Subclassed(logits)
    model(IMAGES)
    found = grad_cam(model, IMAGES, output="scores")
    np.testing.assert_allclose(found, grad_cam(logits, IMAGES), atol=1e-6)


def test_channels_first_gives_the_same_maps(pooled):
    turned = pooled_network(data_format="channels_first")
    turned.set_weights(pooled.get_weights())
    images = np.moveaxis(IMAGES, -1, 1)
    np.testing.assert_allclose(grad_cam(turned, images), grad_cam(pooled, IMAGES), atol=1e-5)


def test_of_several_outputs_one_is_chosen_by_name_or_index():
    first, second = pooled_network(), pooled_network()
    second.set_weights(randomised(second, seed=9).get_weights())
    x = keras.Input((8, 8, 2))
    shared = first.get_layer("conv")(x)
    pooled = kl.GlobalAveragePooling2D()(shared)
    ends = [kl.Dense(4, activation="softmax", name=name)(pooled) for name in ("one", "two")]
    model = keras.Model(x, ends)
    model.get_layer("two").set_weights(second.get_layer("out").get_weights())
    with pytest.raises(ValueError, match="2 outputs.*'one', 'two'"):
        grad_cam(model, IMAGES)
    with pytest.raises(ValueError, match="Did you mean 'two'"):
        grad_cam(model, IMAGES, output="twoo")
    by_name, by_index = (grad_cam(model, IMAGES, output=output) for output in ("two", 1))
    np.testing.assert_array_equal(by_name, by_index)
    alone = keras.Model(x, ends[1])
    np.testing.assert_allclose(by_name, grad_cam(alone, IMAGES), atol=1e-6)
    named = keras.Model(x, {"b": ends[0], "a": ends[1]})
    np.testing.assert_allclose(grad_cam(named, IMAGES, output="a"), by_name, atol=1e-6)


def test_a_map_without_evidence_stays_zero_and_is_told(pooled):
    against = keras.models.clone_model(pooled)
    kernel, bias, last, end = pooled.get_weights()
    against.set_weights([kernel, bias, -np.abs(last), end])
    with pytest.warns(UserWarning, match="5 of 5 maps.* 0 everywhere"):
        found = grad_cam(against, IMAGES)
    assert (found == 0).all()


def test_probabilities_made_in_another_way_are_told():
    softmaxes = [pooled_network(), pooled_network()]
    x = keras.Input((8, 8, 2))
    mean = keras.Model(x, kl.Average()([network(x) for network in softmaxes]))
    with pytest.warns(UserWarning, match="not end in a softmax"):
        grad_cam(mean, IMAGES)


CNNS = {
    "vgg16": "block5_conv3",
    "resnet50": "conv5_block3_out",
    "resnet50v2": "post_relu",
    "cnn_v1": "block2_conv1_relu",
    "cnn_v2": "block4_conv2_relu",
    "mini_resnet": "stage3_block4_out",
    "residual_masking": None,
    "convnext": None,
}


@pytest.mark.slow
# In a network that has learned nothing a map may have no evidence for a class.
@pytest.mark.filterwarnings("ignore::attention_fer.explain.maps.gradcam.EmptyMapWarning")
@pytest.mark.parametrize("name", CNNS)
def test_every_convolutional_network_has_a_map(name):
    attention = ("cbam", {"reduction_ratio": 2})
    network = models.build(
        name, input_shape=(64, 64, 1), classes=3, width=0.125, attention=attention, seed=1
    )
    images = np.random.default_rng(0).random((2, 64, 64, 1), "float32")
    layer = default_layer(network, images[:1])
    if CNNS[name]:
        assert layer == CNNS[name]
    found = grad_cam(network, images[[0, 0, 0]], [0, 1, 2])
    assert found.shape == (3, 64, 64) and np.isfinite(found).all()
    # Of the classes of one image at least one has evidence, and not all the same.
    assert found.max() == 1 and np.ptp(found, axis=0).max() > 0.1


def test_a_last_map_of_one_pixel_is_not_looked_at():
    x = keras.Input((8, 8, 2))
    y = kl.Conv2D(4, 3, 2, "same", name="seen")(x)
    y = kl.BatchNormalization(name="norm")(y)
    y = kl.Dropout(0.5)(kl.MaxPooling2D(4)(y))
    y = kl.Conv2D(4, 1, name="after")(y)
    model = keras.Model(x, kl.Dense(3)(kl.Flatten()(y)))
    assert default_layer(model, IMAGES[:1]) == "norm"


def test_what_does_not_fit_is_refused_in_words(pooled):
    dense = keras.Sequential([keras.Input((8, 8, 2)), kl.Rescaling(2.0), kl.Flatten(), kl.Dense(3)])
    with pytest.raises(ValueError, match="has no convolution.*rollout"):
        grad_cam(dense, IMAGES)
    x = keras.Input((8, 8, 2))
    tokens = kl.Reshape((4, 3))(kl.Conv2D(3, 4, 4)(x))
    transformer = keras.Model(x, kl.Dense(3)(kl.Flatten()(kl.LayerNormalization()(tokens))))
    with pytest.raises(ValueError, match="turns its feature map into tokens.*rollout"):
        grad_cam(transformer, IMAGES)
    with pytest.raises(ValueError, match="Did you mean 'conv'"):
        grad_cam(pooled, IMAGES, layer="conf")
    with pytest.raises(ValueError, match="out.*shape.*another layer"):
        grad_cam(pooled, IMAGES, layer="out")
    with pytest.raises(ValueError, match=r"image\[None\]"):
        grad_cam(pooled, IMAGES[0])
    with pytest.raises(ValueError, match="from 0 to 3.* 1 to 4"):
        grad_cam(pooled, IMAGES, [1, 1, 2, 4, 1])
    with pytest.raises(ValueError, match="classes.*5 images"):
        grad_cam(pooled, IMAGES, [1])
    with pytest.raises(ValueError, match="with its classifier"):
        grad_cam(keras.Model(x, kl.Conv2D(3, 3)(x)), IMAGES)
    broken = keras.models.clone_model(pooled)
    broken.set_weights([np.full_like(w, np.nan) for w in pooled.get_weights()])
    with pytest.raises(ValueError, match="finite.*NaN"):
        grad_cam(broken, IMAGES)


def test_a_layer_that_runs_twice_and_a_name_that_two_share_are_refused():
    shared = kl.Conv2D(2, 3, padding="same", name="shared")
    x = keras.Input((8, 8, 2))
    inner = keras.Model(x, kl.Conv2D(2, 3, padding="same", name="conv")(x), name="inner")
    y = kl.Conv2D(2, 3, padding="same", name="own")(inner(shared(shared(x))))
    outer_input = keras.Input((8, 8, 2))
    other = keras.Sequential([keras.Input((8, 8, 2)), kl.Conv2D(2, 1, name="conv")], name="other")
    core = keras.Model(x, kl.Dense(3)(kl.Flatten()(other(y))))
    model = keras.Model(outer_input, core(outer_input))
    with pytest.raises(ValueError, match="'shared'.*2 runs"):
        grad_cam(model, IMAGES, layer="shared")
    twice = keras.Model(x, kl.Add()([kl.Dense(3)(kl.Flatten()(shared(y))) for y in (x, -x)]))
    with pytest.raises(ValueError, match="'shared' runs more than once"):
        grad_cam(twice, IMAGES)
    with pytest.raises(ValueError, match="2 layers.*inner/conv.*other/conv"):
        grad_cam(model, IMAGES, layer="conv")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert grad_cam(model, IMAGES, layer="inner/conv").shape == (5, 8, 8)
