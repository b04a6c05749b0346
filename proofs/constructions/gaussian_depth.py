"""The least number of layers that generate a Gaussian, decided over QQ.

Main results
------------
For halves (p, q) and real layers (Theorem 12; the proofs are in the script gaussian_depth):

- *None* suffices iff Sigma = I.
- *One* suffices iff Sigma11 = I and the Schur complement of Sigma11 is diagonal (additive: I), or
  the same with the halves exchanged.
- *Two with positive scales* suffice always if the halves differ by at most one. If p = 1 and q = 3,
  they suffice iff Sigma22 or (Sigma^-1)22 is D + l l^T for a diagonal D > 0: Spearman's one-factor
  model.
- *Two additive layers* suffice iff Sigma22 - I = T T^T and A - I = T^T T for some T, where A is the
  inverse of the Schur complement of Sigma22: iff both are positive semidefinite and have the same
  nonzero eigenvalues, or the same with the halves exchanged.
- *k >= 3 additive layers*, for p <= q and det Sigma = 1, of which the first moves the second half,
  suffice iff the Schur complement S of Sigma11 has at most p ceil((k - 1) / 2) eigenvalues below 1
  and at most p floor((k - 1) / 2) above. If the first one moves the first half, they suffice iff
  Sigma22 has at most as many above and below. So 2 ceil(q / p) always suffice, and
  diag(t, 2, .., 2) needs them.
- *With positive scales* 1 + ceil((q - 1) / p) layers always suffice; the answer is an interval if
  q - p >= 2, unless p = 1 and q = 3.

If the first half is the larger one the halves are exchanged.

How it is checked
-----------------
*Exact*: equality of blocks and of characteristic polynomials, and signatures: a polynomial with
real roots only has as many positive roots as its coefficients have changes of sign (Descartes).
*Quoted*: Brouwer's theorem for two affine layers, and Klyachko's for k >= 3 and q >= p + 2.
"""

from dataclasses import dataclass
from itertools import combinations, count, pairwise, permutations
from typing import ClassVar, get_args

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.flanders import pad_smaller_by_identity
from exactflow.exact.linalg import Blocks
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import MatrixLike, PartitionLike, check_option
from exactflow.flows.evidence import Evidence
from exactflow.flows.partition import resolve_partition_or_mask
from exactflow.flows.result import DepthBounds, DepthScales, Result
from exactflow.laws.gaussian.covariance import (
    check_covariance_except_definiteness,
    check_positive_definite,
)

__all__ = ["GaussianDepth", "gaussian_depth"]


@dataclass(frozen=True, repr=False)
class GaussianDepth(DepthBounds, Result):
    """The least number of layers of a Gaussian, between two bounds, and the reason."""

    reason: str
    evidence: ClassVar[Evidence] = Evidence.EXACT

    def __str__(self) -> str:
        return f"{self.summary}: {self.reason}"


def gaussian_depth(
    Sigma: MatrixLike, *, scales: DepthScales = "additive", partition: "PartitionLike | None" = None
) -> GaussianDepth:
    """Least number of coupling layers that generate N(0, Sigma) from white noise, or whiten it.

    Parameters
    ----------
    Sigma : d x d over QQ (floats are taken exactly), positive definite; d >= 2.
    scales : "additive": all scales are 1, and det Sigma must be 1. "positive": any positive scales.
    partition : (p, q), the sizes of the halves, or a mask; by default (d // 2, d - d // 2).

    Raises
    ------
    InvalidInputError
        `Sigma` is not symmetric or not positive definite, or it is asked for additive layers and
        det Sigma is not 1.

    Examples
    --------
    >>> print(gaussian_depth([[1, 2], [2, 9]], scales="positive"))
    exactly 1 layer with positive scales: Sigma11 = I, and its Schur complement is diagonal
    >>> print(gaussian_depth([[2, 1], [1, 1]]))
    exactly 1 additive layer: Sigma22 = I, and its Schur complement is I
    >>> gaussian_depth([["1/4", 0, 0], [0, 2, 0], [0, 0, 2]]).upper
    4
    """
    check_option("scales", scales, get_args(DepthScales))
    M = as_square_matrix(Sigma).to_dense()
    check_covariance_except_definiteness(M)
    check_positive_definite(M)
    if scales == "additive" and (det := M.charpoly()[-1] * (-1) ** M.shape[0]) != 1:
        raise InvalidInputError(
            f"expected det Sigma = 1 for additive layers, which preserve volume, got "
            f"{format_short(det)}: use scales='positive'"
        )
    if _is_one(M):
        return GaussianDepth(0, 0, scales, "Sigma = I")
    order, (p, q) = resolve_partition_or_mask(partition, M.shape[0])
    blocks = linalg.split(M.extract(list(order), list(order)), p)
    both = [
        _halves("Sigma11", "Sigma22", blocks),
        _halves("Sigma22", "Sigma11", linalg.swap_halves(blocks)),
    ]
    for halves in both:
        if halves.one_layer(scales == "additive"):
            kind = "I" if scales == "additive" else "diagonal"
            reason = f"{halves.kept} = I, and its Schur complement is {kind}"
            return GaussianDepth(1, 1, scales, reason)
    both = both if p <= q else both[::-1]  # the larger half is moved first
    if scales == "additive":
        return _two_or_more_additive(both)
    if abs(q - p) > 1:
        return _two_or_more(both)
    reasons = (
        f"the Schur complement of {halves.kept} is not diagonal"
        if _is_one(halves.first)
        else f"{halves.kept} is not I"
        for halves in both
    )
    return GaussianDepth(2, 2, "positive", f"two always do, but not one: {', '.join(reasons)}")


@dataclass(frozen=True)
class _Halves:
    """The blocks of the halves that a layer keeps and moves, Sigma11 and Sigma22, and the Schur
    complements of both.
    """

    kept: str
    moved: str
    first: DomainMatrix
    second: DomainMatrix
    of_first: DomainMatrix
    of_second: DomainMatrix

    def one_layer(self, additive: bool) -> bool:
        """Whether one layer that moves the second half suffices."""
        rest = self.of_first
        return _is_one(self.first) and (_is_one(rest) if additive else rest.is_diagonal)

    def why_not_two_additive(self) -> str:
        """Reason that no T has T T^T = Sigma22 - I and T^T T = A - I; "" if one has."""
        larger, smaller = pad_smaller_by_identity(self.of_second.inv(), self.second)
        if larger.charpoly() != smaller.charpoly():
            return "the eigenvalues differ"
        return "an eigenvalue is below 1" if sides_of_one(self.second)[0] else ""


def _halves(kept: str, moved: str, b: Blocks) -> _Halves:
    schur = b.D - b.C * b.A.inv() * b.B, b.A - b.B * b.D.inv() * b.C
    return _Halves(kept, moved, b.A, b.D, *schur)


def _is_one(M: DomainMatrix) -> bool:
    return M == linalg.identity(M.shape[0], M.domain)


def _two_or_more(both: list[_Halves]) -> GaussianDepth:
    """Return the answer for positive scales and halves that differ by two or more."""
    small, (p, q) = both[0], (both[0].first.shape[0], both[0].second.shape[0])
    upper = 1 + -(-(q - 1) // p)
    for halves in both:
        if halves.second.is_diagonal and halves.of_second.is_diagonal:
            text = f"{halves.moved} and its Schur complement are diagonal"
            return GaussianDepth(2, 2, "positive", text)
    always = f"{upper} always do, since (q - 1) / p <= {upper - 1}"
    if p > 1:
        text = f"{always}; whether fewer do is not decided"
        return GaussianDepth(2, upper, "positive", text)
    blocks = f"{small.moved} and that block of Sigma^-1"
    if is_one_factor(small.second) or is_one_factor(small.of_first.inv()):
        return GaussianDepth(2, 2, "positive", f"one of {blocks} is D + l l^T, D > 0 diagonal")
    text = f"{always}, but not two: none of {blocks} is D + l l^T, D > 0 diagonal"
    return GaussianDepth(3, upper, "positive", text)


def _two_or_more_additive(both: list[_Halves]) -> GaussianDepth:
    reasons = []
    for halves in both:
        reason = halves.why_not_two_additive()
        spectra = f"{halves.moved} and the inverse of its Schur complement"
        if not reason:
            text = f"{spectra} have the same eigenvalues, up to ones, all at least 1"
            return GaussianDepth(2, 2, "additive", text)
        reasons.append(f"of {spectra} {reason}")
    small, (p, q) = both[0], (both[0].first.shape[0], both[0].second.shape[0])
    if p == q:
        text = f"three always do, but not two: {', '.join(reasons)}"
        return GaussianDepth(3, 3, "additive", text)
    schur, covariance = sides_of_one(small.of_first), sides_of_one(small.second)
    layers = next(
        layers
        for layers in count(3)
        if _fit(p, schur, layers // 2, (layers - 1) // 2)
        or _fit(p, covariance, (layers - 1) // 2, layers // 2)
    )
    text = f"not two: {', '.join(reasons)}"
    if layers > 3:
        text = (
            f"of the Schur complement of {small.kept} {schur[0]} eigenvalues are below 1, "
            f"{schur[1]} above, and of {small.moved} {covariance[0]} and {covariance[1]}; a layer "
            f"moves {p} at most"
        )
    return GaussianDepth(layers, layers, "additive", text)


def _fit(p: int, sides: tuple[int, int], below: int, above: int) -> bool:
    """Whether `below` and `above` steps of rank p bring all eigenvalues to 1."""
    return sides[0] <= p * below and sides[1] <= p * above


def sides_of_one(M: DomainMatrix) -> tuple[int, int]:
    """Numbers of eigenvalues of a symmetric matrix over QQ below and above 1."""
    shifted = M - linalg.identity(M.shape[0], M.domain)
    signs = [c > 0 for c in shifted.charpoly() if c]
    above = sum(sign != following for sign, following in pairwise(signs))
    return linalg.rank(shifted) - above, above


def is_one_factor(M: DomainMatrix) -> bool:
    """Whether a positive definite matrix is D + l l^T, D > 0 diagonal.

    Three nonzero l_i give l_i^2 = m_ij m_ik / m_jk, which must agree and be less than m_ii.
    """
    rows, n = M.to_list(), M.shape[0]
    support = [i for i in range(n) if any(rows[i][j] for j in range(n) if j != i)]
    if not all(rows[i][j] for i, j in combinations(support, 2)):
        return False
    squares = [
        {rows[i][j] * rows[i][k] / rows[j][k] for i, j, k in permutations(support, 3) if i == first}
        for first in support
    ]
    return len(support) <= 2 or all(
        len(values) == 1 and 0 < min(values) < rows[i][i]
        for i, values in zip(support, squares, strict=True)
    )
