"""One model on many pictures: from files to the cards of a page."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import keras
import numpy as np

from attention_fer.explain.command.methods import Method, Page
from attention_fer.explain.command.model_input import Input
from attention_fer.explain.command.pictures import Picture, UnreadableError, read
from attention_fer.explain.gallery.page import Card
from attention_fer.explain.gallery.tiles import Tile
from attention_fer.explain.maps.batches import batches, to_numpy
from attention_fer.explain.maps.class_scores import ClassScores
from attention_fer.explain.maps.gradcam import EmptyMapWarning

_BATCH = 32


@dataclass(frozen=True, eq=False)
class Job:
    """What is the same for all pictures.

    Attributes:
        taken: how pictures become the model's input.
        names: of the classes, None for those the model has, by number.
        tell: takes a sentence on what went otherwise than one may think.
        looks_at: what of the model is looked at, known after the first picture.
    """

    model: keras.Model
    method: Method
    taken: Input
    names: list[str] | None
    tell: Callable[[str], None]
    layer: str | None = None
    output: str | int | None = None
    looks_at: list[str] = field(default_factory=list)

    def cards(self, pictures: Sequence[Picture]) -> list[Card]:
        """A card for each picture, also for one that cannot be read; that one has no image."""
        images: dict[int, np.ndarray] = {}
        cards: dict[int, Card] = {}
        for number, picture in enumerate(pictures):
            try:
                images[number] = read(picture.path, self.taken.size, self.taken.channels)
            except UnreadableError as error:
                self.tell(f"{picture.name} is left out, it could not be read: {error}")
                cards[number] = Card(picture.name, None, f"could not be read: {error}")
        if images:
            readable = [pictures[number] for number in images]
            tiles, texts = self._tiles(np.stack(list(images.values())), readable)
            for number, of, text in zip(images, tiles, texts, strict=True):
                cards[number] = Card(pictures[number].name, images[number], text, of)
        return [cards[number] for number in range(len(pictures))]

    def _tiles(
        self, images: np.ndarray, pictures: Sequence[Picture]
    ) -> tuple[list[list[Tile]], list[str]]:
        """Tiles of each image, and its true and its predicted class in words."""
        batch = self.taken.batch(images)
        probabilities = self._probabilities(batch)
        names = self._checked_names(probabilities.shape[1])
        known = {name.casefold(): index for index, name in enumerate(names)}
        true = [known.get(picture.folder.casefold()) for picture in pictures]
        page = Page(self.model, batch, probabilities, true, names, self.layer, self.output)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            # The tiles themselves say so.
            warnings.simplefilter("ignore", EmptyMapWarning)
            tiles = self.method.tiles(page)
            self.looks_at[:] = [self.method.looks_at(page)]
        for text in dict.fromkeys(str(one.message) for one in caught):
            self.tell(text)
        predicted = [page.said(row, index) for row, index in enumerate(page.predicted)]
        truths = [_truth(*one, names) for one in zip(pictures, true, strict=True)]
        return tiles, [f"{a}\npredicted: {b}" for a, b in zip(truths, predicted, strict=True)]

    def _probabilities(self, batch: np.ndarray) -> np.ndarray:
        scores = ClassScores(self.model, self.output)
        found = [
            to_numpy(scores.probabilities(some))[: rows.stop - rows.start]
            for rows, some in batches(batch, _BATCH)
        ]
        values = np.concatenate(found)
        if scores.squashed or (values.min() >= 0 and values.max() <= 1):
            return values
        self.tell("the model gives scores: the percentages are their softmax")
        grown = np.exp(values - values.max(axis=1, keepdims=True))
        return grown / grown.sum(axis=1, keepdims=True)

    def _checked_names(self, classes: int) -> list[str]:
        if self.names is None:
            return [f"class {index}" for index in range(classes)]
        if len(self.names) != classes:
            raise ValueError(
                f"The model has {classes} classes, {len(self.names)} names are known: "
                f"{', '.join(self.names)}. Give all of them, in order, with --classes."
            )
        return self.names


def _truth(picture: Picture, true: int | None, names: Sequence[str]) -> str:
    if true is not None:
        return f"true: {names[true]}"
    return f"in folder: {picture.folder}" if picture.folder else ""
