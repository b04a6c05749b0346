"""How few layers: the least number of alternating couplings whose product is a given matrix.

Main results
------------
Let det M = 1, and the halves of one size or of sizes that differ by one. At most six additive
layers suffice (Koehler, Mehta and Risteski, ICML 2021, for a bounded number; Urschel 2024 for six
at equal halves, which is sharp).
`minimal_depth` returns the least number, with layers that attain it and, for both patterns with one
layer less, a reason why they are impossible: a pattern with still fewer layers is contained in one
of those. Up to four layers the procedure decides over every field, and so it does for five where
rank C and rank B are 0, 1 or as large as they can be; elsewhere it may be left with five or six,
and says so.

With positive scales, at equal halves, up to three layers are decided, too, and four are what a
typical matrix takes: for n = 2 these layers are rational, beyond they are certified to exist. In
the rest there are bounds, which need not meet (`exactflow.linear.depth.scaled`).

How it is checked
-----------------
*Exact*: the flow is verified against M, and each obstruction has a `check` of its own. *Certified*:
four layers with positive scales, where they are not rational; `existence.check` repeats the proof.
"""

from dataclasses import replace
from typing import get_args

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, OrientationError, SingularMatrixError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_matrix
from exactflow.exact.numbers import format_short
from exactflow.exact.options import check_option
from exactflow.exact.typing import DepthScales, MatrixLike, PartitionLike
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.partition import resolve_partition
from exactflow.linear.depth.additive import additive_depth
from exactflow.linear.depth.answer import CertifiedDepth, MinimalDepth
from exactflow.linear.depth.obstruction import Obstruction
from exactflow.linear.depth.scaled import scaled_depth

__all__ = ["DEPTH_SCALES", "CertifiedDepth", "MinimalDepth", "Obstruction", "minimal_depth"]

DEPTH_SCALES: tuple[str, ...] = get_args(DepthScales)


def minimal_depth(
    M: MatrixLike,
    *,
    scales: DepthScales = "additive",
    partition: "PartitionLike | None" = None,
) -> MinimalDepth:
    """Return the least number of coupling layers whose composition equals `M`, with both witnesses.

    Parameters
    ----------
    M : d x d matrix in any form that `exactflow.factor` takes; also a dense DomainMatrix over
        GF(p).
    scales : "additive": all scales are 1, and det M must be 1. "positive": any positive scales, and
        det M > 0, for halves of one size.
    partition : (p, q), the sizes of the halves, which differ by one at most, or a mask; by default
        (d // 2, d - d // 2).

    Returns
    -------
    MinimalDepth
        `lower` and `upper`, equal where the procedure decides; a `flow` of `upper` layers; and
        `obstructions`, one for each pattern of `lower` - 1 layers, each with a `check`. With
        positive scales it may be a `CertifiedDepth`, whose `flow` holds the layers rounded to
        floats, `error` how far it is from `M`, and `existence` the proof that there are such
        layers, with balls that enclose them. The `flow` is in the order of coordinates of `M`, the
        obstructions are about the matrix in the order of the layers, the first half first.

    Raises
    ------
    InvalidInputError
        No square matrix, halves for which the question is open, or a determinant that these layers
        do not have.
    SingularMatrixError, OrientationError
        No flow of couplings represents the matrix.

    Examples
    --------
    >>> answer = minimal_depth([[-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    >>> answer.count, [reason.check() for reason in answer.obstructions]
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
    >>> answer.upper, answer.error < 1e-12, answer.existence.check()
    (4, True, True)
    """
    check_option("scales", scales, DEPTH_SCALES)
    matrix = as_matrix(M).to_dense()
    order, halves = resolve_partition(partition, matrix.shape[0])
    apart = abs(halves[0] - halves[1])
    if apart > (scales == "additive"):
        expected = "that differ by at most one" if scales == "additive" else "of one size"
        raise InvalidInputError(
            f"expected halves {expected} for {scales} scales, got {halves}: for others the minimal "
            "depth is not known; append a coordinate, as in diag(M, 1)"
        )
    _check_determinant(matrix, scales, apart)
    inner = matrix.extract(list(order), list(order))
    answer = additive_depth(inner, halves[0]) if scales == "additive" else scaled_depth(inner)
    flow = answer.flow
    ordered = CouplingFlow(flow.layers, halves, method="depth", field=flow.field, order=order)
    return replace(answer, flow=ordered) if ordered.order else answer


def _check_determinant(matrix: DomainMatrix, scales: DepthScales, apart: int) -> None:
    """Raise an error unless the determinant is one that the layers have.

    Parameters
    ----------
    matrix, scales : what the depth is asked of.
    apart : by how much the halves differ.
    """
    det = matrix.det()
    if not det:
        raise SingularMatrixError(
            f"expected an invertible matrix, got rank {linalg.rank(matrix)} of "
            f"{matrix.shape[0]}: "
            "a flow is invertible, so no flow represents it"
        )
    positive = linalg.is_positive(det, matrix.domain)
    if det == matrix.domain.one if scales == "additive" else positive:
        return
    shown = format_short(matrix.domain.to_sympy(det))
    if scales == "additive":
        scaled = "scales='positive' (--scales positive) asks the same for positive scales"
        raise InvalidInputError(
            f"expected determinant 1 for additive layers, got {shown}: "
            + (scaled if positive and not apart else "divide a row by it")
        )
    if positive is None:
        raise InvalidInputError(
            f"expected entries in QQ or a real number field for positive scales, got "
            f"{matrix.domain}, where no scale is known to be positive: use scales='additive'"
        )
    raise OrientationError(
        f"expected det > 0, got {shown}: every coupling with positive scales "
        "preserves orientation; negate one coordinate first, as in factor with "
        "orientation='flip'"
    )
