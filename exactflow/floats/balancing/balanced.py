"""The result of `balance`: float64 layers, the exact error of their product, and a certified bound
of the error of the inverse.

Main results
------------
`exactflow.flows.float_layers` computes the product Q of the layers exactly, and so max |W - Q|. For
the inverses let V be any matrix, rho = |I - V W|_F, e = |V|_F |W - Q|_F, and rho + e < 1. Then W
and Q are invertible, their determinants have the same sign, and

    |W^-1 - Q^-1|_F <= |V|_F^2 |W - Q|_F / ((1 - rho) (1 - rho - e)).

This holds since W^-1 - Q^-1 = -W^-1 (W - Q) Q^-1, W^-1 = (I - R)^-1 V and
Q^-1 = (I - R - V (W - Q))^-1 V, with R = I - V W. V is a rounded inverse of W; nothing is assumed
about its error.

How it is checked
-----------------
*Exact*: the error. *Certified*: the bound for inverses. A float product of d x d matrices is within
d u / (1 - d u) |V| |W| of the exact one, u = 2^-53 (Higham, *Accuracy and stability of numerical
algorithms*, 2002, section 3.5). If that is too coarse, the product is computed exactly.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import sympy
from sympy import QQ

from exactflow.exact.dyadic_matrix import DyadicMatrix, DyadicQuotient
from exactflow.exact.numbers import format_up, round_up_if_over_256_bits, to_float
from exactflow.exact.typing import VectorLike
from exactflow.explanation import Explanation, Step
from exactflow.explanation.steps import product_step
from exactflow.floats.balancing.target import Target
from exactflow.floats.threads import one_thread
from exactflow.flows.arithmetic import is_inexact, map_floats_or_mpfs
from exactflow.flows.evidence import Evidence
from exactflow.flows.float_layers import FloatCoupling
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.result import MapResult
from exactflow.linear.factor import check_explainable_dimension

COARSE = Fraction(1, 8)
"""If the bound of |I - V W| in floats is larger, I - V W is computed exactly."""


@dataclass(frozen=True, eq=False, repr=False)
class Balanced(MapResult):
    """Float64 layers whose product is within `error` of a matrix W, entry by entry.

    Attributes
    ----------
    target : the exact W, with the order of its coordinates and the flipped coordinates.
    layers : `FloatCoupling` values in order of application; their product is Q.
    difference : the exact matrix W - Q.
    """

    target: Target
    layers: tuple[FloatCoupling, ...]
    difference: DyadicQuotient
    evidence: ClassVar[Evidence] = Evidence.CERTIFIED

    @property
    def order(self) -> tuple[int, ...]:
        """The coordinates in the order of the halves: the first half, then the second."""
        return self.target.layout.order

    @property
    def flips(self) -> tuple[int, ...]:
        """The coordinates of the input that are negated before the first layer."""
        return self.target.layout.flips

    @cached_property
    def error(self) -> sympy.Rational:
        """The largest absolute entry of W - Q, an exact rational, where W is the target and Q the
        exact product of the layers.

        The floats of the layers count as the dyadic rationals that they are.
        """
        return sympy.Rational(self.difference.max_abs())

    @cached_property
    def inverse_difference_bound(self) -> sympy.Expr:
        """A certified upper bound of the largest absolute entry of W^-1 - Q^-1, for the exact
        product Q of the layers; oo if W is too ill-conditioned for a bound.
        """
        with one_thread():
            target = self.target
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                try:
                    U, s, Vt = np.linalg.svd(target.mantissa)
                except np.linalg.LinAlgError:
                    return sympy.oo
                inverse = (Vt.T / s) @ U.T
            bound = bound_frobenius_inverse_perturbation(
                target.exact_matrix,
                inverse,
                target.mantissa_exponent,
                self.difference.bound_frobenius_norm(),
            )
        return sympy.oo if bound is None else sympy.Rational(round_up_if_over_256_bits(bound))

    @cached_property
    def flow(self) -> CouplingFlow:
        """The layers as an exact flow of dyadic rationals. Its matrix is their product Q, not W."""
        layers = [layer.exact() for layer in self.layers]
        return CouplingFlow(layers, flips=self.flips, method="balance", order=self.order)

    @property
    def partition(self) -> tuple[int, int]:
        """The sizes (p, q) of the halves."""
        return self.layers[0].partition

    @property
    def magnitude(self) -> float:
        """The largest absolute entry of the shifts of all layers."""
        return max(float(np.abs(layer.shift).max()) for layer in self.layers)

    @cached_property
    def condition_numbers(self) -> tuple[float, ...]:
        """The condition number of each layer, computed in floats."""
        with one_thread():
            return tuple(layer.condition_number() for layer in self.layers)

    def forward(self, x: VectorLike) -> Any:
        """Return the image of a vector of d entries, or of each column of a matrix.

        Floats are mapped in float64 and returned in the dtype of `x`; other numbers are mapped
        exactly, by `flow`.
        """
        if is_inexact(x):
            return map_floats_or_mpfs(self._map_forward_in_float64_or_exactly, x, self.dimension)
        return self.flow(x)

    def backward(self, y: VectorLike) -> Any:
        """Return the preimage of a vector of d entries, or of each column of a matrix.

        Floats are mapped in float64, other numbers exactly, as by `forward`.
        """
        if is_inexact(y):
            return map_floats_or_mpfs(self._map_backward_in_float64_or_exactly, y, self.dimension)
        return self.inverse()(y)

    def explain(self) -> Explanation:
        """Return steps for the exact product Q of the layers, for the difference between Q and the
        matrix M of the user, and for the difference between Q^-1 and M^-1.

        >>> from exactflow.floats.balancing import balance
        >>> [step.text for step in balance([[2, 1], [1, 1]]).explain().steps[1:]]
        ['largest(M - Q) = r', 'M P = I, Q R = I, largest(P - R) <= s']
        """
        check_explainable_dimension(self.dimension)
        product = product_step(self.flow, self.flow.domain_matrix()).rename({"M": "Q"})
        Q = product.before["Q"]
        product = replace(product, before={}, after={"Q": Q, **product.after})
        residual = Step(
            "residual",
            "The floats of the layers are taken as the dyadic rationals that they are. Their exact "
            f"product `Q` differs from `M` by at most `r` in every entry, and `r` is at most "
            f"``{format_up(self.error, 2)}``.",
            "largest(M - Q) = r",
            {"Q": Q},
            {"M": self.target.to_user_matrix(), "r": QQ.convert(self.error)},
            QQ,
        )
        steps = [product, residual]
        if self.inverse_difference_bound is not sympy.oo:
            why = (
                "`P` is the inverse of `M`, `R` the inverse of `Q`. They differ by at most `s`, "
                f"and `s` is at most ``{format_up(self.inverse_difference_bound, 2)}``."
            )
            M, s = residual.after["M"], QQ.convert(self.inverse_difference_bound)
            made = {"P": M.inv().to_dense(), "R": Q.inv().to_dense(), "s": s}
            text = "M P = I, Q R = I, largest(P - R) <= s"
            steps.append(Step("inverses", why, text, {"M": M, "Q": Q}, made, QQ))
        claim = f"{len(self.layers)} layers of floats compose to `M` within "
        claim += f"``{format_up(self.error, 2)}``.{self.target.layout.sentences_if_not_default}"
        return Explanation.from_steps_after_checking(claim, steps, self, self.evidence)

    def _map_forward_in_float64_or_exactly(
        self, coordinate_rows: list, to_entry_type: Callable
    ) -> list:
        """Map rows of floats by the float layers, and rows of other numbers by the exact `flow`.

        `to_entry_type` converts a number to the type of the entries.
        """
        if to_entry_type is not to_float:
            return self.flow._map_entries(coordinate_rows, to_entry_type)
        x = np.stack(coordinate_rows)
        x[list(self.flips)] *= -1
        x = x[list(self.order)]
        for layer in self.layers:
            x = layer.forward(x)
        return list(x[np.argsort(self.order)])

    def _map_backward_in_float64_or_exactly(
        self, coordinate_rows: list, to_entry_type: Callable
    ) -> list:
        """Map rows of floats back by the float layers, and rows of other numbers by the inverse of
        the exact `flow`.
        """
        if to_entry_type is not to_float:
            return self.inverse()._map_entries(coordinate_rows, to_entry_type)
        y = np.stack(coordinate_rows)[list(self.order)]
        for layer in reversed(self.layers):
            y = layer.backward(y)
        y = y[np.argsort(self.order)]
        y[list(self.flips)] *= -1
        return list(y)

    def __str__(self) -> str:
        return (
            f"{len(self.layers)} layers on halves {self.partition}, largest entry "
            f"{self.magnitude:.2g}, condition numbers to {max(self.condition_numbers):.2g}, "
            f"certified within {format_up(self.error, 2)}"
        )


def bound_frobenius_inverse_perturbation(
    W: DyadicQuotient,
    inverse_of_mantissa: np.ndarray,
    mantissa_exponent: int,
    frobenius_error: Fraction,
) -> Fraction | None:
    """Return an upper bound of |W^-1 - Q^-1|_F that holds for all matrices Q with |W - Q|_F at most
    `frobenius_error`.

    Returns None unless W and all these Q are proved to be invertible. `inverse_of_mantissa` is a
    float inverse of M = 2^-`mantissa_exponent` W, with any error.
    """
    if not np.isfinite(inverse_of_mantissa).all():
        return None
    V, one = DyadicMatrix.from_floats(inverse_of_mantissa), np.eye(len(inverse_of_mantissa))
    M = W.to_approximate_floats(mantissa_exponent)
    with np.errstate(over="ignore", invalid="ignore"):
        rounding = float(np.linalg.norm(inverse_of_mantissa) * np.linalg.norm(M))
        rounding *= (len(one) + 8) * 2.0**-52
        residual = float(np.linalg.norm(inverse_of_mantissa @ M - one))
        rough = residual * (1 + 2.0**-20) + rounding
    # rho bounds |I - V M|_F
    if rough < COARSE:
        rho = Fraction(rough)
    else:
        product = V * W.numerator.times_power_of_two(-mantissa_exponent)
        exact_residual = DyadicQuotient(product, W.denominator).minus(DyadicMatrix.from_floats(one))
        rho = exact_residual.bound_frobenius_norm()
    size = V.bound_frobenius_norm() * Fraction(2) ** -mantissa_exponent
    if rho + size * frobenius_error >= 1:
        return None
    return size**2 * frobenius_error / ((1 - rho) * (1 - rho - size * frobenius_error))
