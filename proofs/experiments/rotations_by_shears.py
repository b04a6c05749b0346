"""Rotations by well-conditioned shears, exactly.

Main results
------------
For every invertible R and y != 0, on halves (data, pads),

    diag(R, R^-1) = U((R - I) / y) L(y I) U((R^-1 - I) / y) L(-y R).

If R is a rotation then with y near |R - I|^(1/2) no shear has a norm much above that. So R0^j, of
4 j shears, is as well-conditioned as asked for, if R0 is near enough to I, and it rotates the pads,
too, which N(0, I) does not notice. R0 is a Cayley transform (I - B)^-1 (I + B) of a rational skew
matrix B, so rational and exactly orthogonal.

*Proof.* U(X) L(Y) = [[I + X Y, X], [Y, I]] is diag(R, Q) L(-W) U(-Z) = [[R, -R Z], [-Q W, Q (I +
W Z)]] for X Y = R - I, Z = -R^-1 X, W = -Q^-1 Y and Q = (I + Y X)^-1, since Q + Y R^-1 X = I. With
Y = y I this is Q = R^-1. QED

How it is checked
-----------------
*For all n* in the script depth_for_conditioning. *Exact*: orthogonal, and the product of the
layers, in the tests. *Certified*: the norms.
"""

import math
from dataclasses import dataclass

import numpy as np
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.balls import ball, sqrt_upper_bound, upper
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import Element
from exactflow.flows.linear import LinearCoupling

__all__ = ["RotationByShears", "random_rotation_by_shears"]

MOST_FACTORS = 2**10
_BITS = 20


@dataclass(frozen=True)
class RotationByShears:
    """The rotation R0^count of the data: R0, exactly orthogonal, its inverse, and y."""

    factor: DomainMatrix
    count: int
    strength: Element

    @property
    def matrix(self) -> np.ndarray:
        """The rotation as a float matrix."""
        factor = np.array([list(map(to_float, row)) for row in self.factor.to_list()])
        return np.linalg.matrix_power(factor, self.count)

    @property
    def norm(self) -> Element:
        """Upper bound of the norms of the shears, by |A|^2 <= the largest row sum of |A^T A|."""
        y, n = self.strength, self.factor.shape[0]
        square = linalg.identity(n, QQ) * QQ(2) - self.factor - self.factor.transpose()
        length = sqrt_upper_bound(ball(max(sum(map(abs, row)) for row in square.to_list())))
        return max(y, upper(length) / y)

    def layers(self) -> list[LinearCoupling]:
        """Return four shears for each factor, in the order in which data meets them."""
        n, y = self.factor.shape[0], self.strength
        one = linalg.identity(n, QQ)
        inverse = self.factor.transpose()
        shears = [
            LinearCoupling((n, n), "second", self.factor * -y),
            LinearCoupling((n, n), "first", (inverse - one) * (1 / y)),
            LinearCoupling((n, n), "second", one * y),
            LinearCoupling((n, n), "first", (self.factor - one) * (1 / y)),
        ]
        return shears * self.count


def random_rotation_by_shears(
    n: int, norm: Element, generator: np.random.Generator
) -> RotationByShears:
    """Return a random rotation by angles up to about pi / 4; its shears have norms <= `norm`."""
    upper_half = np.triu(generator.uniform(-1, 1, (n, n)) * np.pi / 4, 1)
    skew = upper_half - upper_half.T
    least = float(np.linalg.norm(skew, 2)) / to_float(norm) ** 2
    if least > MOST_FACTORS:
        raise InvalidInputError(
            f"expected a condition number that rotations of {MOST_FACTORS} factors reach, got one "
            f"that takes {least:.0f}: raise condition"
        )
    count = max(1, math.ceil(least))
    while True:
        half = [[_dyadic(x) for x in row] for row in (skew / (2 * count)).tolist()]
        B, one = DomainMatrix(half, (n, n), QQ), linalg.identity(n, QQ)
        factor = (one - B).inv() * (one + B)
        turn = RotationByShears(factor, count, _dyadic(math.sqrt(np.linalg.norm(skew, 2) / count)))
        if turn.norm <= norm:
            return turn
        count += 1


def _dyadic(x: float) -> Element:
    return QQ(round(x * 2**_BITS), 2**_BITS)
