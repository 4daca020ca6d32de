"""Temperature scaling: one number that calibrates probabilities without changing predictions.

C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger (2017), On calibration of modern neural networks,
https://arxiv.org/abs/1706.04599.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import optimize, special

from benchmarks.statistics.scores import checked

LIMITS = (0.05, 20.0)
_LEAST = 1e-12  # a probability of 0 has no logarithm


def scaled(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the softmax of the log probabilities divided by the temperature, float64.

    Args:
        probabilities: (n, classes).
        temperature: above 1 for less confident probabilities, below 1 for more confident ones.
    """
    logs = np.log(np.maximum(np.asarray(probabilities, np.float64), _LEAST))
    return special.softmax(logs / temperature, axis=1)


def fitted(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature, within `LIMITS`, with the smallest mean negative log likelihood.

    Args:
        probabilities: (n, classes), of images that the network was not trained on.
        labels: (n,) true classes.

    Raises:
        ValueError: as `scores.score`.
    """
    probabilities, labels = checked(probabilities, labels)
    logs = np.log(np.maximum(probabilities.astype(np.float64), _LEAST))
    given = logs[np.arange(len(labels)), labels]

    def loss(log_temperature: float) -> float:
        scale = math.exp(-log_temperature)
        return float((special.logsumexp(scale * logs, axis=1) - scale * given).mean())

    # Convex in the scale, so that it has one minimum.
    low, high = map(math.log, LIMITS)
    found = optimize.minimize_scalar(
        loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6}
    )
    return math.exp(found.x)


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean squared distance between probabilities and the true class, from 0 to 2.

    G. W. Brier (1950), Verification of forecasts expressed in terms of probability.
    """
    gaps = np.array(probabilities, np.float64)
    gaps[np.arange(len(gaps)), labels] -= 1
    return float((gaps**2).sum(axis=1).mean())
