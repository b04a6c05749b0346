"""Upper bound on E log|det J| for a map of N(0, I) whose image is near a mixture.

Let clusters have the weights w_i, and covariances with the eigenvalues s_ij^2. Theorem 16b of
`exactflow.laws.conditioning.jacobian_bounds` bounds E log|det J| by

    H(w) + max { sum_i w_i sum_j log a_ij : sum_i w_i sum_j (a_ij - s_ij)^2 <= eps^2 }.

By Lagrange's multiplier the maximum is, for every t > 0, at most

    sum_i w_i sum_j (log a_ij - (a_ij - s_ij)^2 / (2 t)) + eps^2 / (2 t)

with a_ij = (s_ij + sqrt(s_ij^2 + 4 t)) / 2, the number where log a - (a - s_ij)^2 / (2 t) is
largest; and equal to it where the constraint holds with equality.

How it is checked
-----------------
*Certified*: eigenvalues, entropy and bound are enclosed, for one t. Which t, and which clusters, is
found in floats: the cluster with the largest scatter is cut across its longest axis, again and
again, and the number of clusters with the least bound is taken.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from heapq import heappop, heappush
from itertools import combinations, count, takewhile
from typing import NamedTuple

import numpy as np
from flint import arb, fmpq

from exactflow.exact.typing import Element
from exactflow.laws.conditioning.condition import deviations
from exactflow.laws.conditioning.mixture_components import MixtureComponents
from exactflow.laws.conditioning.tuning import TUNING

LARGEST = 1e300  # of a deviation in units of eps, and of one over a weight: float64 ends there


class _Cluster(NamedTuple):
    """A cluster of mixture components, in floats.

    `deviations` are the roots of the eigenvalues of its covariance, in ascending order; `axis` is
    the eigenvector of the largest one.
    """

    members: np.ndarray
    weight: float
    deviations: np.ndarray
    axis: np.ndarray


def bound_mean_log_det(
    components: MixtureComponents, eps: arb
) -> tuple[arb, list[np.ndarray], arb]:
    """Return a bound for maps whose image is within `eps` of the mixture in W2, the numbers of the
    components in each cluster, and t.

    The precision is that of the current ``workprec`` block.
    """
    size = max(float(eps / arb(2) ** components.exponent), 1 / LARGEST)
    tries = ((*_bound(clusters, size), clusters) for clusters in _clusterings(components))
    _, multiplier, clusters = min(tries, key=lambda found: found[0])
    t = (arb(multiplier) * eps * eps).mid()
    total = eps * eps / (2 * t)
    for cluster in clusters:
        weight, matrix = components.covariance(cluster.members)
        w = arb(weight)
        total -= w * w.log()
        for s in deviations(matrix):
            root = s + (s * s + 4 * t).sqrt()
            total += w * ((root / 2).log() - 2 * t / (root * root))
    return total, [cluster.members for cluster in clusters], t


def _bound(clusters: Sequence[_Cluster], eps: float) -> tuple[float, float]:
    """Return the bound less d log(eps), and t in units of eps^2 where the constraint holds with
    equality; lengths are in units of 2^exponent.
    """
    w = np.array([[cluster.weight] for cluster in clusters])
    s = np.minimum(np.array([cluster.deviations for cluster in clusters]) / eps, LARGEST)

    def apart(t: float) -> np.ndarray:
        return 2 * t / (s + np.hypot(s, 2 * np.sqrt(t)))

    low, high = 0.0, 1.0
    while (w * apart(high) ** 2).sum() < 1:
        low, high = high, 4 * high
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if (w * apart(middle) ** 2).sum() < 1 else (low, middle)
    a = s + apart(high)
    return (w * (np.log(a) - np.log(w) / a.shape[1])).sum(), high


def _clusterings(components: MixtureComponents) -> Iterator[list[_Cluster]]:
    """Yield partitions of the components into more and more clusters, in units of 2^exponent."""
    scale = Fraction(2) ** components.exponent * components.unit
    points = (components.centers / scale).astype(float)
    weights = np.maximum((components.weights / components.total).astype(float), 1 / LARGEST)
    square, spreads = fmpq(4) ** components.exponent, None
    if components.spreads is not None:
        spreads = (components.spreads / square).astype(float)

    def cluster(members: np.ndarray) -> tuple[float, int, _Cluster]:
        w, x = weights[members], points[members]
        x = x - w @ x / w.sum()
        matrix = (x * w[:, None]).T @ x
        if spreads is not None:
            matrix += sum(weights[i] * spreads[i] for i in members.tolist())
        values, axes = np.linalg.eigh(matrix)
        deviations = np.sqrt(np.maximum(values, 0) / w.sum())
        order = -values[-1] if len(members) > 1 else 1.0
        return order, next(places), _Cluster(members, w.sum(), deviations, axes[:, -1])

    places = count()
    heap = [cluster(np.arange(len(weights)))]
    wanted = 1.0
    while True:
        order, _, whole = heap[0]
        if len(heap) >= wanted or order >= 0:
            yield [found for _, _, found in heap]
            wanted = max(len(heap) + 1, TUNING.cluster_growth * len(heap))
        if order >= 0 or len(heap) >= TUNING.most_clusters:
            return
        heappop(heap)
        along = points[whole.members] @ whole.axis
        first = along <= weights[whole.members] @ along / whole.weight
        last = along.argmax()
        first[last] = False
        if not first.any():  # as the mean is rounded, and all may be at one place
            first[last - 1] = True
        for part in (first, ~first):
            heappush(heap, cluster(whole.members[part]))


def differences(components: MixtureComponents) -> list[tuple[Element, ...]]:
    """Return the differences of the centers of about `TUNING.few_clusters` clusters: numeric."""
    *_, clusters = takewhile(
        lambda found: len(found) <= TUNING.few_clusters, _clusterings(components)
    )
    means = [components.mean(cluster.members) for cluster in clusters]
    return [tuple(a - b for a, b in zip(*pair, strict=True)) for pair in combinations(means, 2)]
