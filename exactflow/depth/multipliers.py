"""Why no positive scales make two spectra agree: multipliers that leave coefficients of one sign.

Main results
------------
Four layers with positive scales need positive x and y that solve the equations of
`exactflow.depth.spectra`, f_k(x, y) = 0 for k = 1, .., n. If for some polynomials p_k the sum of
p_k f_k has coefficients of one sign, and is not zero, there are none: it vanishes for no positive
x and y. So the pattern ULUL is impossible, and ULULU where C = 0.

Opposed minors (`exactflow.depth.opposed`) are the case of one multiplier, p_k = 1 or -1. Beyond
these, let all a_S of k elements have the sign s_k, for some k: then the sums s_k e_k(x) of d_S x^S
must be positive at once. They cannot be if sum_k q_k s_k e_k has no positive coefficient, for some
q_k without negative ones: p_k = s_k q_k(x). The same with D and a exchanged. Such q_k, and where
they are few enough any p_k, of one degree are found by linear programming.

(On polynomials of one sign in ideals: D. Handelman, *Positive polynomials and product type actions
of compact groups*, 1985; M. Einsiedler and S. Tuncel, *When does a polynomial ideal contain a
positive polynomial?*, 2001.)

How it is checked
-----------------
*Exact*: the sum is multiplied out. What linear programming finds in float64 is rounded, and kept
only where this succeeds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import comb

from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.depth.similarity import SimilarityObstruction
from exactflow.depth.spectra import LARGEST_HALF, Spectra
from exactflow.exact.programming import combination_below_zero
from exactflow.exact.typing import Element

__all__ = ["MultiplierObstruction", "multipliers_against"]

Exponents = tuple[int, ...]
Polynomial = Mapping[Exponents, Element]

MOST_MONOMIALS = 800


@dataclass(frozen=True, eq=False, repr=False)
class MultiplierObstruction(SimilarityObstruction):
    """Multipliers p_1, .., p_n of the equations; their sum has coefficients of one sign.

    A polynomial is a dict from the exponents of x and of y, 2 n in number, to coefficients.
    """

    multipliers: tuple[Polynomial, ...]

    def check(self) -> bool:
        """Multiply out, and look at the signs."""
        D, a = self.pair()
        if not (self.applies() and D.domain.is_QQ and len(self.multipliers) == D.shape[0]):
            return False
        total = expanded(Spectra.of(D, a, self.matrix.det()), self.multipliers)
        return {x > 0 for x in total.values()} in ({True}, {False})

    def reason(self) -> str:
        """Name the sizes of the minors that clash."""
        sizes = [str(k) for k, p in enumerate(self.multipliers, 1) if p]
        return (
            f"{self.where()} have principal minors of signs that clash at the sizes "
            f"{', '.join(sizes)} together"
        )


def expanded(equations: Spectra, multipliers: Sequence[Polynomial]) -> dict[Exponents, Element]:
    """Return the sum of p_k f_k, without the terms that cancel."""
    n = equations.n
    total: dict[Exponents, Element] = {}
    for side, coefficients in enumerate(equations.coefficients):
        for S, minor in enumerate(coefficients):
            if not S or not minor:
                continue
            of_S = [S >> i & 1 for i in range(n)]
            powers = [*of_S, *[0] * n] if side == 0 else [*[0] * n, *of_S]
            for exponents, p in multipliers[S.bit_count() - 1].items():
                place = tuple(i + j for i, j in zip(exponents, powers, strict=True))
                total[place] = total.get(place, 0) + p * (-minor if side else minor)
    return {place: x for place, x in total.items() if x}


def multipliers_against(pattern: str, matrix: DomainMatrix) -> MultiplierObstruction | None:
    """Return multipliers that exclude a pattern, over QQ, or None where none are found."""
    candidate = MultiplierObstruction(pattern, matrix, ())
    n = matrix.shape[0] // 2
    if not (matrix.domain.is_QQ and n <= LARGEST_HALF and candidate.applies()):
        return None
    D, a = candidate.pair()
    equations = Spectra.of(D, a, matrix.det())
    for multipliers in _candidates(equations):
        found = MultiplierObstruction(pattern, matrix, multipliers)
        if found.check():
            return found
    return None


def _candidates(equations: Spectra) -> Iterator[tuple[Polynomial, ...]]:
    """Yield multipliers in x only or y only, of growing degree, then powers, then any."""
    n = equations.n
    for degree in range(1, n + 3):
        if comb(n + degree - 1, degree) > MOST_MONOMIALS:
            break
        for side, other in ((0, 1), (1, 0)):
            signs = _signs(equations.coefficients[other])
            towards = {k: sign if side == 0 else -sign for k, sign in signs.items()}
            yield from _solved(equations, degree, towards, [side])
    yield from _powers(equations)
    for degree in range(2, n + 2):
        if comb(2 * n + degree - 1, degree) > MOST_MONOMIALS:
            break
        yield from _solved(equations, degree, dict.fromkeys(range(1, n + 1), 0), [0, 1])


def _signs(minors: Sequence[Element]) -> dict[int, int]:
    """Return the sign of the minors of each size that have one, zeros left out."""
    found: dict[int, set[int]] = {}
    for S, x in enumerate(minors):
        if S and x:
            found.setdefault(S.bit_count(), set()).add(1 if x > 0 else -1)
    return {k: signs.pop() for k, signs in found.items() if len(signs) == 1}


def _solved(
    equations: Spectra, degree: int, signs: Mapping[int, int], sides: Sequence[int]
) -> Iterator[tuple[Polynomial, ...]]:
    """Yield multipliers of a total degree in the variables of the sides, of the signs that are
    given for each size, 0 for any.
    """
    n = equations.n
    columns: dict[tuple[int, Exponents], Polynomial] = {}
    for k, sign in signs.items():
        for monomial in _monomials(n * len(sides), degree - k):
            place = monomial if len(sides) == 2 else _padded(monomial, sides[0])
            alone: list[Polynomial] = [{} for _ in range(n)]
            alone[k - 1] = {place: QQ(sign or 1)}
            terms = expanded(equations, alone)
            if len(sides) == 1:
                other = slice(n, None) if sides[0] == 0 else slice(n)
                terms = {powers: x for powers, x in terms.items() if not any(powers[other])}
            columns[k, place] = terms
    yield from _combined(n, columns, signs, nonnegative=len(sides) == 1)


def _powers(equations: Spectra) -> Iterator[tuple[Polynomial, ...]]:
    """Yield multipliers p_k whose terms are (n - k)-th powers of single variables."""
    n = equations.n
    columns: dict[tuple[int, Exponents], Polynomial] = {}
    for k in range(1, n + 1):
        for i in range(2 * n):
            place = tuple((n - k) * (i == j) for j in range(2 * n))
            alone: list[Polynomial] = [{} for _ in range(n)]
            alone[k - 1] = {place: QQ(1)}
            columns[k, place] = expanded(equations, alone)
    yield from _combined(n, columns, dict.fromkeys(range(1, n + 1), 1), nonnegative=False)


def _combined(
    n: int, columns: Mapping, signs: Mapping[int, int], *, nonnegative: bool
) -> Iterator[tuple[Polynomial, ...]]:
    """Yield the multipliers of a combination of columns that has no positive coefficient."""
    weights = combination_below_zero(list(columns.values()), nonnegative=nonnegative)
    if any(weights):
        multipliers: list[dict[Exponents, Element]] = [{} for _ in range(n)]
        for (k, place), weight in zip(columns, weights, strict=True):
            if weight:
                multipliers[k - 1][place] = weight * (signs[k] or 1)
        yield tuple(multipliers)


def _padded(monomial: Exponents, side: int) -> Exponents:
    zeros = (0,) * len(monomial)
    return (*monomial, *zeros) if side == 0 else (*zeros, *monomial)


def _monomials(n: int, degree: int) -> Iterator[Exponents]:
    if degree >= 0:
        for chosen in combinations_with_replacement(range(n), degree):
            yield tuple(chosen.count(i) for i in range(n))
