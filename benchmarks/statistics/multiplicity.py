"""Holm's adjustment of the p-values of many comparisons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjusts p-values so that at most 5 % of tables contain a false claim at the 5 % level.

    Holds under any dependence between the comparisons, such as a shared reference.
    S. Holm (1979), A simple sequentially rejective multiple test procedure.

    Args:
        p_values: one for each planned comparison; None if it has none (yet), as with a single
            seed. It counts as p = 1, so that an early claim still holds when the table is
            complete, and stays None.

    Raises:
        ValueError: a p-value is outside [0, 1].
    """
    # Imported here because statsmodels loads pandas, which nothing else needs.
    from statsmodels.stats.multitest import multipletests

    family = np.array([1.0 if p is None else p for p in p_values])
    if not ((family >= 0) & (family <= 1)).all():
        raise ValueError(f"p_values must lie between 0 and 1, got {list(p_values)}.")
    if not family.size:
        return []
    adjusted = multipletests(family, method="holm")[1]
    return [None if p is None else float(adjusted[i]) for i, p in enumerate(p_values)]
