"""The least number of alternating couplings whose product is a given matrix.

Main results
------------
`minimal_depth` returns a lower and an upper bound of the least number; they are equal if it is
decided. Layers attain the upper bound. For both patterns with one layer less than the lower bound
there is an obstruction. All patterns with still fewer layers are contained in one of these two.

*Additive layers* (det M = 1), halves of p <= q. Up to four layers the procedure decides, on all
halves and over every field. At most six suffice where p and q differ by at most one (Koehler, Mehta
and Risteski, ICML 2021, for a bounded number; Urschel 2024 for six at equal halves, which is
sharp). Five are decided there if rank C and rank B are 0, 1 or as large as the shape permits;
otherwise five or six may remain undecided. On other halves ranks decide generic matrices, and
eigenvalues decide those of two scalar blocks, some of which take eight
(`exactflow.linear.depth.rank_obstructions`); the upper bound is that of `factor`.

*Positive scales*. Up to three layers are decided. At equal halves a typical matrix takes four: for
n = 2 rational ones exist if any do, for larger n they are certified to exist. In the other cases
there are bounds, which may differ (`exactflow.linear.depth.scaled`).

How it is checked
-----------------
*Exact*: the flow is verified against M, and the `check` of each obstruction succeeds before the
result is returned. With symbols, a sign that does not follow from the assumptions decides nothing;
the bounds hold unless one of the `exceptional_polynomials` vanishes. *Certified*: four layers with
positive scales that are not rational; `existence.check` repeats the proof.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal, get_args

from sympy.logic.boolalg import Boolean

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.assumptions import Assumptions, assuming
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.numbers import format_field
from exactflow.exact.typing import MatrixLike, PartitionLike, check_option
from exactflow.flows.orientation import ORIENTATIONS, Orientation
from exactflow.flows.result import DepthScales
from exactflow.linear.depth.additive import find_additive_layers_and_obstructions
from exactflow.linear.depth.obstruction import Obstruction
from exactflow.linear.depth.pattern import SplitMatrix
from exactflow.linear.depth.result import CertifiedDepth, MinimalDepth
from exactflow.linear.depth.scaled import bound_scaled_depth
from exactflow.linear.factor.problem import (
    Problem,
    format_element,
    hint_to_assume_positive_det_or_empty,
)

__all__ = ["DEPTH_SCALES", "CertifiedDepth", "MinimalDepth", "Obstruction", "minimal_depth"]

DEPTH_SCALES: tuple[str, ...] = ("auto", *get_args(DepthScales))


def minimal_depth(
    M: MatrixLike,
    *,
    scales: DepthScales | Literal["auto"] = "auto",
    orientation: Orientation = "error",
    partition: "PartitionLike | None" = None,
    assume: "Iterable | Boolean" = (),
) -> MinimalDepth:
    """Find the minimal depth of `M`, or bounds, with layers that attain it and proofs that fewer
    layers do not suffice.

    Parameters
    ----------
    M : d x d matrix in any form that `exactflow.factor` takes; also a dense DomainMatrix over
        GF(p).
    scales : "additive": all scales are 1, and det M must be 1. "positive": any positive scales, and
        det M > 0. "auto": additive if det M = 1, else positive; the result says which.
    orientation : the repair if det M < 0, as in `factor`. "error": none; "flip": the layers are
        those of M after coordinate 0 is negated; "pad": they are those of `append_swap(M)`.
    partition : (p, q), the sizes of the halves, or a mask; by default (d // 2, d - d // 2).
    assume : strict inequalities between the symbols of `M`, as in `factor`. If a sign does not
        follow from them, the bounds may be wider.

    Returns
    -------
    MinimalDepth
        `lower` and `upper`, which are equal if the depth is decided; a `flow` of `upper` layers;
        and `obstructions`, one for each pattern of `lower` - 1 layers, each with a `check`. With
        positive scales it may be a `CertifiedDepth`: its `flow` has the layers rounded to floats,
        `error` is the distance of their product from `M`, and `existence` proves that exact layers
        exist, and encloses them in balls. The `flow` is in the order of coordinates of `M`; the
        obstructions are about the matrix in the order of the layers, the first half first, and
        after the flip; `matrix` and `layout` hold both. With symbols the bounds hold for all values
        that fulfil `assumptions`, except at the roots of `exceptional_polynomials`: the text says
        both.

    Raises
    ------
    InvalidInputError
        The matrix is not square, or no product of these layers has its determinant.
    SingularMatrixError, OrientationError
        No flow of couplings represents the matrix.
    FieldTooSmallError
        No layers were found over a finite field.

    Examples
    --------
    >>> answer = minimal_depth([[-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    >>> answer.summary, [reason.is_valid() for reason in answer.obstructions]
    ('exactly 6 additive layers', [True, True])
    >>> for reason in answer.obstructions:
    ...     print(reason)
    not ULULU: C = 0, and D and a have different traces
    not LULUL: B = 0, and A and d have different traces
    >>> print(minimal_depth([[1, 2], [0, 1]]))
    exactly 1 additive layer: not the identity, since B = 0 fails at (0, 0)
    >>> minimal_depth([[1, 0, 0], [0, 0, -1], [0, 1, 0]]).depth
    6
    >>> M = [[1, 2, 0, 1, 0, 1], [0, 1, 3, 0, 2, 0], [1, 0, 1, 1, 0, 0],
    ...      [0, 1, 1, 2, 0, 1], [2, 0, 0, 1, 1, 0], [1, 1, 0, 0, 1, 3]]
    >>> answer = minimal_depth(M, scales="positive")
    >>> answer.upper, answer.error < 1e-12, answer.existence.is_valid()
    (4, True, True)
    >>> from sympy import Symbol
    >>> t = Symbol("t")
    >>> print(minimal_depth([[t, 1], [0, 1]], assume=[t > 0]))
    exactly 1 layer with positive scales, for t > 0: not the identity, since B = 0 fails at (0, 0)
    """
    check_option("scales", scales, DEPTH_SCALES)
    check_option("orientation", orientation, ORIENTATIONS)
    with assuming(Assumptions.from_inequalities(assume)):
        return _minimal_depth_of_problem(
            Problem.from_matrix(as_square_matrix(M), partition, orientation, "nonzero"), scales
        )


def _minimal_depth_of_problem(
    problem: Problem, scales: DepthScales | Literal["auto"]
) -> MinimalDepth:
    """Find the minimal depth for a problem; "auto" means additive if det M = 1, else positive."""
    field, det = problem.target.domain, problem.det
    if det == field.one and scales != "positive":
        split = SplitMatrix(problem.matrix_of_layers.to_dense(), problem.partition[0])
        layers, excluded = find_additive_layers_and_obstructions(split)
        return MinimalDepth.verified(layers, problem, "additive", excluded)
    if scales == "additive":
        raise InvalidInputError(
            f"additive layers have determinant 1, but det(M) = {format_element(det, field)}: use "
            "scales='positive'"
        )
    if not linalg.is_positive(det, field):
        raise InvalidInputError(
            f"det(M) = {format_element(det, field)} over {format_field(field)} is "
            "neither 1 nor known to be positive: "
            f"{hint_to_assume_positive_det_or_empty(det, field)}divide a row by the determinant"
        )
    return bound_scaled_depth(replace(problem, scales="positive"))
