"""Many comparisons in one table: Holm's adjustment of their p-values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float | None], pending: int = 0) -> list[float | None]:
    """Adjusted p-values: called different at 5 %, at most 5 % of tables hold a false claim.

    Holds whatever the dependence of the comparisons, such as a reference that many share.
    S. Holm (1979), A simple sequentially rejective multiple test procedure.

    Args:
        p_values: one for each comparison, None where it has none, as with a single seed: it counts
            as p = 1 and stays None.
        pending: comparisons that are planned and not there yet. They count as p = 1 too, so that
            what is claimed early does not lapse because the table fills.

    Raises:
        ValueError: a p-value outside [0, 1], or fewer than no pending comparisons.
    """
    # statsmodels loads pandas, which nothing else here needs.
    from statsmodels.stats.multitest import multipletests

    family = np.array([1.0 if p is None else p for p in p_values] + pending * [1.0])
    if pending < 0 or not ((family >= 0) & (family <= 1)).all():
        raise ValueError(
            f"p-values must lie between 0 and 1 and pending be at least 0, got {list(p_values)} "
            f"and {pending}."
        )
    if not family.size:
        return []
    adjusted = multipletests(family, method="holm")[1]
    return [None if p is None else float(adjusted[i]) for i, p in enumerate(p_values)]
