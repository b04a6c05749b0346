"""Gaussians: the few layers that whiten a covariance, and that generate it.

Main results
------------
A flow with matrix F generates N(0, Sigma) from white noise iff F F^T = Sigma, and whitens it iff
F Sigma F^T = I. For a distribution two affine layers do (to our knowledge new), where the map needs
six; three additive ones do on equal halves if det Sigma = 1. `whiten` finds them, `gaussian_depth`
decides how few do.

How it is checked
-----------------
The search is *numeric*. Its result is judged by an account in integers: the layers' floats are
dyadic rationals, and the largest entry of Q Sigma Q^T - I is an *exact* rational.
"""

import sympy

from exactflow.errors import InvalidInputError
from exactflow.exact.typing import MatrixLike, PartitionLike, VectorLike
from exactflow.flows.partition import resolve_partition
from exactflow.gaussian.covariance import Covariance, column_of_mean
from exactflow.gaussian.depth import GaussianDepth, gaussian_depth
from exactflow.gaussian.whitening import Whitening

__all__ = ["GaussianDepth", "Whitening", "gaussian_depth", "whiten"]


def whiten(
    Sigma: MatrixLike,
    *,
    layers: int = 2,
    mean: "VectorLike | None" = None,
    partition: "PartitionLike | None" = None,
) -> Whitening:
    """Return coupling layers that whiten N(mean, Sigma): data in, white noise out.

    Their inverse generates the distribution from white noise.

    Parameters
    ----------
    Sigma : d x d, symmetric and positive definite, of floats (``numpy.cov(data)``) or rational
        numbers. Condition numbers to 10^10 and beyond are within reach.
    layers : 2, affine; or 3, on halves that differ by at most two: additive if det Sigma = 1, up
        to rounding, and three additive layers are known (on equal halves they are; on halves that
        differ by one they exist where `gaussian_depth` says so); otherwise the first two layers
        have one scale each, det(Sigma)^(-1/2d) if that does.
    mean : d numbers, flat or a column, kept beside the flow, which is linear: see `Whitening`.
    partition : (p, q), the sizes of the halves, or a mask; by default (d // 2, d - d // 2). Two
        layers exist where the halves differ by at most one; else not always, and the search may
        find none: then three are known, if they differ by two.

    Returns
    -------
    Whitening
        With ``error`` as small as rounding the layers to float64 allows, in order of magnitude.

    Raises
    ------
    InvalidInputError
        `Sigma` is not symmetric (the largest difference is named) or not positive definite (a
        minor or an eigenvalue is), or a shape does not fit.
    MethodError
        No layers were found, or Sigma is singular up to rounding.

    References
    ----------
    Koehler, Mehta and Risteski, *Representational aspects of depth and conditioning in normalizing
    flows*, ICML 2021, arXiv:2010.01155 (depth of the map); Draxler, Schnoerr and Koethe, *Whitening
    convergence rate of coupling-based normalizing flows*, NeurIPS 2022, arXiv:2210.14032 (trained
    layer by layer, with rotations in between).

    Examples
    --------
    >>> result = whiten([[2, 1, 0, 0], [1, 2, 1, 0], [0, 1, 2, 1], [0, 0, 1, 2]])
    >>> result.flow.depth, result.error < 1e-14
    (2, True)
    """
    from exactflow.exact.threads import one_thread
    from exactflow.gaussian.refinement import after_power, arithmetic_of_floats
    from exactflow.gaussian.three_layers import three_layers
    from exactflow.gaussian.two_layers import two_layers

    if layers not in (2, 3):
        raise InvalidInputError(f"expected layers=2 (affine) or 3 (additive), got {layers!r}")
    with one_thread():
        covariance = Covariance.of(Sigma)
        d = len(covariance.rounded)
        order, (p, _) = resolve_partition(partition, d)
        column = None if mean is None else column_of_mean(mean, d)
        covariance = covariance.ordered(order)
        normalized, k = covariance.normalized()
        with arithmetic_of_floats():
            found, error = (two_layers if layers == 2 else three_layers)(normalized, p)
            found = after_power(found, -k)
    return Whitening(found, order, covariance, sympy.Rational(error), column)
