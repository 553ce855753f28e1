"""Intervals against published values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from signal_analytics.intervals import (
    mean_difference,
    mean_interval,
    ratio,
    share_difference,
    student_t,
    variance,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(25, 30, 0.664, 0.927), (8, 10, 0.490, 0.943), (5, 5, 0.566, 1.0), (0, 5, 0.0, 0.434), (1, 1, 0.207, 1.0)],
)
def test_wilson_intervals(successes: int, n: int, low: float, high: float) -> None:
    (found_low,), (found_high,) = wilson([successes], [n])
    assert found_low == pytest.approx(low, abs=0.0006)
    assert found_high == pytest.approx(high, abs=0.0006)
    assert math.copysign(1, found_low) == 1.0  # 0 of 5 is 0 and not -0


def test_wilson_of_nothing_is_missing_and_of_all_ends_at_one() -> None:
    low, high = wilson([0, 6], [0, 6])
    assert np.isnan([low[0], high[0]]).all()
    assert high[1] == 1.0


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (10, 2.228), (30, 2.042), (1e9, 1.960)],
)
def test_students_quantiles(freedom: float, quantile: float) -> None:
    assert student_t([freedom])[0] == pytest.approx(quantile, rel=0.002)


def test_variance_and_mean_interval_by_hand() -> None:
    # 1, 4, 5, 5: mean 3.75, variance 3.5833
    assert variance([4], [15], [67])[0] == pytest.approx(3.58333, abs=1e-4)
    (low,), (high,) = mean_interval([4], [15], [67])
    assert (low, high) == (pytest.approx(0.738, abs=0.01), pytest.approx(6.762, abs=0.01))
    assert np.isnan(mean_interval([1], [5], [25])).all()


def test_newcombe_s_own_example() -> None:
    (low,), (high,) = share_difference(([56], [70]), ([48], [80]))
    assert (low, high) == (pytest.approx(0.0524, abs=2e-4), pytest.approx(0.3339, abs=2e-4))


def test_welch_s_difference_by_hand() -> None:
    # 1..5 against 2, 4, 6, 8, 10: difference -3, s.e. sqrt(2.5/5 + 10/5), 5.88 degrees of freedom, t 2.459
    (low,), (high,) = mean_difference(([5], [15], [55]), ([5], [30], [220]))
    half = 2.459 * math.sqrt(2.5)
    assert (low, high) == (pytest.approx(-3 - half, abs=0.01), pytest.approx(-3 + half, abs=0.01))


def test_two_constant_samples_differ_by_exactly_their_difference() -> None:
    (low,), (high,) = mean_difference(([3], [15], [75]), ([3], [12], [48]))
    assert (low, high) == (1.0, 1.0)


def test_a_share_of_nothing_is_missing() -> None:
    assert np.isnan(ratio([0], [0])[0])
