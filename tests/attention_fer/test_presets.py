"""Pretrained weights: presets that KerasHub itself saves, for other images, with hashes."""

import hashlib
import json
import logging
import pickle
import shutil
import sys

import keras
import numpy as np
import pytest
from layer_probes import randomised, to_numpy

from attention_fer.models import ConViT, DeiT, ViT, load_pretrained

pytestmark = pytest.mark.slow  # builds networks

hub = pytest.importorskip("keras_hub")

SIZES = {"hidden_dim": 8, "heads": 2, "layers": 1}
OURS = {"input_shape": (8, 12, 3), "classes": 5, "patch_size": 4, "mlp_dim": 12, **SIZES}
THEIRS = {"image_shape": (8, 12, 3), "patch_size": 4, "num_layers": 1, "num_heads": 2}
NAME = "vit_base_patch16_224_imagenet"
IMAGES = np.random.default_rng(0).normal(size=(2, 8, 12, 3)).astype("float32")


def backbone(cls, **options):
    inner = {"mlp_dim" if cls is hub.models.ViTBackbone else "intermediate_dim": 12}
    return cls(**{**THEIRS, **inner, "hidden_dim": 8, "layer_norm_epsilon": 1e-3, **options})


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    """A classifier and the folder of its preset."""
    folder = tmp_path_factory.mktemp("presets") / "vit"
    body = backbone(hub.models.ViTBackbone)
    task = hub.models.ViTImageClassifier(body, 5, preprocessor=None, activation="softmax")
    randomised(task, seed=1, scale=0.3)
    task.save_to_preset(str(folder))
    return task, folder


@pytest.fixture(scope="module")
def deit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "deit"
    body = randomised(backbone(hub.models.DeiTBackbone, num_layers=2), seed=1, scale=0.3)
    body.save_to_preset(str(folder))
    return body, folder


@pytest.fixture
def kaggle(monkeypatch, tmp_path, vit):
    """A cache of KaggleHub that holds the tiny preset under a published name, and no network."""
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    variants = tmp_path / "cache" / "models" / "keras" / "vit" / "keras" / NAME
    handle = hub.models.ViTBackbone.presets[NAME]["kaggle_handle"]
    folder = variants / handle.rpartition("/")[2]
    shutil.copytree(vit[1], folder)
    (variants / f"{folder.name}.complete").touch()
    return folder


def values(model, layer):
    return [to_numpy(weight) for weight in model.get_layer(layer).weights]


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_vit_preset_gives_what_kerashub_computes(vit, caplog):
    task, folder = vit
    with caplog.at_level(logging.INFO, logger="attention_fer"):
        model = ViT(**OURS, weights=folder)
    assert "0 new; 0 missed." in caplog.text and "WARNING" not in caplog.text
    np.testing.assert_allclose(to_numpy(model(IMAGES)), to_numpy(task(IMAGES)), atol=1e-5)
    assert model.get_layer("ln").epsilon == 1e-3


def test_a_deit_preset_gives_what_kerashub_computes(deit, caplog):
    body, folder = deit
    model = DeiT(**{**OURS, "layers": 2}, weights=folder)
    tokens = keras.Model(model.input, model.get_layer("ln").output)
    np.testing.assert_allclose(to_numpy(tokens(IMAGES)), to_numpy(body(IMAGES)), atol=1e-5)
    assert "2 new (predictions, distillation_predictions); 0 missed" in caplog.text


def test_every_misfit_is_adapted_or_reported(vit):
    model = ViT(**{**OURS, "input_shape": (16, 16, 1), "classes": 7, "layers": 2})
    report = load_pretrained(model, vit[1])
    assert set(report.adapted) == {"patch_embedding", "position_embedding"}
    assert list(report.missed) == ["predictions"]
    own = {name for name in report.new if not name.startswith("transformer_block_2_")}
    assert own == {"predictions"}
    assert "transformer_block_1_mha/query" in report.loaded


def test_a_grey_image_gives_what_its_copy_in_three_channels_gives(vit):
    colour = ViT(**OURS, weights=vit[1])
    grey = ViT(**{**OURS, "input_shape": (8, 12, 1)}, weights=vit[1])
    image = IMAGES[..., :1]
    copied = to_numpy(colour(np.repeat(image, 3, axis=-1)))
    np.testing.assert_allclose(to_numpy(grey(image)), copied, atol=1e-5)


def test_positions_are_interpolated_over_rows_and_columns(tmp_path):
    """A plane over the grid is the same plane over a finer one, away from its border."""
    body = backbone(hub.models.ViTBackbone, image_shape=(16, 24, 3))
    rows, columns = np.indices((4, 6), dtype="float32")
    plane = np.stack([rows + 10 * columns + channel for channel in range(8)], axis=-1)
    token = np.full((1, 8), -5.0, "float32")
    embedding = body.get_layer("vit_patching_and_embedding").position_embedding
    embedding.embeddings.assign(np.concatenate([token, plane.reshape(24, 8)]))
    body.save_to_preset(str(tmp_path / "vit"))
    finer = {**OURS, "input_shape": (32, 36, 3)}
    [positions] = values(ViT(**finer, weights=tmp_path / "vit"), "position_embedding")
    np.testing.assert_array_equal(positions[0, :1], token)
    rows = (np.arange(8) + 0.5) / 2 - 0.5
    columns = (np.arange(9) + 0.5) / 1.5 - 0.5
    expected = rows[:, None] + 10 * columns
    found = positions[0, 1:].reshape(8, 9, 8)
    np.testing.assert_allclose(found[1:-1, 1:-1, 3], expected[1:-1, 1:-1] + 3, atol=1e-4)


@pytest.mark.parametrize("file", ["network.keras", "network.weights.h5"])
def test_files_of_ours_are_fitted_too(file, tmp_path):
    square = {**OURS, "input_shape": (12, 12, 3), "heads": 1, "layers": 3}
    source = randomised(ConViT(**square), seed=1, scale=0.3)
    path = tmp_path / file
    source.save(path) if file.endswith(".keras") else source.save_weights(path)
    same = ConViT(**square, weights=path, weights_sha256=sha256(path))
    images = np.resize(IMAGES, (2, 12, 12, 3))
    np.testing.assert_array_equal(to_numpy(same(images)), to_numpy(source(images)))
    larger = ConViT(**{**square, "input_shape": (16, 16, 3)})
    for given in (path, source):
        report = load_pretrained(larger, given)
        assert (report.adapted, report.new, report.missed) == (["position_embedding"], [], {})


def test_a_preset_of_another_shape_or_network_is_no_silent_loss(vit, deit, tmp_path):
    with pytest.raises(ValueError, match=r"Nothing.*match.*'vit'"):
        ViT(**{**OURS, "hidden_dim": 16}, weights=vit[1])
    report = load_pretrained(DeiT(**OURS), vit[1])
    assert "position_embedding" in report.missed and "distillation_token" in report.new
    backbone_of_another = json.loads((vit[1] / "config.json").read_text())
    backbone_of_another["registered_name"] = "keras_hub>VGGBackbone"
    shutil.copytree(vit[1], tmp_path / "vgg")
    (tmp_path / "vgg" / "config.json").write_text(json.dumps(backbone_of_another))
    with pytest.raises(ValueError, match="one of keras_hub>ViTBackbone.*'keras_hub>VGGBackbone'"):
        ViT(**OURS, weights=tmp_path / "vgg")


def test_a_damaged_or_foreign_folder_is_refused(vit, tmp_path):
    with pytest.raises(ValueError, match="folder of a KerasHub preset.*config.json"):
        ViT(**OURS, weights=tmp_path)
    damaged = shutil.copytree(vit[1], tmp_path / "damaged")
    weights = damaged / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ValueError, match="cannot be read"):
        ViT(**OURS, weights=damaged)
    with pytest.raises(FileNotFoundError, match=r"No.*file.*none\.keras"):
        ViT(**OURS, weights=tmp_path / "none.keras")


def test_a_hash_that_is_given_is_checked_before_anything_is_read(vit, tmp_path):
    digest = sha256(vit[1] / "model.weights.h5")
    ViT(**OURS, weights=vit[1], weights_sha256=digest.upper())
    (tmp_path / "model.weights.h5").write_bytes(b"not even HDF5")
    with pytest.raises(RuntimeError, match=f"must have SHA-256 {digest}.*not read"):
        ViT(**OURS, weights=tmp_path, weights_sha256=digest)
    with pytest.raises(RuntimeError, match=f"must have SHA-256 {digest}.*not read"):
        ViT(**OURS, weights=tmp_path / "model.weights.h5", weights_sha256=digest)


def test_a_preset_is_fetched_by_name_and_its_hash_checked(kaggle, vit):
    model = ViT(**OURS, weights="imagenet")
    np.testing.assert_allclose(to_numpy(model(IMAGES)), to_numpy(vit[0](IMAGES)), atol=1e-5)
    digest = sha256(kaggle / "model.weights.h5")
    ViT(**OURS, weights=NAME, weights_sha256=digest)
    with pytest.raises(RuntimeError, match=f"{'0' * 64}.*{digest}"):
        ViT(**OURS, weights=NAME, weights_sha256="0" * 64)


def test_without_network_the_error_says_what_to_do(kaggle):
    name = "vit_base_patch16_224_imagenet21k"
    with pytest.raises(RuntimeError) as error:
        ViT(**OURS, weights=name)
    for part in (name, "KAGGLEHUB_CACHE", str(kaggle.parents[5]), "the folder as weights"):
        assert part in str(error.value)


def test_an_unknown_preset_is_refused_with_the_nearest(kaggle):
    with pytest.raises(ValueError, match="Did you mean 'vit_base_patch16_224_imagenet'"):
        ViT(**OURS, weights="vit_base_patch16_224_imagnet")


def test_nothing_is_unpickled(vit, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("pickle was used")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    ViT(**OURS, weights=vit[1])


def test_without_kerashub_the_error_names_the_extra(vit, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(ImportError, match=r'pip install "attention-fer\[transformers\]"'):
        ViT(**OURS, weights=vit[1])
