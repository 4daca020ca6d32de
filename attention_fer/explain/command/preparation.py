"""Prepares photographs as a network's data were prepared: finds, crops and resizes the face."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np

from attention_fer.explain.command.pictures import (
    Picture,
    find_pictures,
    is_prepared,
    prepared_pictures,
)
from preprocessing import detectors
from preprocessing.detectors.weights import short_name
from preprocessing.faces.cropper import FaceCropper
from preprocessing.raw_files.files import Rejected, UnreadableError
from preprocessing.sources import Sample


def as_recorded(
    path: str, faces: Mapping[str, Any] | None, note: Callable[[str], None]
) -> tuple[list[Picture], str]:
    """Returns the pictures of a path as a network's data were prepared, and how, in words.

    Args:
        path: a folder or zip of pictures, or a prepared dataset, whose images are taken as they
            are.
        faces: how the faces of the network's data were cropped, see `cropper`; None to take each
            picture whole.
        note: receives sentences about what is left out.

    Raises:
        ValueError, OSError, ImportError: no pictures, a damaged dataset, or as `cropper`.
    """
    if is_prepared(path):
        return prepared_pictures(path, note), "as prepared, resized to"
    found = find_pictures(path, note)
    if faces is None:
        return found, "each picture whole, without looking for a face, resized to"
    crop = cropper(faces, note)
    cropped = [replace(one, load=partial(crop_face, crop, one.load)) for one in found]
    return cropped, describe(faces)


def cropper(recorded: Mapping[str, Any], note: Callable[[str], None]) -> FaceCropper:
    """Makes the cropper that a prepared dataset's manifest describes under `faces`.

    If there are several faces, it takes the one that the dataset would have taken, or the largest
    if the dataset took all.

    Args:
        recorded: see `FaceCropper.describe`.
        note: receives a sentence if the detector's version differs from the recorded one.

    Raises:
        ValueError: a description that this version does not understand.
        OSError, ImportError: see `detectors.make`.
    """
    about = recorded.get("detector")
    if about is None:
        return FaceCropper()
    known = {field.name for field in fields(FaceCropper)} - {"detector"}
    settings = {name: value for name, value in recorded.items() if name in known}
    if settings.get("select") == "all":
        settings["select"] = "largest"
    detector = _detector(about)
    if detector.describe().get("sha256") != about.get("sha256"):
        note(f"the detector {about['name']} has different weights than when the data were prepared")
    return FaceCropper(detector, **settings)


def _detector(about: Mapping[str, Any]) -> detectors.Detector:
    allowed = detectors.options(about["name"])
    given = {name: value for name, value in about.items() if name in allowed}
    if "weights" in given:
        given["weights"] = short_name(given["weights"]) or given["weights"]
    if isinstance(given.get("input_size"), (list, tuple)):
        given["input_size"] = max(given["input_size"])
    return detectors.make(about["name"], **given)


def crop_face(prepare: FaceCropper, load: Callable[[], np.ndarray]) -> np.ndarray:
    """Returns the face of a photograph, uint8.

    Raises:
        UnreadableError: it cannot be decoded, or has no face.
    """
    ((made, *_),) = prepare([Sample(load, "", "", "", "")])
    if isinstance(made, Rejected):
        raise UnreadableError(made.reason, made.detail)
    return made.image


def describe(recorded: Mapping[str, Any]) -> str:
    """Says how pictures become faces."""
    about = recorded.get("detector")
    if about is None:
        return "each picture whole, as the network's data were prepared, resized to"
    like = recorded.get("like")
    crop = [f"margin {recorded.get('margin', 0):g}" if like is None else f"squares like {like}"]
    crop += [name for name in ("square", "align") if recorded.get(name)]
    return (
        f"the {recorded.get('select', 'largest')} face of each picture, found by {about['name']} "
        f"({', '.join(crop)}) as the network's data were prepared, resized to"
    )
