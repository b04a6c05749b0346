"""`levels`: walks that stay at 0 or above, and close, whatever the entries."""

import numpy as np
import pytest

from proofs.constructions.three_layers import levels


def entries(m, k, seed, scale=1.0):
    """Return ascending lists of m and k numbers of equal sums; 0 lies within the longer one."""
    rng = np.random.default_rng(seed)
    longer = scale * rng.standard_normal(max(m, k))
    longer -= (longer.min() + rng.uniform() * np.ptp(longer)) * (m != k)
    shorter = scale * rng.standard_normal(min(m, k))
    shorter += (longer.sum() - shorter.sum()) / len(shorter)
    sigma, rho = (longer, shorter) if m >= k else (shorter, longer)
    return np.sort(sigma), np.sort(rho)


@pytest.mark.parametrize("shifted", [1, 3, 4])
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in range(1, 20))]
)
@pytest.mark.parametrize(
    ("m", "k"), [(1, 1), (2, 2), (3, 3), (9, 9), (2, 1), (1, 2), (3, 2), (9, 8), (8, 9), (33, 32)]
)
def test_walks(m, k, seed, shifted):
    sigma, rho = entries(m, k, seed)
    z, g = levels(sigma, rho, shifted)
    assert z.min() > -1e-8
    assert g.min() > -1e-8
    for M in (z, g):
        assert ((M != 0).sum(axis=0) <= 1).all()
        assert ((M != 0).sum(axis=1) <= 1).all()
    assert np.allclose(z.sum(axis=1) - g.sum(axis=1), sigma)
    assert np.allclose(z.sum(axis=0) - g.sum(axis=0), rho)


@pytest.mark.parametrize(("m", "k"), [(64, 64), (65, 64)])
def test_levels_stay_low(m, k):
    """Near the largest entry; the sorted walk, which proves that there is one, rises to 250."""
    sigma, rho = entries(m, k, 0, scale=5)
    z, g = levels(sigma, rho)
    assert max(z.max(), g.max()) < 3 * max(abs(sigma).max(), abs(rho).max())


@pytest.mark.parametrize("n", [1, 2, 3])
def test_zeros(n):
    """A white covariance: the least levels that are no singular case, or none on a path."""
    z, g = levels(np.zeros(n), np.zeros(n))
    assert z.max() == g.max() == z[z > 0].min() > 0
    z, g = levels(np.zeros(n + 1), np.zeros(n))
    assert not z.any()
    assert not g.any()
