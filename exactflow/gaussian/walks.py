"""Walks divided by the eigenvalues of one matrix and multiplied by those of another in turn.

Main results
------------
Here in logarithms: z_i - g_i = sigma_i and z_(i+1) - g_i = rho_i, all z_i and g_i at least 0, where
sum sigma = sum rho. `exactflow.gaussian.three_layers` says what for.

- As many sigma as rho: a cycle. Entries of equal rank follow each other, in an order in which the
  levels stay near the first. Where sigma and rho are alike all z become equal, which is a singular
  case of the equations that refine layers; then entries of nearly equal rank do better.
- One sigma more: a path from z_1 = 0 to g_last = 0, which exists if min sigma <= 0 <= max sigma.
  From a level g >= 0 with g + max rho >= 0, what is left can be walked in the order of descending
  rho and ascending sigma, see there. So a step to any such level may be taken: it is the least.
- Still more: all but one of them must be 0, and are paths of their own from z = 0 to g = 0.
"""

import numpy as np

__all__ = ["levels"]

MARGIN = 0.02  # of the least level above 0, which is a singular case
ROUNDED = 1e-8


def levels(sigma: np.ndarray, rho: np.ndarray, shifted: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return z and g as matrices, len(sigma) x len(rho): z_(i+1) where sigma_(i+1) and rho_i meet,
    g_i where sigma_i and rho_i do, 0 elsewhere.

    Parameters
    ----------
    sigma, rho : ascending, of equal sums. If the longer one has m entries more, m - 1 of them are
        0, up to rounding, and 0 lies between the others.
    shifted : join entries of a cycle after a shift of the ranks by one within blocks of so many.
    """
    if len(sigma) < len(rho):
        z, g = levels(rho, sigma)
        return z.T, g.T
    z, g = np.zeros((2, len(sigma), len(rho)))
    if len(sigma) == len(rho):
        i, j = _cycle(sigma, rho, shifted)
        walk = np.cumsum([0.0, *(rho[j] - sigma[i])[:-1]])
        start = MARGIN - min(walk.min(), (walk - sigma[i]).min())
        z[i, np.roll(j, 1)] = walk + start
        g[i, j] = walk + start - sigma[i]
        return z, g
    more = len(sigma) - len(rho) - 1
    if more:
        kept = np.sort(np.argsort(np.abs(sigma))[more:])
        z[kept], g[kept] = levels(sigma[kept], rho)
        return z, g
    i, j = _path(sigma, rho)
    walk = np.cumsum(rho[j] - sigma[i][:-1])
    z[i[1:], j] = np.maximum(walk, 0)
    g[i[:-1], j] = np.maximum(walk - rho[j], 0)
    return z, g


def _cycle(sigma: np.ndarray, rho: np.ndarray, shifted: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the order of the sigma and of the rho."""
    n = len(rho)
    blocks = np.array_split(np.arange(n), max(1, n // shifted))
    ranks = np.concatenate([np.roll(block, 1) for block in blocks])
    steps = rho[ranks] - sigma
    left, order, level = list(np.argsort(steps)), [], 0.0
    for _ in range(n):
        order.append(left.pop(0 if level > 0 else -1))
        level += steps[order[-1]]
    return np.array(order), ranks[order]


def _path(sigma: np.ndarray, rho: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the order of the sigma, the least first and the greatest last, and of the rho."""
    first, *free, last = range(len(sigma))
    left, i, j, level = list(range(len(rho))), [first], [], -sigma[first]
    while free:
        up = level + rho[left][:, None]
        down = up - sigma[free]
        greatest = np.full((len(left), 1), rho[left[-1]])
        greatest[-1] = rho[left[-2]]
        allowed = (np.minimum(up, down) > -ROUNDED) & (down + greatest > -ROUNDED)
        best = np.argmin(np.where(allowed, up + down, np.inf))
        a, b = np.unravel_index(best, down.shape)
        level = down[a, b]
        j.append(left.pop(a))
        i.append(free.pop(b))
    return np.array([*i, last]), np.array([*j, left[0]])
