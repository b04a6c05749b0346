"""How few layers generate a Gaussian, decided over QQ.

Main results
------------
For halves (p, q) and real layers:

- no layer iff Sigma = I; one iff Sigma11 = I and the Schur complement of Sigma11 is diagonal, or
  with the halves exchanged; two otherwise, with positive scales, if the halves differ by at most
  one (Theorem 12);
- additive layers need det Sigma = 1. One does iff Sigma11 = I and the Schur complement is I, or
  with the halves exchanged; two iff Sigma22 - I = T T^T and A - I = T^T T for some T, where A is
  the inverse of the Schur complement of Sigma22: that is, iff both are positive semidefinite and
  have the same nonzero eigenvalues (or with the halves exchanged); three always do, for equal
  halves (`exactflow.gaussian.three_layers`);
- unequal halves: see `exactflow.gaussian.signature`. Additive layers are decided there, too;
  positive scales and q - p >= 2 leave an interval, unless p = 1 and q = 3.

How it is checked
-----------------
*Exact*: equality of blocks and of characteristic polynomials, and signatures. That two affine
layers suffice rests on Brouwer's theorem, see `exactflow.gaussian.spectra`.
"""

from dataclasses import dataclass
from typing import TypeAlias, get_args

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_matrix
from exactflow.exact.linalg import Blocks
from exactflow.exact.numbers import format_short
from exactflow.exact.options import check_option
from exactflow.exact.typing import DepthScales, MatrixLike, PartitionLike
from exactflow.flows.partition import resolve_partition
from exactflow.flows.result import DepthBounds
from exactflow.gaussian.covariance import check_positive_definite, check_symmetric
from exactflow.gaussian.signature import additive_layers, is_one_factor, sides_of_one

__all__ = ["GaussianDepth", "gaussian_depth"]

_NAMES = (("Sigma11", "Sigma22"), ("Sigma22", "Sigma11"))  # of the half that is kept, and moved


@dataclass(frozen=True, repr=False)
class GaussianDepth(DepthBounds):
    """The least number of layers of a Gaussian, between two bounds, and the reason."""

    reason: str

    def __str__(self) -> str:
        return f"{self.count}: {self.reason}"

    def __repr__(self) -> str:
        return f"<GaussianDepth: {self}>"


def gaussian_depth(
    Sigma: MatrixLike,
    *,
    scales: DepthScales = "additive",
    partition: "PartitionLike | None" = None,
) -> GaussianDepth:
    """Return how few coupling layers generate N(0, Sigma) from white noise, or whiten it.

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
    >>> gaussian_depth([["1/4", 0, 0], [0, 2, 0], [0, 0, 2]]).depth
    4
    """
    check_option("scales", scales, get_args(DepthScales))
    M = as_matrix(Sigma).to_dense()
    check_symmetric(M)
    check_positive_definite(M)
    if scales == "additive" and (det := M.charpoly()[-1] * (-1) ** M.shape[0]) != 1:
        raise InvalidInputError(
            f"expected det Sigma = 1 for additive layers, which preserve volume, got "
            f"{format_short(det)}: use scales='positive'"
        )
    if M == linalg.identity(M.shape[0], M.domain):
        return GaussianDepth(0, 0, scales, "Sigma = I")
    order, (p, q) = resolve_partition(partition, M.shape[0])
    blocks = linalg.split(M.extract(list(order), list(order)), p)
    both = [
        (*names, _halves(b))
        for names, b in zip(_NAMES, (blocks, linalg.swap_halves(blocks)), strict=True)
    ]
    for kept, _, halves in both:
        if halves.one_layer(scales == "additive"):
            kind = "I" if scales == "additive" else "diagonal"
            return GaussianDepth(1, 1, scales, f"{kept} = I, and its Schur complement is {kind}")
    both = both if p <= q else both[::-1]  # the larger half is moved first
    if scales == "additive":
        return _two_or_more_additive(both, min(p, q), max(p, q))
    return _two(both) if abs(q - p) < 2 else _two_or_more(both, min(p, q), max(p, q))


@dataclass(frozen=True)
class _Halves:
    """Sigma11, Sigma22, and the Schur complements of both."""

    first: DomainMatrix
    second: DomainMatrix
    of_first: DomainMatrix
    of_second: DomainMatrix

    def one_layer(self, additive: bool) -> bool:
        """Return whether a layer that moves the second half does."""
        one = linalg.identity(self.of_first.shape[0], self.of_first.domain)
        if self.first != linalg.identity(self.first.shape[0], self.first.domain):
            return False
        return self.of_first == one if additive else self.of_first.is_diagonal

    def why_not_two_additive(self) -> str:
        """Return why no T has T T^T = Sigma22 - I and T^T T = A - I; "" where one has."""
        A, B = self.of_second.inv(), self.second
        larger, smaller = (A, B) if A.shape[0] > B.shape[0] else (B, A)
        polynomial = smaller.charpoly()
        for _ in range(larger.shape[0] - smaller.shape[0]):
            polynomial = [a - b for a, b in zip([*polynomial, 0], [0, *polynomial], strict=True)]
        if larger.charpoly() != polynomial:
            return "the eigenvalues differ"
        return "an eigenvalue is below 1" if sides_of_one(B)[0] else ""


Named: TypeAlias = list[tuple[str, str, _Halves]]  # of the half that is kept, and moved


def _halves(b: Blocks) -> _Halves:
    return _Halves(b.A, b.D, b.D - b.C * b.A.inv() * b.B, b.A - b.B * b.D.inv() * b.C)


def _two(both: Named) -> GaussianDepth:
    reasons = [
        f"{kept} is not I"
        if halves.first != linalg.identity(halves.first.shape[0], halves.first.domain)
        else f"the Schur complement of {kept} is not diagonal"
        for kept, _, halves in both
    ]
    return GaussianDepth(2, 2, "positive", f"two always do, but not one: {', '.join(reasons)}")


def _two_or_more(both: Named, p: int, q: int) -> GaussianDepth:
    """Return the answer for positive scales and halves that differ by two or more."""
    upper = 1 + -(-(q - 1) // p)
    _, moved, halves = both[0]
    for _, name, h in both:
        if h.second.is_diagonal and h.of_second.is_diagonal:
            text = f"{name} and its Schur complement are diagonal"
            return GaussianDepth(2, 2, "positive", text)
    always = f"{upper} always do, since (q - 1) / p <= {upper - 1}"
    if p > 1:
        text = f"{always}; whether fewer do is not decided"
        return GaussianDepth(2, upper, "positive", text)
    blocks = f"{moved} and that block of Sigma^-1"
    if is_one_factor(halves.second) or is_one_factor(halves.of_first.inv()):
        return GaussianDepth(2, 2, "positive", f"one of {blocks} is D + l l^T, D > 0 diagonal")
    text = f"{always}, but not two: none of {blocks} is D + l l^T, D > 0 diagonal"
    return GaussianDepth(3, upper, "positive", text)


def _two_or_more_additive(both: Named, p: int, q: int) -> GaussianDepth:
    reasons = []
    for _, moved, halves in both:
        reason = halves.why_not_two_additive()
        spectra = f"{moved} and the inverse of its Schur complement"
        if not reason:
            text = f"{spectra} have the same eigenvalues, up to ones, all at least 1"
            return GaussianDepth(2, 2, "additive", text)
        reasons.append(f"of {spectra} {reason}")
    if p == q:
        text = f"three always do, but not two: {', '.join(reasons)}"
        return GaussianDepth(3, 3, "additive", text)
    kept, moved, halves = both[0]
    schur, covariance = sides_of_one(halves.of_first), sides_of_one(halves.second)
    layers = additive_layers(p, schur, covariance)
    text = f"not two: {', '.join(reasons)}"
    if layers > 3:
        text = (
            f"of the Schur complement of {kept} {schur[0]} eigenvalues are below 1, {schur[1]} "
            f"above, and of {moved} {covariance[0]} and {covariance[1]}; a layer moves {p} at most"
        )
    return GaussianDepth(layers, layers, "additive", text)
