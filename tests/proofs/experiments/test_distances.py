"""Distances of samples: against closed forms, and against each other."""

import numpy as np
import pytest

from exactflow.errors import InvalidInputError
from proofs.experiments.distances import exact_w2, sliced_w2

POINTS = np.random.default_rng(0).standard_normal((60, 3))


def test_a_translation_is_as_long_as_it_is():
    shift = np.array([3.0, 0, 4])
    assert exact_w2(POINTS, POINTS + shift) == pytest.approx(5)
    assert sliced_w2(POINTS, POINTS + shift, directions=20_000) == pytest.approx(
        5 / np.sqrt(3), rel=0.02
    )


def test_the_order_of_points_does_not_matter():
    assert exact_w2(POINTS, POINTS[::-1]) == 0
    assert sliced_w2(POINTS, POINTS[::-1]) < 1e-15


def test_one_dimension_is_sorting():
    a, b = POINTS[:, :1], POINTS[:, 1:2] * 2
    sorted_ = np.sqrt(np.mean((np.sort(a, axis=0) - np.sort(b, axis=0)) ** 2))
    assert exact_w2(a, b) == pytest.approx(sorted_)
    assert sliced_w2(a, b) == pytest.approx(sorted_)


@pytest.mark.parametrize("distance", [exact_w2, sliced_w2])
def test_refuses(distance):
    with pytest.raises(InvalidInputError, match="of one shape"):
        distance(POINTS, POINTS[1:])
    with pytest.raises(InvalidInputError, match="of one shape"):
        distance(POINTS[0], POINTS[0])
