"""Upper bound on E log|det J|, where J is the Jacobian of a map whose image of N(0, I) is near a
mixture.

Cut the mixture into clusters with weights w_i and covariances with eigenvalues s_ij^2. By theorem
16b of `exactflow.laws.conditioning.jacobian_bounds`, E log|det J| is at most

    H(w) + max { sum_i w_i sum_j log a_ij : sum_i w_i sum_j (a_ij - s_ij)^2 <= eps^2 }.

By Lagrangian duality the maximum is, for every t > 0, at most

    sum_i w_i sum_j (log a_ij - (a_ij - s_ij)^2 / (2 t)) + eps^2 / (2 t),

where a_ij = (s_ij + sqrt(s_ij^2 + 4 t)) / 2 maximizes log a - (a - s_ij)^2 / (2 t). The maximum is
equal to this bound if these a_ij satisfy the constraint with equality.

How it is checked
-----------------
*Certified*: eigenvalues, entropy and bound are enclosed, for one t. The multiplier t and the
clusters are chosen in floats: the cluster with the largest scatter is cut across its longest axis,
again and again, and the clustering with the least estimate of the bound is taken.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush
from itertools import combinations, count, takewhile
from typing import NamedTuple

import numpy as np
from flint import arb, fmpq

from exactflow.exact.singular_values import enclose_principal_standard_deviations
from exactflow.exact.typing import Element
from exactflow.laws.conditioning.mixture_components import MixtureComponents
from exactflow.laws.conditioning.tuning import TUNING

LARGEST = 1e300  # replaces larger inverse weights, and larger deviations in units of eps


class _Cluster(NamedTuple):
    """A cluster of mixture components, in floats.

    Attributes
    ----------
    members : the indices of its components.
    weight, deviations : its weight, and the roots of the eigenvalues of its covariance, ascending.
    axis : the eigenvector of the largest eigenvalue.
    scatter : the largest eigenvalue times the weight; -1 for a single component, which cannot be
        cut.
    """

    members: np.ndarray
    weight: float
    deviations: np.ndarray
    axis: np.ndarray
    scatter: float


@dataclass(frozen=True, eq=False)
class _FloatMixture:
    """A mixture in floats. Its unit of length is 2 to the power
    `MixtureComponents.rough_log2_largest_coordinate_or_deviation`, so that the largest coordinate
    or deviation is of order one.
    """

    weights: np.ndarray
    points: np.ndarray
    covariances: np.ndarray | None

    @staticmethod
    def round_and_rescale(components: MixtureComponents) -> "_FloatMixture":
        """Convert a mixture to the unit of length of this class, and round it to floats.

        Weights are divided by their sum, and raised to 1e-300 if they are smaller.
        """
        exponent = components.rough_log2_largest_coordinate_or_deviation
        weights = (components.weights / components.total_weight).astype(float)
        covariances = components.covariances
        if covariances is not None:
            covariances = (covariances / fmpq(4) ** exponent).astype(float)
        points = (components.centers / (Fraction(2) ** exponent * components.unit)).astype(float)
        return _FloatMixture(np.maximum(weights, 1 / LARGEST), points, covariances)

    def make_cluster(self, members: np.ndarray) -> _Cluster:
        """Return the cluster of the components with the indices `members`."""
        w, x = self.weights[members], self.points[members]
        x = x - w @ x / w.sum()
        matrix = (x * w[:, None]).T @ x
        if self.covariances is not None:
            matrix += sum(self.weights[i] * self.covariances[i] for i in members.tolist())
        values, axes = np.linalg.eigh(matrix)
        deviations = np.sqrt(np.maximum(values, 0) / w.sum())
        scatter = values[-1] if len(members) > 1 else -1.0
        return _Cluster(members, w.sum(), deviations, axes[:, -1], scatter)

    def split_at_mean(self, cluster: _Cluster) -> tuple[np.ndarray, np.ndarray]:
        """Cut a cluster at its mean, orthogonally to its `axis`, into two parts. Return the indices
        of the components in the first part, and of the components in the second part.
        """
        along = self.points[cluster.members] @ cluster.axis
        first = along <= self.weights[cluster.members] @ along / cluster.weight
        last = along.argmax()
        first[last] = False
        if not first.any():  # since the rounded mean of equal points can be below all of them
            first[last - 1] = True
        return cluster.members[first], cluster.members[~first]


def upper_bound_mean_log_det_of_maps_near(
    components: MixtureComponents, w2_distance: arb
) -> tuple[arb, list[np.ndarray], arb]:
    """Return an upper bound of E log|det J| for all maps whose image of N(0, I) is at a distance W2
    of at most `w2_distance` from the mixture; the indices of the components in each cluster that
    the bound uses; and its multiplier, the t of the module docstring.

    The bound is computed at the current precision.
    """
    unit = arb(2) ** components.rough_log2_largest_coordinate_or_deviation
    size = max(float(w2_distance / unit), 1 / LARGEST)
    tries = (
        (*_estimate_bound_and_multiplier_in_eps_units(clusters, size), clusters)
        for clusters in _yield_finer_clusterings(components)
    )
    _, multiplier, clusters = min(tries, key=lambda found: found[0])
    t = (arb(multiplier) * w2_distance * w2_distance).mid()
    total = w2_distance * w2_distance / (2 * t)
    for cluster in clusters:
        weight, matrix = components.weight_and_covariance(cluster.members)
        w = arb(weight)
        total -= w * w.log()
        for s in enclose_principal_standard_deviations(matrix):
            root = s + (s * s + 4 * t).sqrt()
            total += w * ((root / 2).log() - 2 * t / (root * root))
    return total, [cluster.members for cluster in clusters], t


def _estimate_bound_and_multiplier_in_eps_units(
    clusters: Sequence[_Cluster], eps: float
) -> tuple[float, float]:
    """Estimate the bound of E log|det J| and the multiplier t, in units in which eps is 1. In other
    units these are the bound minus d log(eps), in dimension d, and t / eps^2.

    The clusters and `eps` are in the unit of length of `_FloatMixture`. With this t the a_ij of the
    module docstring satisfy the constraint with equality.
    """
    w = np.array([[cluster.weight] for cluster in clusters])
    s = np.minimum(np.array([cluster.deviations for cluster in clusters]) / eps, LARGEST)

    def deviation_increases_in_eps_units(t_over_eps_squared: float) -> np.ndarray:
        """Return all (a_ij - s_ij) / eps for the multiplier t."""
        return 2 * t_over_eps_squared / (s + np.hypot(s, 2 * np.sqrt(t_over_eps_squared)))

    def is_below_constraint(t_over_eps_squared: float) -> bool:
        """Whether the a_ij for the multiplier t satisfy the constraint with slack."""
        increases = deviation_increases_in_eps_units(t_over_eps_squared)
        return bool((w * increases**2).sum() < 1)

    low, high = 0.0, 1.0
    while is_below_constraint(high):
        low, high = high, 4 * high
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if is_below_constraint(middle) else (low, middle)
    a = s + deviation_increases_in_eps_units(high)
    return (w * (np.log(a) - np.log(w) / a.shape[1])).sum(), high


def _yield_finer_clusterings(components: MixtureComponents) -> Iterator[list[_Cluster]]:
    """Yield partitions of the components into clusters. The first has one cluster, and each has
    more clusters than the previous partition.
    """
    floats, ranks = _FloatMixture.round_and_rescale(components), count()
    whole = floats.make_cluster(np.arange(len(floats.weights)))
    heap = [(-whole.scatter, next(ranks), whole)]
    wanted = 1.0
    while True:
        is_last = heap[0][0] >= 0
        if len(heap) >= wanted or is_last:
            yield [cluster for _, _, cluster in heap]
            wanted = max(len(heap) + 1, TUNING.cluster_growth * len(heap))
        if is_last or len(heap) >= TUNING.most_clusters:
            return
        for members in floats.split_at_mean(heappop(heap)[2]):
            part = floats.make_cluster(members)
            heappush(heap, (-part.scatter, next(ranks), part))


def pairwise_mean_differences_of_few_clusters(
    components: MixtureComponents,
) -> list[tuple[Element, ...]]:
    """Cut the components into at most `TUNING.few_clusters` clusters. Return, for each pair of
    clusters, the difference of the two means.
    """
    clusterings = _yield_finer_clusterings(components)
    *_, clusters = takewhile(lambda found: len(found) <= TUNING.few_clusters, clusterings)
    means = [components.mean(cluster.members) for cluster in clusters]
    return [tuple(a - b for a, b in zip(*pair, strict=True)) for pair in combinations(means, 2)]
