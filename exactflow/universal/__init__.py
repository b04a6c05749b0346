"""Universal approximation by three coupling layers, with a certified Wasserstein bound.

Main results
------------
For every measure P with second moments and every eps > 0 three affine couplings f have
W2(f#N(0, I), P) <= eps, at the price of ill-conditioning (Koehler, Mehta and Risteski,
*Representational aspects of depth and conditioning in normalizing flows*, ICML 2021).
Here f is explicit. Let d = 2n, z = (z1, z2), and let u' be the first coordinate of u. Atoms
c_i = (a_i, b_i), i = 1 .. N, have first coordinates a_i' that increase, and weights w_i > 0.

    y2 = delta z2 + t1(z1')    t1 = 1 .. N (e_1 times), growing on ramps of width tau around knots
    x1 = delta z1 + t2(y2')    t2 = a_i on [i - 1/4, i + 1/4], linear between
    x2 = delta y2 + t3(x1')    t3 = b_i - delta i e_1 on [a_i' - r, a_i' + r], linear between

Knots q_1 < .. < q_(N-1) are at least tau, and the a_i' more than 2r, apart. Then W2(f#N(0, I), P)
is at most the sum of

- quantization: W2(P, sum w_i at the centers of cells);
- spread: sqrt(sum w_i |c_i - center_i|^2), where first coordinates had to be moved apart;
- weights: D sqrt(sum_i |Phi(q_i) - w_1 - .. - w_i|), D the diameter of the atoms;
- noise: sqrt(n (delta^2 + delta^4));
- ramps: sqrt(sum_i P(R_i) (|c_(i+1) - c_i| + delta)^2), R_i: z1' lies on ramp i;
- tails: V sqrt(P(T)), T: |z2'| > 1/(4 delta) or |z1'| > r/delta, with
  V^2 = diam(a)^2 + (diam(b) + delta (N - 1))^2.

*Proof.* Let I - 1 be the number of knots below z1', and p_i = P(I = i). Two triangle inequalities
lead from P over sum w_i c_i to sum p_i c_i: labels drawn by one uniform number from w and from p
differ with probability at most sum_i |Phi(q_i) - w_1 - .. - w_i|, and then by at most D. For the
rest, W2(f#N, sum p_i c_i)^2 <= E|f(z) - c_I|^2. Write f(z) - c_I = (delta z1, delta^2 z2) + v,

    v = (t2(y2') - a_I, delta t1(z1') + t3(x1') - b_I).

Off T and off R, the union of the R_i, v = 0: t1 = I, so |y2' - I| <= 1/4, so |x1' - a_I'| <= r. The
values of t2 are convex combinations of the a_i, those of t3 of the b_i - delta i e_1, and t1 is in
[1, N], so |v| <= V always. On R_i and off T, t1 is in [i, i + 1], so t2 is between a_i and a_(i+1),
t3 between its values at these two, and I is i or i + 1: |v| <= |c_(i+1) - c_i| + delta. Now use
Minkowski's inequality in L^2: |f - c_I| <= |noise| + |v 1_(R-T)| + |v 1_T|. What z does on T, and
how R, T, z1 and z2 depend on each other, is no matter: v is bounded, the noise counted everywhere.

How it is checked
-----------------
*Certified*: every term is evaluated in ball arithmetic and rounded up to a rational. *Exact*: the
flow, its inverse and its derivative on rational points. *Numeric*: samples, in the tests, against
exact solvers of discrete transport.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import mpmath
import numpy as np
import sympy
from flint import ctx
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import PrecisionError
from exactflow.exact.numbers import format_short, to_element, to_index, to_mpf
from exactflow.exact.typing import MatrixLike, NumberLike
from exactflow.flows.result import Evidence, Result
from exactflow.nonlinear import PiecewiseFlow
from exactflow.universal.bound import Bound, certify
from exactflow.universal.boxes import Boxes, Segments, checkerboard, uniform
from exactflow.universal.construction import Construction, layers
from exactflow.universal.gaussians import GaussianMixture, smoothed
from exactflow.universal.line import QuantileFunction
from exactflow.universal.measures import Atoms, Product, TargetMeasure, empirical
from exactflow.universal.search import GUARD_BITS, SHARES, construct, power_below
from exactflow.universal.spheres import Ring, Sphere
from exactflow.universal.well_conditioned import WellConditioned, approximate_well

__all__ = [
    "Approximation",
    "Atoms",
    "Bound",
    "Boxes",
    "GaussianMixture",
    "Product",
    "QuantileFunction",
    "Ring",
    "Segments",
    "Sphere",
    "WellConditioned",
    "approximate",
    "approximate_well",
    "checkerboard",
    "empirical",
    "smoothed",
    "uniform",
]

_GRID_BITS = 40
MOST_BITS = 100_000
LEAST_EPS = QQ(1, 2**900)


@dataclass(frozen=True, eq=False, repr=False)
class Approximation(Result):
    """A flow of three layers with a certified W2 bound: what `approximate` returns.

    `pieces` itemises the bound, `precision` is that of the ball arithmetic, in bits.
    """

    target: TargetMeasure
    eps: sympy.Rational
    parameters: Construction
    pieces: Bound
    precision: int
    evidence: ClassVar[Evidence] = Evidence.CERTIFIED

    @property
    def bound(self) -> sympy.Rational:
        """A rational number with W2(flow, target) <= bound <= eps."""
        return self.pieces.total

    @cached_property
    def flow(self) -> PiecewiseFlow:
        """The three layers."""
        return layers(self.parameters)

    def sample(self, count: int, seed: int = 0) -> np.ndarray:
        """Return `count` points, in rows: the flow of Gaussian draws, computed in float64."""
        draws = np.random.default_rng(seed).standard_normal((self.target.dimension, count))
        return self.flow.forward(draws).T

    def __str__(self) -> str:
        atoms, bound = len(self.parameters.weights), mpmath.nstr(to_mpf(self.bound), 3)
        return f"{self.target} by {atoms} atoms, W2 <= {bound} <= {format_short(self.eps)}"


def approximate(
    target: "TargetMeasure | MatrixLike", eps: NumberLike, *, precision: int | None = None
) -> Approximation:
    """Return three coupling layers whose image of N(0, I) is within `eps` of the target in W2.

    Theorem and proof are in the module's docstring.

    Parameters
    ----------
    target : a measure on R^d, d even: `uniform` on a box, `checkerboard`, `Ring`, `Boxes` or
        `Atoms` (mixtures), or an (N, d) array, which stands for its `empirical` measure.
    eps : a positive rational, at least 2^-900; a float is the dyadic number that it is.
    precision : bits of the ball arithmetic, at most 100,000; chosen where it is left out.

    Raises
    ------
    InvalidInputError
        eps <= 0, odd d, no measure with ``dimension`` and ``cells``, more than 2^20 atoms.
    PrecisionError
        The precision does not suffice; the message says which one does.

    Examples
    --------
    >>> found = approximate(Atoms([[0, 0], [1, 1]], ["1/3", "2/3"]), "1/10")
    >>> found.bound <= sympy.Rational(1, 10), found.flow.depth
    (True, 3)
    >>> found.flow.forward([-1, 0]).T == sympy.Matrix([[-found.parameters.delta, 0]])
    True
    """
    target = empirical(target) if isinstance(target, np.ndarray) else target
    if not isinstance(target, TargetMeasure):
        raise InvalidInputError(
            "expected a measure with second moments: uniform, checkerboard, Ring, Boxes, Atoms or "
            f"an (N, d) array, got {type(target).__name__}"
        )
    if target.dimension % 2:
        raise InvalidInputError(
            f"expected an even dimension, got {target.dimension}: append a coordinate, as zeros"
        )
    eps = to_element(eps)
    if eps < LEAST_EPS:
        raise InvalidInputError(
            f"expected eps > 0, and at least 2^-900, got {format_short(eps)}: the terms of the "
            "bound are rounded up to multiples of 2^-1000"
        )
    bits = _GRID_BITS + max(0, int(power_below(1 / min(eps, QQ.one)).numerator).bit_length())
    if precision is not None:
        precision = to_index("precision", precision, 0, MOST_BITS)
        if precision <= GUARD_BITS:
            raise PrecisionError(f"expected a precision above {GUARD_BITS} bits, got {precision}")
    with ctx.workprec(2 * bits):
        cells = target.cells(SHARES["quantization"] * eps, bits)
    parameters, needed = construct(cells, eps, precision)
    if precision is not None and needed > precision:
        raise PrecisionError(
            f"expected a precision that certifies eps = {format_short(eps)}, got {precision} bits: "
            f"{needed} would do"
        )
    with ctx.workprec(needed):
        pieces = certify(parameters, cells.error)
    if pieces.total > QQ.to_sympy(eps):
        share = format_short(SHARES["quantization"] * eps)
        raise InvalidInputError(
            f"expected cells within {share} of the target, got a quantization error that may be "
            f"{float(pieces.quantization):.3g}: its method cells must be as fine as it is asked to"
        )
    return Approximation(target, QQ.to_sympy(eps), parameters, pieces, needed)
