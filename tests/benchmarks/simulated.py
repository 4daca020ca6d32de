"""Networks whose true accuracy is known: a probit model of what they predict rightly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class World:
    """What makes an image right: its ease, luck and, of each network, what it is good at.

    Attributes:
        images: test images.
        subjects: of whom they are, at random; None where images are independent.
        training: spread of networks trained with different seeds.
        taste: spread over images (and over subjects) of what suits one way of training.
        luck: spread over images of what suits one trained network.
    """

    images: int = 200
    subjects: int | None = None
    training: float = 0.0
    taste: float = 0.0
    luck: float = 0.5
    ease: float = 0.7

    def clusters(self, rng: np.random.Generator) -> np.ndarray | None:
        """Which subject each image shows."""
        if self.subjects is None:
            return None
        others = rng.integers(0, self.subjects, self.images - self.subjects)
        return np.concatenate([np.arange(self.subjects), others])

    def right(
        self,
        rng: np.random.Generator,
        seeds: int,
        clusters: np.ndarray | None,
        better: tuple[float, ...] = (0.0, 0.0),
    ) -> np.ndarray:
        """(networks, seeds, images) of bool: ways of training, `better` by so much ease."""
        ease = self.ease + self._of_images(rng, clusters)
        found = []
        for more in better:
            score = ease + more + self.taste * self._of_images(rng, clusters)
            score = score + self.training * rng.normal(size=(seeds, 1))
            found.append(score + self.luck * rng.normal(size=(seeds, self.images)) > 0)
        return np.stack(found)

    def points(self, better: float) -> float:
        """The true difference that `better` makes, in points."""
        parts = 1 if self.subjects is None else 1.25
        sd = np.sqrt(parts * (1 + self.taste**2) + self.training**2 + self.luck**2)
        low, high = stats.norm.cdf(np.array([self.ease, self.ease + better]) / sd)
        return float(100 * (high - low))

    def _of_images(self, rng: np.random.Generator, clusters: np.ndarray | None) -> np.ndarray:
        """Of each image, and half as much of its subject."""
        alone = rng.normal(size=self.images)
        return alone if clusters is None else alone + 0.5 * rng.normal(size=self.subjects)[clusters]


def gains(right: np.ndarray) -> np.ndarray:
    """(seeds, images) of the second network over the first."""
    return right[1].astype(int) - right[0].astype(int)
