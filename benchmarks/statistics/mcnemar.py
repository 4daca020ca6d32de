"""McNemar's test: do two trained networks differ on these test images?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class McNemar:
    """Discordant images of a network and its reference, with McNemar's p-values.

    Attributes:
        network_only: images that only the network predicts correctly, summed over seeds.
        reference_only: images that only the reference predicts correctly, summed over seeds.
        p: exact p-value, combined for all seeds.
    """

    network_only: int
    reference_only: int
    p: float


def mcnemar(right: np.ndarray, reference: np.ndarray) -> McNemar:
    """Exact McNemar test for each seed, combined over the seeds.

    The test treats the trained networks as fixed and the images as independent, so it ignores
    training noise and subjects: it may reject where `paired.compare` correctly does not.
    Q. McNemar (1947), Note on the sampling error of the difference between correlated proportions
    or percentages.

    The combined p-value is twice the median over seeds, at most 1, which is valid under any
    dependence between seeds: L. Rüschendorf (1982), Random variables with maximum sums; V. Vovk
    and R. Wang (2020), Combining p-values via averaging. For a single seed it is that seed's own.

    Args:
        right: (seeds, n) whether the network predicts each image correctly.
        reference: (seeds, n) the same for its reference.

    Raises:
        ValueError: the shapes differ, or there is no seed or no image.
    """
    # Imported here because statsmodels loads pandas, which nothing else needs.
    from statsmodels.stats.contingency_tables import mcnemar as test

    right, reference = np.asarray(right, bool), np.asarray(reference, bool)
    if right.ndim != 2 or right.shape != reference.shape or not right.size:
        raise ValueError(
            f"right and reference must both be (seeds, n), at least (1, 1), got {right.shape} and "
            f"{reference.shape}."
        )
    won, lost = (right & ~reference).sum(axis=1), (reference & ~right).sum(axis=1)
    by_seed = [test([[0, w], [o, 0]], exact=True).pvalue for w, o in zip(won, lost, strict=True)]
    p = float(by_seed[0]) if len(by_seed) == 1 else min(1.0, 2 * float(np.median(by_seed)))
    return McNemar(int(won.sum()), int(lost.sum()), p)
