"""McNemar's test: do two trained networks differ on these test images?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class McNemar:
    """Discordant images of a network and its reference, and what they say.

    Attributes:
        network_only: images only the network has right, summed over the seeds.
        reference_only: images only the reference has right, summed over the seeds.
        by_seed: exact p-value of each seed's pair of networks.
        p: of all seeds together.
    """

    network_only: int
    reference_only: int
    by_seed: tuple[float, ...]
    p: float


def mcnemar(right: np.ndarray, reference: np.ndarray) -> McNemar:
    """Exact McNemar test of each seed, combined over the seeds.

    It takes the trained networks as given and every image as independent of the others, so it
    knows neither training noise nor subjects: it may reject where `paired.compare` rightly
    does not. Q. McNemar (1947), Note on the sampling error of the difference between correlated
    proportions or percentages.

    The p-value of several seeds is twice their median, at most 1, valid however the seeds depend
    on each other: L. Rüschendorf (1982), Random variables with maximum sums; V. Vovk and R. Wang
    (2020), Combining p-values via averaging. That of one seed is its own.

    Args:
        right: (seeds, n) whether the network predicts an image rightly, each image once.
        reference: (seeds, n) whether its reference does.

    Raises:
        ValueError: the two do not have one shape of at least one seed and one image.
    """
    # statsmodels loads pandas, which nothing else here needs.
    from statsmodels.stats.contingency_tables import mcnemar as test

    right, reference = np.asarray(right, bool), np.asarray(reference, bool)
    if right.ndim != 2 or right.shape != reference.shape or not right.size:
        raise ValueError(
            f"Both must be (seeds, n), at least one of each, got {right.shape} and "
            f"{reference.shape}."
        )
    won, lost = (right & ~reference).sum(axis=1), (reference & ~right).sum(axis=1)
    by_seed = tuple(
        float(test([[0, w], [o, 0]], exact=True).pvalue) for w, o in zip(won, lost, strict=True)
    )
    p = by_seed[0] if len(by_seed) == 1 else min(1.0, 2 * float(np.median(by_seed)))
    return McNemar(int(won.sum()), int(lost.sum()), by_seed, p)
