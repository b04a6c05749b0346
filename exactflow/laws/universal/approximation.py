"""Universal approximation by two coupling layers, or by three, with a certified W2 bound.

Main results
------------
For every measure P on R^(p + q) with second moments and every eps > 0 *two* affine couplings f have
W2(f#N(0, I), P) <= eps: without pads, under one fixed partition, any p, q >= 1. Koehler, Mehta and
Risteski (*Representational aspects of depth and conditioning in normalizing flows*, ICML 2021) use
three. One suffices only if a marginal of P on a half is N(0, I). Here f is explicit. Let z1 be one
half of z, and z2 the other half. A prime takes one fixed coordinate of a vector, and e_1 is the
unit vector of this coordinate. Atoms c_i = (a_i, b_i), i = 1 .. N, with weights w_i > 0, are sorted
so that b_i' increases (for three layers a_i').

    y2 = delta z2 + t1(z1')    t1 = b_1 .. b_N, changing on ramps of width tau around knots
    x1 = delta z1 + t2(y2')    t2 = a_i on [b_i' - r, b_i' + r], linear between

and x2 = y2. Three layers use labels instead of the b_i, which need not be sorted then:

    y2 = delta z2 + t1(z1')    t1 = 1 .. N (e_1 times), growing on ramps of width tau around knots
    x1 = delta z1 + t2(y2')    t2 = a_i on [i - 1/4, i + 1/4], linear between
    x2 = delta y2 + t3(x1')    t3 = b_i - delta i e_1 on [a_i' - r, a_i' + r], linear between

Knots q_1 < .. < q_(N-1) are at least tau, and the b_i' (or a_i') more than 2r, apart. Then
W2(f#N(0, I), P) is at most the sum of

- quantization: W2(P, sum w_i at the centers of cells);
- spread: sqrt(sum w_i |c_i - center_i|^2), because the b_i' (or a_i') were moved apart;
- weights: D sqrt(sum_i |Phi(q_i) - w_1 - .. - w_i|), D the diameter of the atoms;
- noise: delta sqrt(p + q) (three layers: sqrt(p delta^2 + q delta^4));
- ramps: sqrt(sum_i P(R_i) (|c_(i+1) - c_i| + x)^2), where R_i is the event that z1' lies on ramp i,
  and x = 0 (three layers: x = delta);
- tails: V sqrt(P(T)), where T is the event |z2'| > r/delta, and V^2 = diam(a)^2 + diam(b)^2 (three
  layers: T is |z2'| > 1/(4 delta) or |z1'| > r/delta, and delta (N - 1) is added to diam(b)).

*Proof*: in the script universal_approximation, with related work. On plateaus two layers have the
Jacobian delta I, of condition number 1, and three layers have diag(delta, delta^2).
The determinant is constant, and flows of constant determinant are not universal in KL (Draxler et
al., ICML 2024, arXiv:2402.06578).

How it is checked
-----------------
*Formally proved*, by ``proofs/rocq``: the image of each point under two layers, on ramps and off
them, and that one layer keeps a half. *Certified*: every term is evaluated in ball arithmetic and
rounded up to a rational. *Exact*: the flow, its inverse and its derivative on rational points.
*Numeric*: samples, in the tests, against exact solvers of discrete transport.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, overload

import numpy as np
import sympy
from flint import ctx
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_short, format_up, to_element, to_index
from exactflow.exact.typing import Element, NumberLike, check_option
from exactflow.explanation import Explanation
from exactflow.flows.evidence import Evidence
from exactflow.flows.nonlinear import PiecewiseFlow
from exactflow.flows.result import DepthScales, FlowResult
from exactflow.laws.universal.bound_steps import explain_w2
from exactflow.laws.universal.construction import (
    QUANTIZATION,
    Construction,
    W2Bound,
    construct_with_precision,
)
from exactflow.laws.universal.kl_approximation import KLApproximation, approximate_in_kl
from exactflow.laws.universal.measures import (
    PointsLike,
    TargetMeasure,
    as_measure_zero_padded_to_plane,
    draw_normal_columns,
    resolve_halves,
)
from exactflow.laws.universal.quantization import TUNING, grid_bits_far_below_error


@dataclass(frozen=True, eq=False, repr=False)
class W2Approximation(FlowResult):
    """A flow of two or three layers with a certified W2 bound: the result of `approximate`.

    `terms` are the terms of the bound, and `precision` is the number of bits of the ball arithmetic
    that computed them.
    """

    target: TargetMeasure
    eps: sympy.Rational
    parameters: Construction
    terms: W2Bound
    precision: int
    evidence: ClassVar[Evidence] = Evidence.CERTIFIED

    @property
    def bound(self) -> sympy.Rational:
        """A rational number with W2(flow, target) <= bound <= eps."""
        return self.terms.total

    @cached_property
    def flow(self) -> PiecewiseFlow:
        """The coupling layers, from latent to data."""
        return self.parameters.build_flow()

    def sample(self, count: int, *, seed: int = 0) -> np.ndarray:
        """Return `count` samples of the flow, in rows, computed in float64."""
        return self.flow.forward(draw_normal_columns(self.target.dimension, count, seed)).T

    def explain(self) -> Explanation:
        """Explain the construction and each term of the bound, in steps that are checked anew.

        >>> from exactflow.laws.universal import Atoms
        >>> steps = approximate(Atoms([[0, 0], [1, 1]]), "1/10").explain().steps
        >>> steps[-1].text
        'quantization + spread + weights + noise + ramps + tails = bound, bound <= eps'
        """
        return explain_w2(self)

    def __str__(self) -> str:
        return (
            f"{self.target} by {self.parameters.depth} layers and {len(self.parameters.weights)} "
            f"atoms, W2 <= {format_up(self.bound)} <= {format_short(self.eps)}"
        )


@overload
def approximate(
    target: "TargetMeasure | PointsLike",
    eps: NumberLike,
    *,
    layers: int | None = None,
    partition: tuple[int, int] | None = None,
    distance: Literal["W2"] = "W2",
    scales: DepthScales = "positive",
) -> W2Approximation: ...


@overload
def approximate(
    target: "TargetMeasure | PointsLike",
    eps: NumberLike,
    *,
    layers: int | None = None,
    partition: tuple[int, int] | None = None,
    distance: Literal["KL"],
    scales: DepthScales = "positive",
) -> KLApproximation: ...


def approximate(
    target: "TargetMeasure | PointsLike",
    eps: NumberLike,
    *,
    layers: int | None = None,
    partition: tuple[int, int] | None = None,
    distance: Literal["W2", "KL"] = "W2",
    scales: DepthScales = "positive",
) -> W2Approximation | KLApproximation:
    """Return coupling layers that map N(0, I) to a law within `eps` of the target.

    By default they are two layers for the distance W2, and four for KL(target | flow).

    The theorem for W2 is in the docstring of `exactflow.laws.universal.approximation`, for KL in
    that of `exactflow.laws.universal.kl_approximation`. In W2 a law spread over k dimensions needs
    about (size/eps)^k atoms. If that is more than 2^20, an error is raised before any is computed.

    Parameters
    ----------
    target : a measure on R^d, as `uniform`, `checkerboard`, `Boxes`, `Atoms`, `GaussianMixture` or
        a `Product` of such; an (N, d) array, tensor or list, of which the `empirical_measure` is
        taken; or a law on the line, to which a coordinate of zeros is added.
    eps : a rational of at least 2^-900; a float is taken as its exact dyadic value.
    layers : in W2, 2 (the default) or 3; three layers, as in the paper, are worse conditioned on
        plateaus. In KL, 4 (the default) or 3. There three layers lose at most log(pi e / 6) / 2 for
        each pair of coordinates, and nothing if a `Histogram` or `Boxes` is uniform, given one
        coordinate, on a set of intervals.
    partition : (p, q), the sizes of the halves; by default equal, or the second larger by one.
    distance : "W2"; or "KL", for a `Histogram`, `Boxes` or a `GaussianMixture` in the plane, or a
        `Product` of such, under equal halves.
    scales : "additive", in KL, for layers without scales: within `eps` of the least KL of all
        volume-preserving maps, for a `Histogram` or `Boxes`.

    Raises
    ------
    InvalidInputError
        eps <= 0, a target that is not a measure, a number of layers that is not listed above, a
        partition whose sizes do not add up to d, or more than 2^20 atoms. In KL: a law without a
        density, or not of a kind listed above; or an eps that three layers are not known to reach:
        the message says which eps they reach.

    Examples
    --------
    >>> from exactflow.laws.universal import Atoms, Histogram
    >>> found = approximate(Atoms([[0, 0], [1, 1]], ["1/3", "2/3"]), "1/10")
    >>> found.bound <= sympy.Rational(1, 10), found.flow.depth
    (True, 2)
    >>> found.flow.forward([-1, 0]).T == sympy.Matrix([[-found.parameters.delta, 0]])
    True
    >>> found = approximate(Histogram([[2, 1], [0, 1]], ([0, 0], [1, 1])), "1/20", distance="KL")
    >>> found.bound < 0.05, found.flow.depth
    (True, 4)
    """
    check_option("distance", distance, ("W2", "KL"))
    check_option("scales", scales, ("additive", "positive") if distance == "KL" else ("positive",))
    measure, accuracy = as_measure_zero_padded_to_plane(target), as_supported_eps(eps)
    halves = resolve_halves(measure, partition)
    if distance == "KL":
        if halves[0] != halves[1] and measure.dimension % 2 == 0:
            raise InvalidInputError(
                f"expected a partition into equal halves for distance='KL', got {halves}"
            )
        depth = to_index("layers", 4 if layers is None else layers, 3, 4)
        return approximate_in_kl(measure, accuracy, depth, scales)
    depth = to_index("layers", 2 if layers is None else layers, 2, 3)
    bits = grid_bits_far_below_error(min(accuracy, QQ.one) ** 2)
    with ctx.workprec(2 * bits):
        quantization = measure.quantize(QUANTIZATION * accuracy, bits)
    parameters, precision = construct_with_precision(quantization, accuracy, halves, depth)
    with ctx.workprec(precision):
        terms = parameters.bound_w2(quantization.error)
    if terms.total > QQ.to_sympy(accuracy):
        raise InvalidInputError(
            "the measure's method quantize(about_w2_error, grid_bits) returned atoms with the "
            f"error bound {format_up(terms.quantization)}, but about_w2_error was "
            f"{format_short(QUANTIZATION * accuracy)}: make quantize respect about_w2_error"
        )
    return W2Approximation(measure, QQ.to_sympy(accuracy), parameters, terms, precision)


def as_supported_eps(eps: NumberLike) -> Element:
    """Return a tolerance as an element of QQ; raise `InvalidInputError` if it is below 2^-900."""
    accuracy = to_element(eps)
    if accuracy < QQ(1, 2**TUNING.least_exponent):
        raise InvalidInputError(
            f"expected eps >= 2^-{TUNING.least_exponent}, got {format_short(accuracy)}: raise "
            "eps, since parameters are chosen in float64, whose smallest positive number is 2^-1074"
        )
    return accuracy
