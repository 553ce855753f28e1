"""Shares, means, and the intervals of them and of their differences at 95 %, of whole columns at once.

Pure functions of arrays; NaN where nothing can be said.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]
Interval = tuple[Numbers, Numbers]
Z_95 = 1.96


def ratio(part: ArrayLike, whole: ArrayLike) -> Numbers:
    """part / whole; NaN where the whole is 0, never 0."""
    above, below = _numbers(part), _numbers(whole)
    found: Numbers = np.full(np.broadcast(above, below).shape, np.nan)
    np.divide(above, below, out=found, where=below > 0)
    return found


def wilson(successes: ArrayLike, n: ArrayLike) -> Interval:
    """The Wilson interval of successes/n, clamped to 0..1; NaN where n is 0.

    25 of 30: 0.664 to 0.927. Source: Wilson 1927, z = 1.96.
    """
    share, one_of = ratio(successes, n), ratio(1, n)
    spread = 1 + Z_95**2 * one_of
    centre = (share + Z_95**2 * one_of / 2) / spread
    half = Z_95 * np.sqrt(share * (1 - share) * one_of + Z_95**2 * one_of**2 / 4) / spread
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def variance(n: ArrayLike, total: ArrayLike, squares: ArrayLike) -> Numbers:
    """The sample variance, (squares - total²/n) / (n - 1), from sums of integers; NaN where n is below 2."""
    found = ratio(_numbers(squares) - ratio(_numbers(total) ** 2, n), _numbers(n) - 1)
    return np.maximum(found, 0)  # rounding may leave less than nothing


def mean_interval(n: ArrayLike, total: ArrayLike, squares: ArrayLike) -> Interval:
    """The t-interval of a mean; NaN where n is below 2.

    Of 1, 4, 5, 5: 3.75 ± 3.182 · 1.893 / 2, so 0.74 to 6.76. Source: Student 1908.
    """
    half = student_t(_numbers(n) - 1) * np.sqrt(ratio(variance(n, total, squares), n))
    mean = ratio(total, n)
    return mean - half, mean + half


def student_t(freedom: ArrayLike) -> Numbers:
    """The two-sided 95 % quantile of Student's t; NaN where there is no degree of freedom.

    Below 3 degrees between exact values, else by the expansion in 1/df, within 0.1 %. Source: Abramowitz and
    Stegun 26.7.5. For 3 degrees 3.18, for 10 2.23, for many 1.96.
    """
    z = 1.959964
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    one_of = ratio(1, freedom)
    expanded = z + sum((term * one_of**power for power, term in enumerate(terms, 1)), np.zeros_like(one_of))
    few = np.interp(one_of, [1 / 3, 1 / 2, 1], [3.182446, 4.302653, 12.706205])
    return np.where(one_of <= 1 / 3, expanded, few)


def share_difference(now: tuple[ArrayLike, ArrayLike], before: tuple[ArrayLike, ArrayLike]) -> Interval:
    """The interval of (share now - share before); each is (count, n).

    56 of 70 against 48 of 80: 0.20, from 0.052 to 0.334. Source: Newcombe 1998, method 10 (Wilson limits joined).
    """
    first, second = ratio(*now), ratio(*before)
    (first_low, first_high), (second_low, second_high) = wilson(*now), wilson(*before)
    low = first - second - np.sqrt((first - first_low) ** 2 + (second_high - second) ** 2)
    high = first - second + np.sqrt((first_high - first) ** 2 + (second - second_low) ** 2)
    return low, high


def mean_difference(
    now: tuple[ArrayLike, ArrayLike, ArrayLike], before: tuple[ArrayLike, ArrayLike, ArrayLike]
) -> Interval:
    """The interval of (mean now - mean before); each is (n, sum, sum of squares). NaN where an n is below 2.

    Source: Welch 1947, with Satterthwaite's degrees of freedom.
    """
    first, second = ratio(variance(*now), now[0]), ratio(variance(*before), before[0])
    spread = first + second
    pieces = ratio(first**2, _numbers(now[0]) - 1) + ratio(second**2, _numbers(before[0]) - 1)
    half = np.where(spread == 0, 0, student_t(ratio(spread**2, pieces)) * np.sqrt(spread))
    difference = ratio(now[1], now[0]) - ratio(before[1], before[0])
    return difference - half, difference + half


def _numbers(values: ArrayLike) -> Numbers:
    return np.asarray(values, dtype="float64")
