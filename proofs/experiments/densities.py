"""Laws in the plane and their products: samples and densities in float64."""

import numpy as np
from scipy.special import logsumexp

from exactflow.laws.universal import GaussianMixture, Product, TargetMeasure

__all__ = ["banana", "draw_and_density", "moons", "ring"]


def moons(count: int, seed: int = 0) -> np.ndarray:
    """Draw from two half circles with noise."""
    rng = np.random.default_rng(seed)
    angle, upper = np.pi * rng.random(count), rng.random(count) < 0.5
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle))
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    return np.c_[x, y] + 0.1 * rng.standard_normal((count, 2))


def ring(count: int, seed: int = 0) -> np.ndarray:
    """Draw from a circle with noise."""
    rng = np.random.default_rng(seed)
    angle, radius = 2 * np.pi * rng.random(count), 1 + 0.1 * rng.standard_normal(count)
    return np.c_[radius * np.cos(angle), radius * np.sin(angle)]


def banana(count: int, seed: int = 0) -> np.ndarray:
    """Draw from a bent normal law."""
    rng = np.random.default_rng(seed)
    x, noise = rng.standard_normal((2, count))
    return np.c_[x, x * x / 2 + 0.3 * noise]


def draw_and_density(
    law: TargetMeasure, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return points of a law, in rows, and its log-density at them. Boxes must be disjoint, as bins
    are.
    """
    if isinstance(law, Product):
        parts = [draw_and_density(factor, count, rng) for factor in law.factors]
        return np.hstack([x for x, _ in parts]), sum(value for _, value in parts)
    weights = np.array(list(map(float, law.weights)))
    kinds = rng.choice(len(weights), size=count, p=weights / weights.sum())
    if isinstance(law, GaussianMixture):
        m, s = (np.array([[float(x) for x in r] for r in y]) for y in (law.means, law.deviations))
        x = m[kinds] + s[kinds] * rng.standard_normal((count, 2))
        terms = [
            np.log(w / (2 * np.pi * size.prod())) - (((x - mean) / size) ** 2).sum(axis=1) / 2
            for w, mean, size in zip(weights, m, s, strict=True)
        ]
        return x, logsumexp(terms, axis=0)
    ends = np.array([[[float(x) for x in corner] for corner in pair] for pair in law.ends])
    low, high = ends[:, 0], ends[:, 1]
    x = low[kinds] + (high - low)[kinds] * rng.random((count, 2))
    return x, np.log((weights / (high - low).prod(axis=1))[kinds])
