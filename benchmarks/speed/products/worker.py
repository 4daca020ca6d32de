"""Answers questions about one product; runs in any Python that has it, and needs nothing else.

The command line names the product and a JSON file: `pictures` (paths), `video` (a path), and for
ours `detector` and `weights` (null for its own). A question is a line "pictures N" or "video N":
analyse the next N, starting over after the last picture. An answer is a line of JSON: how many were
`analysed`, their `faces`, the `seconds`, and the product's `version`.

Each product finds the faces itself, with its defaults, and gives all probabilities of each face.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from itertools import cycle, islice
from typing import Any

# Takes paths, or frames of a video, and yields the number of faces in each.
Analyser = Callable[[Iterable[Any]], Iterator[int]]
Frames = Callable[[str], Iterator[Any]]


def attention_fer(settings: dict[str, Any]) -> tuple[Analyser, Frames]:
    """Our own, with its own batches of pictures."""
    from attention_fer.predict import Predictor

    predictor = Predictor(detector=settings["detector"], weights=settings["weights"])

    def frames(path: str) -> Iterator[Any]:
        # A generator, so that OpenCV is not loaded for photographs.
        from attention_fer.predict.video import VideoFile

        yield from VideoFile(path).frames()

    def analyse(pictures: Iterable[Any]) -> Iterator[int]:
        return (sum(row.success for row in rows) for rows in predictor.stream(pictures))

    return analyse, frames


def fer(settings: dict[str, Any]) -> tuple[Analyser, Frames]:
    """`fer` with its cascade."""
    from fer.fer import FER

    product = FER()
    return lambda pictures: (len(product.detect_emotions(one)) for one in pictures), opencv_frames


def deepface(settings: dict[str, Any]) -> tuple[Analyser, Frames]:
    """`deepface` for expressions alone."""
    from deepface import DeepFace

    def faces(picture: Any) -> int:
        # With enforce_detection, a missing face and missing weights raise the same error.
        found = DeepFace.analyze(picture, ["emotion"], enforce_detection=False, silent=True)
        return sum(face["face_confidence"] > 0 for face in found)

    return lambda pictures: map(faces, pictures), opencv_frames


def emotiefflib(settings: dict[str, Any]) -> tuple[Analyser, Frames]:
    """`emotiefflib` with ONNX Runtime. It has no detector: OpenCV's cascade finds the faces."""
    import cv2
    from emotiefflib.facial_analysis import EmotiEffLibRecognizer

    product = EmotiEffLibRecognizer(engine="onnx", model_name="enet_b0_8_best_vgaf")
    folder = os.path.join(os.path.dirname(cv2.__file__), "data")
    cascade = cv2.CascadeClassifier(os.path.join(folder, "haarcascade_frontalface_default.xml"))

    def faces(picture: Any) -> int:
        image: Any = cv2.imread(picture) if isinstance(picture, str) else picture
        boxes = cascade.detectMultiScale(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), 1.1, 5)
        colours = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        cut = [colours[y : y + high, x : x + wide] for x, y, wide, high in boxes]
        return len(product.predict_emotions(cut, logits=False)[0]) if cut else 0

    return lambda pictures: map(faces, pictures), opencv_frames


def opencv_frames(path: str) -> Iterator[Any]:
    """Yields the frames of a video, BGR."""
    import cv2

    video = cv2.VideoCapture(path)
    while True:
        there, frame = video.read()
        if not there:
            return
        yield frame


PRODUCTS: dict[str, Callable[[dict[str, Any]], tuple[Analyser, Frames]]] = {
    made.__name__: made for made in (attention_fer, fer, deepface, emotiefflib)
}


def main() -> None:
    """Answers until the input ends."""
    # The modules next to this one must not hide those of a product.
    here = os.path.dirname(os.path.realpath(__file__))
    sys.path = [folder for folder in sys.path if folder != here]
    # Products print; what they print must not become an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    name, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        settings = json.load(file)
    analyse, frames = PRODUCTS[name](settings)
    sources: dict[str, Iterator[Any]] = {
        "pictures": cycle(settings["pictures"]),
        "video": frames(settings["video"]),
    }
    for line in sys.stdin:
        kind, number = line.split()
        start = time.perf_counter()
        faces = list(analyse(islice(sources[kind], int(number))))
        answer = {"seconds": time.perf_counter() - start, "version": _version(name)}
        answers.write(json.dumps({"analysed": len(faces), "faces": sum(faces), **answer}) + "\n")
        answers.flush()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    main()
