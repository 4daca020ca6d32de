"""Each form of export is read, and a file that is none is refused in words."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import decoding_reference
import numpy as np
import onnx_models
import pytest
from onnx import TensorProto
from onnx_models import ROWS, SIDE

from preprocessing import detectors

STRIDES = (8, 16, 32)


def heads(seed=0):
    rng = np.random.default_rng(seed)
    shape = [(1, 3, SIDE // s, SIDE // s, 16) for s in STRIDES]
    return {
        s: rng.normal(0, 2, size).astype("float32") for s, size in zip(STRIDES, shape, strict=True)
    }


def rows(found):
    return np.array(
        [[row for s in STRIDES for row in decoding_reference.decode(found[s][0], s)]], np.float32
    )


def image(value=0, size=(SIDE, SIDE)):
    return np.full((*size, 3), value, np.uint8)


def make(path, **options):
    return detectors.make("yolo5face", weights=path, **options)


def same(a, b):
    assert len(a) == len(b) > 0
    np.testing.assert_allclose(a.boxes, b.boxes, atol=1e-2)
    np.testing.assert_allclose(a.scores, b.scores, rtol=1e-5)
    np.testing.assert_allclose(a.landmarks, b.landmarks, atol=1e-2)


def test_heads_in_any_order_and_decoded_rows_give_the_same_faces(tmp_path):
    found = heads()
    named = {f"stride_{s}": found[s] for s in STRIDES}
    raw = make(onnx_models.giving(tmp_path / "raw.onnx", named))
    turned = make(onnx_models.giving(tmp_path / "turned.onnx", dict(reversed(named.items()))))
    decoded = make(onnx_models.giving(tmp_path / "decoded.onnx", {"output": rows(found)}))
    both = make(onnx_models.giving(tmp_path / "both.onnx", {**named, "output": rows(found)}))
    (first,) = raw([image()])
    for other in (turned, decoded, both):
        same(first, other([image()])[0])


def test_threshold_and_overlap_are_the_options_given(tmp_path):
    path = onnx_models.giving(tmp_path / "x.onnx", {"output": rows(heads())})
    strict, lax = make(path, threshold=0.7), make(path, threshold=0.1)
    assert strict([image()])[0].scores.min() >= 0.7 > lax([image()])[0].scores.min() >= 0.1
    assert len(make(path, iou=0.1)([image()])[0]) < len(make(path, iou=0.9)([image()])[0])


def widths(faces):
    return [round(float(found.boxes[0, 2]), 1) for found in faces]


@pytest.mark.parametrize("batch", [None, 1, 2, 16])
def test_each_image_gets_its_own_faces_however_many_go_together(batch, tmp_path):
    detector = make(onnx_models.brightness(tmp_path / "x.onnx"), batch=batch, input_size=SIDE)
    assert detector.batch == (batch or 1)
    levels = [0, 255, 51, 102, 204]
    expected = [20 + 20 * level / 255 for level in levels]
    assert widths(detector([image(level) for level in levels])) == pytest.approx(expected, abs=0.1)
    assert detector([]) == []


def test_images_of_mixed_sizes_get_boxes_in_their_own_pixels(tmp_path):
    detector = make(onnx_models.brightness(tmp_path / "x.onnx"), batch=4, input_size=SIDE)
    sizes = [(SIDE, SIDE), (2 * SIDE, 2 * SIDE), (1, 1), (5 * SIDE, 5 * SIDE)]
    found = detector([image(0, size) for size in sizes])
    expected = [[22, 22, 20, 20], [44, 44, 40, 40], [22 / 64, 22 / 64, 20 / 64, 20 / 64]]
    expected.append([110, 110, 100, 100])
    np.testing.assert_allclose(np.concatenate([f.boxes for f in found]), expected, rtol=1e-4)


def test_calls_from_many_threads_do_not_mix(tmp_path):
    detector = make(onnx_models.brightness(tmp_path / "x.onnx"), input_size=SIDE)
    levels = [*range(0, 256, 5)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda level: detector([image(level)])[0], levels))
    assert widths(found) == pytest.approx([20 + 20 * level / 255 for level in levels], abs=0.1)


def test_an_export_that_takes_one_image_only_is_not_given_more(tmp_path):
    path = onnx_models.brightness(tmp_path / "x.onnx", baked=True)
    assert make(path, input_size=SIDE).batch == 1
    with pytest.raises(ValueError, match="batch must be 1 for .*x.onnx, got 2"):
        make(path, input_size=SIDE, batch=2)


def test_an_export_is_used_at_the_size_it_is_fixed_to(tmp_path):
    path = onnx_models.brightness(tmp_path / "x.onnx", shape=(1, 3, 96, 64))
    assert make(path).describe()["input_size"] == [96, 64]
    with pytest.raises(ValueError, match="input_size .*x.onnx.* 96x64, got 640"):
        make(path, input_size=640)


def test_an_export_that_claims_any_size_and_fails_is_refused(tmp_path):
    path = onnx_models.brightness(tmp_path / "x.onnx", baked=True)
    with pytest.raises(ValueError, match=r"x.onnx fails on an input of \(128, 128\)"):
        make(path, input_size=128)


def test_the_description_says_what_computed(tmp_path):
    path = onnx_models.brightness(tmp_path / "x.onnx")
    about = make(path, input_size=SIDE, threshold=0.4).describe()
    assert about["weights"] == "x.onnx" and about["input_size"] == [SIDE, SIDE]
    assert about["threshold"] == 0.4 and about["library"].startswith("onnxruntime ")
    assert len(about["sha256"]) == 64 and about["name"] == "yolo5face"


@pytest.mark.parametrize(
    ("outputs", "text"),
    [
        ({"boxes": np.zeros((1, 10, 6))}, r"YOLO5Face export must .* boxes \(1, 10, 6\)"),
        ({"a": np.zeros((1, 3, 8, 8, 16))}, r" a \(1, 3, 8, 8, 16\)"),
        ({f"h{s}": np.zeros((1, 3, s, s, 85)) for s in STRIDES}, "YOLO5Face export must"),
    ],
)
def test_a_model_with_other_outputs_is_refused(outputs, text, tmp_path):
    with pytest.raises(ValueError, match=text):
        make(onnx_models.giving(tmp_path / "x.onnx", outputs))


@pytest.mark.parametrize(
    ("shape", "kind", "text"),
    [
        ((1, 4, SIDE, SIDE), TensorProto.FLOAT, "takes 4 channels"),
        ((1, SIDE, SIDE), TensorProto.FLOAT, "has the inputs data"),
        ((1, 3, SIDE, SIDE), TensorProto.UINT8, r"has the inputs data tensor\(uint8\)"),
    ],
)
def test_a_model_with_another_input_is_refused(shape, kind, text, tmp_path):
    outputs = {"output": np.zeros((1, ROWS, 16))}
    with pytest.raises(ValueError, match=text):
        make(onnx_models.giving(tmp_path / "x.onnx", outputs, shape, kind=kind))


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("x.pt", b"anything", "PyTorch checkpoint .*x.pt.*yolo5face-hub"),
        ("x.bin", b"PK\x03\x04", "PyTorch checkpoint"),
        ("x.onnx", b"not a model at all", "is not a readable ONNX model"),
        ("x.onnx", b"", "is not a readable ONNX model"),
    ],
)
def test_a_file_that_is_no_model_is_refused(name, content, text, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=text):
        make(tmp_path / name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="weights: '.*gone.onnx'"):
        make(tmp_path / "gone.onnx")


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_what_is_no_photograph_is_refused(wrong, tmp_path):
    detector = make(onnx_models.brightness(tmp_path / "x.onnx"), input_size=SIDE)
    with pytest.raises(ValueError, match="Image 1 must be uint8"):
        detector([image(), wrong])
