"""A class of coupling layers whose Lipschitz constants are certified from an interval of weights.

Main results
------------
Additive couplings (x1, x2) -> (x1, x2 + t(x1)), or with the halves exchanged, of R^d (Dinh, Krueger
and Bengio, *NICE*, 2014, arXiv:1410.8516): t is a fully connected ReLU network with hidden layers
of n_1, .. , n_L units, n_0 inputs and n_(L+1) outputs, all weights and biases in [-R, R]. Let N_i =
R sqrt(n_i n_(i-1)), and with A_0 = 1, B_0 = alpha_0 = beta_0 = 0

    A_i = N_i A_(i-1)                                       B_i = N_i B_(i-1) + R sqrt(n_i)
    alpha_i = N_i alpha_(i-1) + sqrt(n_i n_(i-1)) A_(i-1)
    beta_i = N_i beta_(i-1) + sqrt(n_i n_(i-1)) B_(i-1) + sqrt(n_i).

With A, B, alpha, beta those of i = L + 1, every layer f of the class is Lambda-Lipschitz, Lambda =
(A + sqrt(A^2 + 4)) / 2, |f(0)| <= B, and two layers whose parameters differ by at most e have
|f(x) - f'(x)| <= e (alpha |x| + beta). So for l layers E|f(z) - f'(z)| <= e Lip_l, z ~ N(0, I_d),

    Lip_j = Lambda Lip_(j-1) + alpha X_(j-1) + beta,   X_j = Lambda X_(j-1) + B,   X_0 = sqrt(d).

*Proof.* A matrix of entries in [-R, R] has at most the norm R sqrt(rows columns), which the
constant one has. By induction the units of layer i are A_i-Lipschitz in x1, at most A_i |x1| + B_i
in norm, and differ by at most e (alpha_i |x1| + beta_i): relu is 1-Lipschitz. Lambda is the norm of
[[1, 0], [A, 1]], and bounds that of [[I, 0], [J, I]] for |J| <= A. X_j bounds E|x| after j layers;
changing the first j - 1 layers costs Lambda Lip_(j-1) after layer j, changing that the rest. QED

An affine coupling x2 exp(s(x1)) + t(x1) whose s is not constant is not Lipschitz: its derivative
grows with x2. So the theorem says nothing of it, unless Lambda is assumed.

How it is checked
-----------------
*Certified*: rational numbers, roots rounded up. Parameters are counted, not estimated.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import (
    format_short,
    round_up_if_over_256_bits,
    sqrt_to_128_bits,
    to_index,
)

__all__ = ["AdditiveCouplings"]


@dataclass(frozen=True)
class AdditiveCouplings:
    """All additive couplings of R^d with ReLU networks of a shape and parameters in [-R, R].

    Parameters
    ----------
    d : the dimension; both halves are counted as d / 2 units, rounded up.
    hidden : the numbers n_1, .. , n_L of units in the hidden layers.
    radius : R, a positive rational.

    Examples
    --------
    >>> layers = AdditiveCouplings(8, (3,), Fraction(1, 2))
    >>> layers.parameters, float(layers.slope), round(layers.lipschitz(2))
    (31, 3.302775637731995, 289)
    """

    d: int
    hidden: tuple[int, ...]
    radius: Fraction

    @classmethod
    def of(cls, d: int, neurons: int, width: int | None, radius: Fraction) -> "AdditiveCouplings":
        """Return the class with so many hidden units, in layers of `width` (the last may have
        fewer), or in one layer where that is left out.
        """
        neurons = to_index("neurons", neurons, 1)
        width = neurons if width is None else to_index("width", width, 1)
        if width > neurons:
            raise InvalidInputError(
                f"expected a width of at most all neurons, {neurons}, got {format_short(width)}"
            )
        full, rest = divmod(neurons, width)
        return cls(d, (width,) * full + ((rest,) if rest else ()), radius)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of units of all layers, from inputs to outputs."""
        half = -(-self.d // 2)
        return half, *self.hidden, half

    @property
    def parameters(self) -> int:
        """The number of weights and biases of one layer of the flow."""
        return sum((a + 1) * b for a, b in pairwise(self.sizes))

    @cached_property
    def growth(self) -> tuple[Fraction, Fraction, Fraction, Fraction]:
        """A, B, alpha and beta of the theorem for all units of a layer, rounded up."""
        A, B, alpha, beta = Fraction(1), Fraction(0), Fraction(0), Fraction(0)
        for before, units in pairwise(self.sizes):
            size = sqrt_to_128_bits(Fraction(units * before), up=True)
            side = sqrt_to_128_bits(Fraction(units), up=True)
            norm = self.radius * size
            alpha, beta = norm * alpha + size * A, norm * beta + size * B + side
            A, B = norm * A, norm * B + self.radius * side
            A, B, alpha, beta = map(round_up_if_over_256_bits, (A, B, alpha, beta))
        return A, B, alpha, beta

    @cached_property
    def slope(self) -> Fraction:
        """Lambda, rounded up."""
        A, *_ = self.growth
        return (A + sqrt_to_128_bits(A * A + 4, up=True)) / 2

    def lipschitz(self, layers: int) -> Fraction:
        """Return a number that is at least Lip of so many layers."""
        Lambda, (_, B, alpha, beta) = round_up_if_over_256_bits(self.slope), self.growth
        size, total = sqrt_to_128_bits(Fraction(self.d), up=True), Fraction(0)
        for _ in range(layers):
            total = round_up_if_over_256_bits(Lambda * total + alpha * size + beta)
            size = round_up_if_over_256_bits(Lambda * size + B)
        return total
