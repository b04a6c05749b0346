"""Finite maps: couplings for a hundred thousand points of the plane, linear up to sorting."""

import numpy as np
import pytest

from exactflow import interpolate

SIZES = [1_000, 10_000, 100_000]


def scattered(count):
    """Gaussian points and images: two couplings."""
    return tuple(np.random.default_rng(count).standard_normal((2, count, 2)))


def permuted(count):
    """The cells of a square grid, permuted: four couplings."""
    side = int(count**0.5)
    points = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)
    return points, points[np.random.default_rng(count).permutation(side * side)]


@pytest.mark.parametrize("count", SIZES)
def test_points_in_general_position(benchmark, count):
    found = benchmark.pedantic(interpolate, scattered(count), rounds=1)
    assert found.depth == 2


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("integers", [False, True])
def test_permuted_cells(benchmark, count, integers):
    found = benchmark.pedantic(
        interpolate, permuted(count), {"bijective_on_integers": integers}, rounds=1
    )
    assert found.depth == 4
    assert all(reason.is_valid() for reason in found.obstructions)


@pytest.mark.parametrize("count", SIZES)
def test_integers_forward_and_back(benchmark, count):
    points, images = permuted(count)
    found = interpolate(points, images, bijective_on_integers=True)
    y = benchmark(found.forward, points.T)
    assert (y == images.T).all()
    assert (found.backward(y) == points.T).all()
