"""The least number of alternating couplings whose product is a given matrix.

Main results
------------
`minimal_depth` returns bounds for the least number, which agree where it is decided: layers that
attain the upper one, and for both patterns with one layer less than the lower one a reason why they
are impossible. A pattern with still fewer layers is contained in one of those.

*Additive layers* (det M = 1), halves of p <= q. Up to four layers the procedure decides, on all
halves and over every field. At most six suffice where p and q differ by at most one (Koehler, Mehta
and Risteski, ICML 2021, for a bounded number; Urschel 2024 for six at equal halves, which is
sharp), and five are decided there where rank C and rank B are 0, 1 or as large as they can be;
elsewhere it may be left with five or six, and says so. On other halves ranks decide on generic
matrices, and eigenvalues on those of two scalar blocks, some of which take eight
(`exactflow.linear.depth.counting`); the upper bound is that of `factor`.

*Positive scales*. Up to three layers are decided, and at equal halves four are what a typical
matrix takes: for n = 2 some are rational wherever there are any, beyond they are certified to
exist. In the rest there are bounds, which need not meet (`exactflow.linear.depth.scaled`).

How it is checked
-----------------
*Exact*: the flow is verified against M, and each obstruction has a `check` of its own, which
succeeds before an answer is made. With symbols a sign that does not follow from what is known of
them decides nothing; the bounds hold wherever nothing vanishes that layers and proofs take for
nonzero. *Certified*: four layers with positive scales, where they are not rational;
`existence.check` repeats the proof.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal, get_args

from sympy.logic.boolalg import Boolean

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.assumptions import Assumptions, assuming
from exactflow.exact.coerce import as_matrix
from exactflow.exact.typing import DepthScales, MatrixLike, Orientation, PartitionLike, check_option
from exactflow.flows.orientation import ORIENTATIONS
from exactflow.linear.depth.additive import additive_depth
from exactflow.linear.depth.answer import CertifiedDepth, MinimalDepth
from exactflow.linear.depth.obstruction import Obstruction
from exactflow.linear.depth.scaled import scaled_depth
from exactflow.linear.factor.problem import Problem, format_element, sign_hint

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
    """Return the least number of coupling layers whose composition equals `M`, or bounds for it,
    with both witnesses.

    Parameters
    ----------
    M : d x d matrix in any form that `exactflow.factor` takes; also a dense DomainMatrix over
        GF(p).
    scales : "additive": all scales are 1, and det M must be 1. "positive": any positive scales, and
        det M > 0. "auto": additive if det M = 1, else positive; the answer says which.
    orientation : what to do if det M < 0, as in `factor`: "error"; "flip", and the layers are those
        of M after coordinate 0 is negated; or "pad", and they are those of `append_swap(M)`.
    partition : (p, q), the sizes of the halves, or a mask; by default (d // 2, d - d // 2).
    assume : strict inequalities between the symbols of `M`, as in `factor`. A sign that does not
        follow is not known, and bounds that need it are wider.

    Returns
    -------
    MinimalDepth
        `lower` and `upper`, equal where the procedure decides; a `flow` of `upper` layers; and
        `obstructions`, one for each pattern of `lower` - 1 layers, each with a `check`. With
        positive scales it may be a `CertifiedDepth`, whose `flow` holds the layers rounded to
        floats, `error` how far it is from `M`, and `existence` the proof that there are such
        layers, with balls that enclose them. The `flow` is in the order of coordinates of `M`, the
        obstructions are about the matrix in the order of the layers, the first half first, and
        after the flip; `matrix` and `layout` hold both. With symbols the bounds hold for all values
        that fulfil `assumptions`, except at the roots of `exceptional`: the text says both.

    Raises
    ------
    InvalidInputError
        No square matrix, or a determinant that these layers do not have.
    SingularMatrixError, OrientationError
        No flow of couplings represents the matrix.
    FieldTooSmallError
        Over a finite field, no layers were found.

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
    with assuming(Assumptions.of(assume)):
        return _decided(Problem.of(as_matrix(M), partition, orientation, "nonzero"), scales)


def _decided(problem: Problem, scales: DepthScales | Literal["auto"]) -> MinimalDepth:
    """Return the answer for a problem, additive or scaled as the determinant permits."""
    field, det = problem.target.domain, problem.det
    if det == field.one and scales != "positive":
        layers, reasons = additive_depth(problem.matrix.to_dense(), problem.partition[0])
        return MinimalDepth.verified(layers, problem, "additive", reasons)
    if scales == "additive":
        raise InvalidInputError(
            f"expected determinant 1 for additive layers, got {format_element(det, field)}: "
            "scales='positive' (--scales positive) asks the same for positive scales"
        )
    if not linalg.is_positive(det, field):
        raise InvalidInputError(
            "expected a determinant that is 1 or known to be positive, got "
            f"{format_element(det, field)} over {field}: {sign_hint(det, field)}divide a row by it"
        )
    return scaled_depth(replace(problem, scales="positive"))
