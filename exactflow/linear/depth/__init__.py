"""The least number of alternating couplings whose product is a given matrix.

Main results
------------
`minimal_depth` returns a lower and an upper bound of the least number; the bounds are equal if the
number is decided. The result has layers that attain the upper bound, and an obstruction to each of
the two patterns with one layer less than the lower bound. Every product of still fewer layers is
also a product in one of these two patterns.

*Additive layers* (det M = 1), halves of p and q coordinates, p <= q. Whether at most four layers
suffice is decided for all p and q and over every field. If q - p is 0 or 1, six layers suffice
(Koehler, Mehta and Risteski, ICML 2021, proved that a bounded number suffices; Urschel 2024 proved
six at equal halves, and that five do not always suffice). Then five layers are decided if the rank
of each off-diagonal block B and C of M is 0, 1 or as large as its shape permits; otherwise it may
remain undecided whether the depth is five or six. If q - p > 1, ranks decide the depth of generic
matrices, and eigenvalues decide the depth of matrices with two scalar blocks, some of which take
eight layers (`exactflow.linear.depth.rank_obstructions`); the upper bound is the number of layers
of `factor`.

*Positive scales*. Whether at most three layers suffice is decided. At equal halves of n coordinates
a typical matrix takes four layers: for n = 2 rational layers exist if any exist, for larger n the
layers are certified to exist. In the other cases the two bounds may differ
(`exactflow.linear.depth.scaled`).

How it is checked
-----------------
*Exact*: the flow is verified against M, and the `check` of each obstruction succeeds before the
result is returned. If M has symbols, a sign that does not follow from the assumptions decides
nothing; the bounds hold unless one of the `exceptional_polynomials` vanishes. *Certified*: the
existence of four layers whose positive scales are not rational; `existence.check` repeats the
proof.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal, get_args

from sympy.logic.boolalg import Boolean

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.assumptions import Assumptions, assuming
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.numbers import format_element_short, format_field
from exactflow.exact.typing import MatrixLike, PartitionLike, check_option
from exactflow.flows.orientation import ORIENTATIONS, Orientation
from exactflow.flows.result import DepthScales
from exactflow.linear.depth.additive import find_few_additive_layers_and_obstructions
from exactflow.linear.depth.obstruction import Obstruction
from exactflow.linear.depth.pattern import SplitMatrix
from exactflow.linear.depth.result import CertifiedDepth, MinimalDepth
from exactflow.linear.depth.scaled import bound_scaled_depth
from exactflow.linear.factor.problem import Problem, hint_to_assume_positive_det_or_empty

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
    orientation : the repair if det M < 0, as in `factor`. "error": no repair, an error is raised;
        "flip": the layers represent M after coordinate 0 is negated; "pad": the layers represent
        `append_swap(M)`.
    partition : (p, q), the sizes of the halves, or a mask; by default (d // 2, d - d // 2).
    assume : strict inequalities between the symbols of `M`, as in `factor`. If a sign does not
        follow from them, the bounds may be wider.

    Returns
    -------
    MinimalDepth
        `lower` and `upper`, which are equal if the depth is decided; a `flow` of `upper` layers;
        and `obstructions`, one for each pattern of `lower` - 1 layers, each with a `check`. With
        positive scales the result may be a `CertifiedDepth`: its `flow` has the layers rounded to
        floats, `error` is the largest absolute entry of `M` minus the product of these rounded
        layers, and `existence` proves that exact layers exist, and encloses them in balls. The
        `flow` uses the order of coordinates of `M`. The obstructions are about the matrix after the
        flip, with the coordinates of the first half before those of the second. `matrix` is the
        given matrix, and `layout` has the order and the flip. If `M` has symbols, the bounds hold
        for all values that fulfil `assumptions`, except at the roots of `exceptional_polynomials`;
        the text of the result names these conditions.

    Raises
    ------
    InvalidInputError
        The matrix is not square, or no product of layers with the requested `scales` has the
        determinant of the matrix.
    SingularMatrixError, OrientationError
        No flow of couplings represents the matrix: it is singular, or det M < 0.
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
        problem = Problem.from_matrix(as_square_matrix(M), partition, orientation, "nonzero")
        field, det = problem.target.domain, problem.det
        if det == field.one and scales != "positive":
            split = SplitMatrix(problem.matrix_of_layers.to_dense(), problem.partition[0])
            layers, excluded = find_few_additive_layers_and_obstructions(split)
            return MinimalDepth.verified(layers, problem, "additive", excluded)
        if scales == "additive":
            raise InvalidInputError(
                "additive layers have determinant 1, but det(M) = "
                f"{format_element_short(det, field)}: use scales='positive'"
            )
        if field.characteristic() and det == field.one:
            raise InvalidInputError(
                f"the elements of {format_field(field)} have no sign, so no scale but 1 is known "
                "to be positive: use scales='additive'"
            )
        if not linalg.is_positive(det, field):
            raise InvalidInputError(
                f"det(M) = {format_element_short(det, field)} over {format_field(field)} is "
                "neither 1 nor known to be positive: "
                f"{hint_to_assume_positive_det_or_empty(det, field)}divide a row by the determinant"
            )
        return bound_scaled_depth(replace(problem, scales="positive"))
