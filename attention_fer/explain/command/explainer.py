"""Explains pictures with one model: from files to the cards of a page."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import keras
import numpy as np

from attention_fer.common.class_names import position
from attention_fer.common.text import class_labels
from attention_fer.explain.command.answers import Answer
from attention_fer.explain.command.methods import Explained, Method
from attention_fer.explain.command.model_input import ModelInput
from attention_fer.explain.command.pictures import Picture, read_picture
from attention_fer.explain.drawing.gallery import Card, Tile
from attention_fer.explain.maps.class_scores import ClassScores
from attention_fer.explain.maps.gradcam import EmptyMapWarning
from attention_fer.explain.maps.running import batches, to_numpy, without_gradients
from preprocessing.raw_files.files import UnreadableError

_BATCH = 32


@dataclass(eq=False)
class Explainer:
    """A model and the method that explains it.

    Attributes:
        model: any Keras model that outputs class scores.
        method: see `METHODS`.
        model_input: how pictures become the model's input.
        names: names of the classes, in order; None to number them.
        note: receives sentences about what may be unexpected.
        layer, output: the chosen ones, None for the default.
        logits: whether the outputs are scores; None to conclude it, see `ClassScores`.
        target: the part of the model that is explained, in words; "" before the first picture.
        answers: what the model said about each picture so far.
    """

    model: keras.Model
    method: Method
    model_input: ModelInput
    names: list[str] | None
    note: Callable[[str], None]
    layer: str | None = None
    output: str | int | None = None
    logits: bool | None = None
    target: str = ""
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        # One for all pages, so that what it concludes holds for all pictures.
        self._scores = ClassScores(self.model, self.output, logits=self.logits)

    def cards(self, pictures: Sequence[Picture]) -> list[Card]:
        """Makes a card for each picture; the card of an unreadable picture has no image."""
        images: dict[int, np.ndarray] = {}
        cards: dict[int, Card] = {}
        answers: dict[int, Answer] = {}
        for number, picture in enumerate(pictures):
            try:
                size, channels = self.model_input.size, self.model_input.channels
                images[number] = read_picture(picture, size, channels)
            except UnreadableError as error:
                why = f"could not be read: {error.reason}: {error}"
                self.note(f"{picture.name} {why}")
                cards[number] = Card(picture.name, None, why)
                answers[number] = Answer(picture.name, problem=why)
        if images:
            readable = [pictures[number] for number in images]
            tiles, texts, said = self._tiles(np.stack(list(images.values())), readable)
            for number, of, text in zip(images, tiles, texts, strict=True):
                cards[number] = Card(pictures[number].name, images[number], text, of)
            answers |= zip(images, said, strict=True)
        self.answers += [answers[number] for number in range(len(pictures))]
        return [cards[number] for number in range(len(pictures))]

    def _tiles(
        self, images: np.ndarray, pictures: Sequence[Picture]
    ) -> tuple[list[list[Tile]], list[str], list[Answer]]:
        """The tiles of each image, its true and predicted class in words, and its answer."""
        batch = self.model_input.batch(images)
        probabilities = self._probabilities(batch)
        names = self._class_names(probabilities.shape[1])
        true = [position(picture.folder, names) for picture in pictures]
        self._tell_what_folders_mean(pictures, true, names)
        labels = class_labels(names)
        explained = Explained(
            self.model, batch, probabilities, true, labels, self.layer, self.output
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            warnings.simplefilter("ignore", EmptyMapWarning)  # The titles of the tiles say so.
            tiles = self.method.tiles(explained)
            self.target = self.method.target(explained)
        for text in dict.fromkeys(str(one.message) for one in caught):
            self.note(text)
        answers = [
            Answer(
                picture.name,
                names[int(row.argmax())],
                None if index is None else names[index],
                dict(zip(names, map(float, row), strict=True)),
            )
            for picture, index, row in zip(pictures, true, probabilities, strict=True)
        ]
        texts = [
            f"{_true_class(picture, index, labels)}\npredicted: {explained.label(row, predicted)}"
            for row, (picture, index, predicted) in enumerate(
                zip(pictures, true, explained.predicted, strict=True)
            )
        ]
        return tiles, texts, answers

    def _tell_what_folders_mean(
        self, pictures: Sequence[Picture], true: Sequence[int | None], names: Sequence[str]
    ) -> None:
        for folder, index in dict(zip((one.folder for one in pictures), true, strict=True)).items():
            if index is not None and folder != names[index]:
                self.note(f"the folder {folder!r} is the class {names[index]!r}")
            elif index is None and folder and self.names:
                self.note(f"the folder {folder!r} is none of the classes: {', '.join(names)}")

    def _probabilities(self, batch: np.ndarray) -> np.ndarray:
        scores = self._scores
        with without_gradients():
            found = [
                to_numpy(scores.probabilities(some))[: rows.stop - rows.start]
                for rows, some in batches(batch, _BATCH)
            ]
        values = np.concatenate(found)
        if scores.single:
            positive = self._class_names(2)[1]
            self.note(f"the model has one output, which is taken as the score of {positive!r}")
        if not scores.logits:
            _check_probabilities(values)
            return values
        self.note("the model outputs scores: the percentages are their softmax")
        grown = np.exp(values - values.max(axis=1, keepdims=True))
        return grown / grown.sum(axis=1, keepdims=True)

    def _class_names(self, classes: int) -> list[str]:
        if self.names is None:
            return [f"class {index}" for index in range(classes)]
        if len(self.names) != classes:
            raise ValueError(
                f"The model has {classes} classes, got {len(self.names)} names: "
                f"{', '.join(self.names)}. Give all of them, in order, with --classes."
            )
        return self.names


def _check_probabilities(values: np.ndarray) -> None:
    """Raises ValueError for scores that were taken for probabilities."""
    if not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            "The outputs of this model were taken for probabilities, but they go from "
            f"{values.min():.3g} to {values.max():.3g}. If they are scores, say so in the JSON "
            'file next to the model: {"classes": [...], "output": {"kind": "logits"}}.'
        )


def _true_class(picture: Picture, true: int | None, labels: Sequence[str]) -> str:
    if true is not None:
        return f"true: {labels[true]}"
    return f"in folder: {picture.folder}" if picture.folder else ""
