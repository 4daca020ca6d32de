"""YuNet's heads become faces in pixels of the photograph, and other files are refused."""

from __future__ import annotations

import hashlib

import decoding_reference
import numpy as np
import onnx_models
import pytest
from onnx import TensorProto

from preprocessing import detectors
from preprocessing.detectors.yunet import _planes

WIDTH, HEIGHT = 96, 64
COLUMNS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
SHAPE = (1, 3, HEIGHT, WIDTH)


def heads(seed=0):
    """Random heads for an input that is wider than high; some probabilities exceed 1 a little."""
    rng = np.random.default_rng(seed)
    found = {}
    for kind, columns in COLUMNS.items():
        for stride in (8, 16, 32):
            cells = (HEIGHT // stride) * (WIDTH // stride)
            low, high = (-0.01, 1.01) if kind in ("cls", "obj") else (-0.5, 1.5)
            found[f"{kind}_{stride}"] = rng.uniform(low, high, (1, cells, columns)).astype("f4")
    return found


def one_face(x, y, width, height, score=0.9):
    """Heads that find one face, in the cell of stride 8 that holds its centre."""
    found = {name: np.zeros_like(head) for name, head in heads().items()}
    row, column = int((y + height / 2) // 8), int((x + width / 2) // 8)
    cell = row * (WIDTH // 8) + column
    centre = (x + width / 2) / 8 - column, (y + height / 2) / 8 - row
    found["cls_8"][0, cell] = found["obj_8"][0, cell] = score
    found["bbox_8"][0, cell] = (*centre, np.log(width / 8), np.log(height / 8))
    found["kps_8"][0, cell] = np.tile(centre, 5)
    return found


def make(path, outputs, shape=SHAPE, **options):
    return detectors.make("yunet", weights=onnx_models.giving(path, outputs, shape), **options)


def image(height=HEIGHT, width=WIDTH):
    return np.zeros((height, width, 3), np.uint8)


@pytest.mark.parametrize("iou", [0.1, 0.3, 0.8])
@pytest.mark.parametrize("seed", range(3))
def test_faces_are_those_of_a_slow_decoder(seed, iou, tmp_path):
    found = heads(seed)
    (faces,) = make(tmp_path / "x.onnx", found, threshold=0.4, iou=iou)([image()])
    cells = [one for one in decoding_reference.yunet(found, WIDTH, HEIGHT) if one[0] >= 0.4]
    corners = [[x, y, x + w, y + h] for _, (x, y, w, h), _ in cells]
    kept = decoding_reference.suppress(corners, [score for score, _, _ in cells], iou, 0.7)
    # A candidate may lie beside the photograph.
    kept = [i for i in kept if decoding_reference.common(corners[i], (0, 0, WIDTH, HEIGHT))]
    assert len(faces) == len(kept) > 2
    np.testing.assert_allclose(faces.scores, [cells[i][0] for i in kept], rtol=1e-5)
    clipped = np.clip([corners[i] for i in kept], 0, (WIDTH, HEIGHT) * 2)
    np.testing.assert_allclose(faces.boxes[:, :2], clipped[:, :2], atol=1e-3)
    np.testing.assert_allclose(faces.boxes[:, 2:], clipped[:, 2:] - clipped[:, :2], atol=1e-3)
    np.testing.assert_allclose(faces.landmarks, [cells[i][2] for i in kept], atol=1e-3)


@pytest.mark.parametrize(
    ("height", "width", "scale"), [(640, 960, 10), (64, 96, 1), (40, 60, 1), (96, 48, 96 / 64)]
)
def test_boxes_are_in_pixels_of_the_photograph(height, width, scale, tmp_path):
    detector = make(tmp_path / "x.onnx", one_face(12, 8, 16, 24))
    (faces,) = detector([image(height, width)])
    np.testing.assert_allclose(faces.boxes, [np.multiply((12, 8, 16, 24), scale)], rtol=1e-4)
    np.testing.assert_allclose(faces.landmarks[0], [np.multiply((20, 20), scale)] * 5, rtol=1e-4)


def test_a_face_beside_the_photograph_is_none(tmp_path):
    detector = make(tmp_path / "x.onnx", one_face(60, 8, 16, 24))
    assert len(detector([image()])[0]) == 1 and len(detector([image(60, 50)])[0]) == 0


def test_the_network_gets_blue_green_red_from_0_to_255_in_the_upper_left_corner():
    picture = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    planes = _planes(picture, (4, 6), (8, 8))
    assert planes.shape == (1, 3, 8, 8) and planes.dtype == np.float32
    np.testing.assert_array_equal(planes[0, :, :4, :6], np.moveaxis(picture, 2, 0)[::-1])
    assert planes[0, :, 4:].max() == 0 == planes[0, :, :, 6:].max()
    halved = _planes(picture, (2, 3), (8, 8))[0, :, :2, :3]
    means = np.moveaxis(picture.reshape(2, 2, 3, 2, 3).mean((1, 3)), 2, 0)[::-1]
    assert np.abs(halved - means).max() <= 1  # Pillow rounds after each axis


def test_inputs_of_any_size_are_filled_to_the_next_multiple_of_32(tmp_path):
    detector = make(tmp_path / "x.onnx", one_face(12, 8, 16, 24), (1, 3, "h", "w"), input_size=96)
    (faces,) = detector([image(110, 180)])  # is shrunk to 59x96, and its input is 64x96
    np.testing.assert_allclose(faces.boxes[0, 0::2], np.multiply((12, 16), 180 / 96), rtol=1e-4)
    np.testing.assert_allclose(faces.boxes[0, 1::2], np.multiply((8, 24), 110 / 59), rtol=1e-4)
    place = np.multiply((20, 20), (180 / 96, 110 / 59))
    np.testing.assert_allclose(faces.landmarks[0], [place] * 5, rtol=1e-4)
    assert detector.describe()["input_size"] == 96


def test_the_description_says_what_computed(tmp_path):
    about = make(tmp_path / "x.onnx", heads(), threshold=0.4).describe()
    digest = hashlib.sha256((tmp_path / "x.onnx").read_bytes()).hexdigest()
    assert about.pop("library").startswith("onnxruntime ")
    assert about == {
        "name": "yunet",
        "weights": "x.onnx",
        "sha256": digest,
        "input_size": WIDTH,
        "threshold": 0.4,
        "iou": 0.3,
    }


def test_a_fixed_export_is_used_at_its_size(tmp_path):
    assert make(tmp_path / "x.onnx", heads(), input_size=WIDTH).describe()["input_size"] == WIDTH
    with pytest.raises(ValueError, match=r"input_size .*x.onnx.* 64x96, got 640"):
        make(tmp_path / "x.onnx", heads(), input_size=640)


def test_other_models_and_files_are_refused(tmp_path):
    without = {name: head for name, head in heads().items() if name != "kps_16"}
    with pytest.raises(ValueError, match="YuNet export must .* returns cls_8"):
        make(tmp_path / "x.onnx", without)
    path = onnx_models.giving(tmp_path / "y.onnx", heads(), SHAPE, kind=TensorProto.UINT8)
    with pytest.raises(ValueError, match=r"YuNet export must .* inputs data tensor\(uint8\)"):
        detectors.make("yunet", weights=path)
    with pytest.raises(ValueError, match="YuNet export must .* inputs"):
        make(tmp_path / "x.onnx", heads(), (1, 4, HEIGHT, WIDTH))
    (tmp_path / "x.onnx").write_bytes(b"not a model")
    with pytest.raises(ValueError, match="yunet needs .*x.onnx is not a readable ONNX model"):
        detectors.make("yunet", weights=tmp_path / "x.onnx")
    with pytest.raises(FileNotFoundError, match="weights: 'm'.*'n', 's'"):
        detectors.make("yunet", weights="m")


def test_a_file_with_the_name_of_a_published_one_must_be_that(tmp_path):
    with pytest.raises(ValueError, match="yunet_n_dynamic.onnx must have the SHA-256 104ee26c"):
        make(tmp_path / "yunet_n_dynamic.onnx", heads())


def test_what_is_no_photograph_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Image 1 must be uint8"):
        make(tmp_path / "x.onnx", heads())([image(), np.zeros((8, 8), np.uint8)])
