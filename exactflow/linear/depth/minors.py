"""Equations between principal minors that decide four layers with positive scales.

A, B, C, D are the blocks of a matrix M, and a, b, c, d those of its inverse
(`exactflow.linear.depth.pattern`).

Main results
------------
M is a product of layers with positive scales in the pattern ULUL iff M P^-1 is a product of
additive layers in this pattern, for some positive diagonal P = diag(E, G). The lower right block of
M P^-1 is D G^-1, the upper left block of P M^-1 is E a, and det M P^-1 = 1. Let the halves have n
coordinates, x_i be the diagonal entries of G^-1, y_i those of E, d_S and a_S the principal minors
of D and a at a set S of coordinates, and x^S the product of the x_i with i in S. Then

    sum of d_S x^S  =  sum of a_S y^S    over the sets S of k coordinates, k = 1, .., n - 1,
    det M x_1 .. x_n  =  y_1 .. y_n:

which means that the characteristic polynomials of D G^-1 and E a agree, as det a = det D / det M.
These are n equations for the 2 n positive numbers x_i and y_i. Conversely, let the equations hold,
let D be invertible, and let neither D G^-1 nor E a be derogatory. Then D G^-1 and E a are similar,
and by Flanders' theorem M P^-1 is a product of additive layers in the pattern ULUL.

*Signs.* Call (D, a) *opposed* at k < n if all d_S for sets S of k coordinates are >= 0 and all a_S
are <= 0, or the reverse, and not all of them vanish. If (D, a) is opposed, the equations have no
positive solution. Let polynomials p_k in the x_i and y_i be given, and let f be the sum over k of
p_k times (left side - right side) of equation k. If f is not zero and all its coefficients have one
sign, the equations have no positive solution either.

*Existence.* If D and a have orders of the coordinates in which their leading minors are not zero
and have equal signs, the equations have positive solutions: Theorem D of the script affine_depth.

How it is checked
-----------------
Minors are *exact*; `MinorEquations.enclose_residuals_and_log_jacobian` is *certified*.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from flint import arb, arb_mat

from exactflow.exact.balls import ball
from exactflow.exact.exceptional import record_nonzero_with_fewest_factors
from exactflow.exact.typing import Element
from exactflow.linear.depth.equations import sign
from exactflow.linear.depth.pattern import PatternInstance

Exponents = tuple[int, ...]
"""The exponents of x_1, .., x_n, and then of y_1, .., y_n."""

Polynomial = Mapping[Exponents, Element]

LARGEST_HALF = 8
"""All principal minors of a block are computed only if it has at most this many rows."""


@dataclass(frozen=True, eq=False)
class MinorEquations:
    """Equations for positive x and y, with the principal minors of D and of a as coefficients.

    `left` are all minors of D, `right` all minors of a, and `det` is det M.
    """

    left: tuple[Element, ...]
    right: tuple[Element, ...]
    det: Element

    @staticmethod
    def from_four_or_five_letter_pattern(instance: PatternInstance) -> "MinorEquations":
        """Return the equations for a pattern of four letters, or of five letters if C = 0."""
        left, right = (
            minors.minors_of_all_sets() for minors in instance.minors_of_D_and_a_for_pattern
        )
        return MinorEquations(left, right, instance.split.det)

    @property
    def coefficients_of_x_and_y_by_set(self) -> tuple[tuple[Element, ...], tuple[Element, ...]]:
        """The coefficients of x^S and of y^S, ordered by the integers that stand for the sets S.

        The coefficients are the principal minors of D, and of a. For the set of all coordinates,
        the coefficient of x^S is det M, and that of y^S is 1.
        """
        return (*self.left[:-1], self.det), (*self.right[:-1], self.right[0])

    @property
    def half_size(self) -> int:
        """The number of coordinates of a half."""
        return (len(self.left) - 1).bit_length()

    @cached_property
    def sizes_of_nontrivial_equations(self) -> tuple[int, ...]:
        """The sizes k for which equation k has a nonzero coefficient."""
        pairs = enumerate(zip(*self.coefficients_of_x_and_y_by_set, strict=True))
        return tuple(sorted({S.bit_count() for S, pair in pairs if any(pair)} - {0}))

    def combine(self, multipliers: Sequence[Polynomial]) -> dict[Exponents, Element]:
        """Return the sum over k of multiplier k times (left side - right side) of equation k.

        There is a multiplier for each k from 1 to n. The result and the multipliers are
        polynomials: dicts from exponents to nonzero coefficients.
        """
        n, total = self.half_size, dict[Exponents, Element]()
        for side, coefficients in enumerate(self.coefficients_of_x_and_y_by_set):
            for S, minor in enumerate(coefficients):
                if not S or not minor:
                    continue
                of_S = [S >> i & 1 for i in range(n)]
                powers = [*[0] * n, *of_S] if side else [*of_S, *[0] * n]
                for exponents, p in multipliers[S.bit_count() - 1].items():
                    place = tuple(i + j for i, j in zip(exponents, powers, strict=True))
                    total[place] = total.get(place, 0) + p * (-minor if side else minor)
        return {place: x for place, x in total.items() if x}

    def enclose_residuals_and_log_jacobian(
        self, x: Sequence[arb], y: Sequence[arb]
    ) -> tuple[arb_mat, arb_mat]:
        """Enclose left side - right side of each equation, and the derivatives of this difference.

        Only the equations of `sizes_of_nontrivial_equations` have rows. The derivatives are with
        respect to the logarithms of the numbers x, and then of the numbers y.
        """
        n = self.half_size
        rows = {k: [arb(0)] * (2 * n + 1) for k in self.sizes_of_nontrivial_equations}
        for first, coefficients, numbers in zip(
            (0, n), self.coefficients_of_x_and_y_by_set, (x, y), strict=True
        ):
            powers = [arb(1)]
            for S in range(1, 1 << n):
                low = (S & -S).bit_length() - 1
                powers.append(powers[S & (S - 1)] * numbers[low])
                if coefficients[S]:
                    term = ball(coefficients[S]) * powers[S] * (-1 if first else 1)
                    row = rows[S.bit_count()]
                    for place in [2 * n, *(first + i for i in range(n) if S >> i & 1)]:
                        row[place] += term
        values, slopes = zip(*((row[-1:], row[:-1]) for row in rows.values()), strict=True)
        return arb_mat(values), arb_mat(slopes)


def are_minors_of_D_and_a_opposed(instance: PatternInstance, minor_size: int) -> bool:
    """Whether the principal minors of D and of a, of one size, are known to have opposite signs.

    All minors of D are at least 0 and all minors of a at most 0, or the reverse, and not all are 0.
    If a sign is not known, the answer is False.
    """
    left, right = (
        minors.minors_of_size(minor_size) for minors in instance.minors_of_D_and_a_for_pattern
    )
    values, field = [*left, *(-x for x in right)], instance.matrix.domain
    if {sign(x, field) for x in values} - {0} not in ({1}, {-1}):
        return False
    record_nonzero_with_fewest_factors(values, field)
    return True
