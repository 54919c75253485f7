"""Intervals for rates."""

from math import sqrt

Z95 = 1.959963984540054
"""The 97.5% quantile of the normal distribution: two-sided 95% intervals."""


def wilson(rate: float, n: float, z: float = Z95) -> tuple[float, float]:
    """The Wilson score interval (Wilson 1927) of a rate in [0, 1] seen on `n` > 0 independent items."""
    centre = rate + z * z / (2 * n)
    spread = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
