"""Balanced layers: few couplings with small entries and condition numbers, for floats.

Main results
------------
The exact factorizations lose digits when their layers are rounded to floats: from four digits to
all sixteen for a rotation at d = 32. Six layers can be chosen with entries below 1 and condition
numbers near 4 (for rotations, at every d tried), which lose none: `balance` searches float64 layers
of least norm whose product is W, by Newton's method along a path from random layers. Depth and
conditioning of flows: Koehler, Mehta and Risteski, *Representational aspects of depth and
conditioning in normalizing flows*, ICML 2021; six layers: Urschel 2024.

How it is checked
-----------------
The search is *numeric*. Its result is judged by an account in integers: the layers' floats are
dyadic rationals, their product is composed *exactly*, and the largest difference to W is an *exact*
rational; the difference of the inverses is *certified* by an upper bound. The composition is
certified to be within that error of W; it does not equal W.
"""

import operator

from exactflow.balancing.account import FloatCoupling
from exactflow.balancing.result import Balanced
from exactflow.balancing.target import Target
from exactflow.errors import InvalidInputError, require

__all__ = ["Balanced", "FloatCoupling", "balance"]


def balance(W, layers: int = 6, seed: int = 0) -> Balanced:
    """Return float64 coupling layers of small norm that compose to `W` within a certified error.

    Searches `layers` alternating couplings with product W and least sum of |shift|_F^2. All are
    additive but for the two that are applied last, each scaled by det(W)^(1/d). The floats of the
    result are then taken exactly: see `Balanced`.

    Parameters
    ----------
    W : d x d, d even, det W > 0: what `factor` takes, over QQ; or an array of floats. Condition
        numbers to about 10^9 are within reach of the search.
    layers : at least 5. Six always exist in theory; take 8 for a W near a scalar matrix.
    seed : the search starts at random layers; the same seed gives the same result.

    Returns
    -------
    Balanced
        With ``error`` at most 10^-12 of the largest entry of `W`.

    Raises
    ------
    InvalidInputError
        No real d x d matrix, d odd, or fewer than five layers.
    SingularMatrixError, OrientationError
        det W = 0, det W < 0.
    MethodError
        No layers were found: the message has the residual reached and what to try.
    MissingExtraError
        SciPy or threadpoolctl is not installed (extra ``balance``).

    References
    ----------
    Koehler, Mehta and Risteski, *Representational aspects of depth and conditioning in normalizing
    flows*, ICML 2021, arXiv:2010.01155.

    Examples
    --------
    >>> W = [[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    >>> result = balance(W)
    >>> len(result.layers), result.magnitude < 2, result.error < 1e-14
    (6, True, True)
    """
    layers = _checked_layers(layers)
    target = Target.of(W)
    for module in ("scipy", "threadpoolctl"):
        require(module, "balance", "balanced layers (SciPy and threadpoolctl)")
    from exactflow.balancing.search import search

    return search(target, layers, seed)


def _checked_layers(layers: int) -> int:
    try:
        count = operator.index(layers)
    except TypeError:
        raise InvalidInputError(f"expected a number of layers, got {layers!r}") from None
    if count < 5:
        raise InvalidInputError(
            f"expected at least 5 layers, got {count}: the products of four alternating couplings "
            "are a thin set, to which almost no matrix belongs (minimal_depth decides whether one "
            "does); six layers always exist"
        )
    return count
