"""Depth instead of ill-conditioning: a law on the line by well-conditioned layers.

Main results
------------
Let T be increasing and piecewise linear, with slopes s > 0, and D = T - id, T_t = (1 - t) id + t T,
v_t = D o T_t^-1: each point T_t(l) of label l moves with the constant velocity D(l). Let h_1 .. h_K
be positive with sum 1/2, t_k = 2 (h_1 + .. + h_k), m_k the middle of t_(k-1) and t_k, h_0 = h_(K+1)
= 0, and alpha_0 .. alpha_K positive. With a pad z beside the data x, 4 K + 2 additive couplings

    z += alpha_0 v_0(x)
    x += ((h_(k-1) + h_k) / alpha_(k-1)) z      z -= alpha_(k-1) v_(m_k)(x)
    x -= (h_k / alpha_(k-1) + h_k / alpha_k) z  z += alpha_k v_(m_k)(x)           k = 1 .. K
    x += (h_K / alpha_K) z

carry T#N(0, 1) onto the data. Before pair k let x = T_t(l), t = t_(k-1), and let the pad be z in
excess of alpha_(k-1) D(l); after it x = T_(t')(l'), and the excess is z''; z' is the pad in its
middle. Write a, b, h, m for alpha_(k-1), alpha_k, h_k, m_k.

1. T_m(l') - T_m(l) = (h/a) (z - z') - (h/b) (z' - z''), whatever D is: no error without pad.
2. z' = (1 - h V) z, z' = (1 + h V'') z'' with V and V'' difference quotients of v_m.
3. If the labels stay where the slopes of T are between p and q then
   |z''| <= |z| (1 - t + t p) / (1 - t' + t' p), so that |z| <= |z_0| / (1 - t + t p) always, and

       |l' - l| <= h^2 |z| / (1 - m + m p) max |V/a - V'' (1 - h V) / (b (1 + h V''))|

   over V, V'' in {(p - 1)/(1 - m + m p), (q - 1)/(1 - m + m q)}. Where p = q and a = b the
   maximum is 2 h V^2 / (a (1 + h V)), so the error is of second order in the steps; and one more
   coupling, z -= alpha_K v_1(x), takes the pad to z_0 / s.
4. The sum C of these over k bounds the error: |x - T(l_0)| <= q C |z_0| at the end. Between two
   pairs no label on the way is farther from l_0 than C |z_0| plus the largest of
   h |z_0| / (a (1 - t + t p) (1 - m + m p)) and its like with t' and b: to be in a range of slopes
   it is enough to start that far inside.
5. W2(data, law) <= W2(T#N, law) + (sum of E[z^2; cell] (q C)^2)^(1/2) over cells of labels and
   pads, with (q, C) for each. The pad, rescaled by r(x)^k near T'(l), is z_0 up to m |z_0|, m the
   larger of |r^k/p - 1| and |r^k/q - 1|, which bounds data and pad jointly against law x N(0, 1).

*Proof.* After the first half step x_1 = T_m(l) + (h/a) z = T_m(lam), and the pad z' = z + a D(l) -
a D(lam); then x_2 = x_1 - (h/a + h/b) z' = T_m(lam'), the pad z' + b D(lam'), and x_3 = x_2 + (h/b)
(z' + b D(lam')) = T_(t')(l'), z'' = z' + b D(lam') - b D(l'). So T_m(l') = x_3 - h D(l') = x_2 +
(h/b) z'', and 1 follows. D(lam) - D(l) = V (h/a) z, since v_m takes these values at points that are
(h/a) z apart, and D(l') - D(lam') = V'' (h/b) z'': that is 2. With w(s) = (s - 1)/(1 - m + m s),
which increases, 1 - h w = (1 - t + t s)/(1 - m + m s) and 1 + h w = (1 - t' + t' s)/(1 - m + m s):
both are positive, z keeps its sign, and z''/z is largest for V = V'' = w(p). In 1, z - z' = h V z
and z' - z'' = h V'' (1 - h V) z / (1 + h V''), linear in V and of degree one over one in V'', so
that the maximum is at ends. For 4 continue T from the range with slopes between p and q: for that
map the bounds hold everywhere, so its orbit stays in the range, so it is the orbit of T, too. QED

A shift with Lipschitz constant s has condition number at most ((s + sqrt(s^2 + 4))/2)^2, at every
point. Small alpha make v harmless, and h small against alpha the rest: *every condition number
above 1 is enough*, for enough layers. Steps and strengths may vary with t at no cost in layers, and
save many. A layer z <- r(x) z is another matter: its Jacobian holds z r'(x), so that no number is
its condition number for every z. We say within which radius of pads one is, and with which
probability they stay there: |z_0| (1 + m) <= radius is enough.

That depth can pay for conditioning is due to Lee, Pabbaraju, Sevekari and Risteski, *Universal
approximation using well-conditioned normalizing flows*, NeurIPS 2021, for log-concave laws, in the
limit of a Langevin flow; Draxler, Wahl, Schnoerr and Koethe, *On the universality of
volume-preserving and coupling-based normalizing flows*, ICML 2024 (arXiv:2402.06578), have
well-conditioned blocks for all laws, in the limit of many, and show that additive layers alone do
not give every law: that of the data they give, and that of data and pad after rescaling. That
compositions of Henon-like maps are dense in the volume-preserving ones is in Turaev, *Polynomial
approximations of symplectic dynamics and richness of chaos in non-hyperbolic area-preserving maps*,
Nonlinearity 16, 2003. Explicit layers with a certified bound are new, to our knowledge.

How it is checked
-----------------
*Certified*: both bounds, condition numbers, and the probability. *Exact*: the flow and its inverse
on rational points. *For all n* in the script depth_for_conditioning: the identity 1, in symbols.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import sympy
from flint import arb, ctx
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, normal_cdf, sqrt_upper_bound, upper
from exactflow.exact.numbers import format_down, format_short, format_up, to_index
from exactflow.exact.typing import NumberLike
from exactflow.flows.evidence import Evidence
from exactflow.flows.nonlinear import PiecewiseFlow
from exactflow.flows.result import FlowResult
from exactflow.laws.universal.approximation import as_supported_eps
from exactflow.laws.universal.boxes import Boxes
from exactflow.laws.universal.gaussian_mixture import GaussianMixture
from exactflow.laws.universal.measures import draw_normal_columns
from proofs.constructions.well_conditioned.flow_plan import FlowPlan, find_best, find_fewest
from proofs.constructions.well_conditioned.line_laws import LineLaw, as_line_law
from proofs.constructions.well_conditioned.path import (
    Path,
    as_bound_above_one,
    cover_by_regions,
    shear_condition,
)
from proofs.constructions.well_conditioned.tuning import TUNING

__all__ = ["PadGuarantee", "WellConditioned", "approximate_well"]


class PadGuarantee(NamedTuple):
    """The probability, at least, that the pad stays within the radius through all rescalings; there
    their condition numbers are at most `condition`.
    """

    radius: int
    probability: sympy.Rational
    condition: sympy.Rational


@dataclass(frozen=True, eq=False, repr=False)
class WellConditioned(FlowResult):
    """A flow of data and pad with certified bounds: the result of `approximate_well`.

    Attributes
    ----------
    law : the law that was approximated.
    bound : an upper bound of W2 between the data coordinate of flow#N(0, I) and the law.
    condition : an upper bound of the condition numbers of all layers at all points, except the
        layers that rescale the pad.
    joint_bound : with ``pad="gaussian"``, an upper bound of W2 between flow#N(0, I) and the law
        times N(0, 1); else None.
    within : with ``pad="gaussian"``, the guarantee for the layers that rescale the pad; else None.
    terms : the two terms of the bound: W2(T#N, law), and the error of the path.
    """

    law: LineLaw
    plan: FlowPlan
    path: Path
    evidence: ClassVar[Evidence] = Evidence.CERTIFIED

    @cached_property
    def terms(self) -> tuple[sympy.Rational, sympy.Rational]:
        """The terms of the bound."""
        with ctx.workprec(TUNING.precision):
            errors = self.plan.transport.error, self.plan.error(self.path)
            return QQ.to_sympy(upper(errors[0])), QQ.to_sympy(upper(errors[1]))

    @property
    def bound(self) -> sympy.Rational:
        """A rational number with W2(data, law) <= bound."""
        return sum(self.terms, sympy.Rational(0))

    @cached_property
    def _pad_errors(self) -> tuple[arb, PadGuarantee] | None:
        """The squared error of the pad, and the guarantee for the layers that rescale it."""
        scaling, square, outside = self.plan.scaling, arb(0), arb(0)
        if scaling is None:
            return None
        with ctx.workprec(TUNING.precision):
            for region in cover_by_regions(self.path):
                places = (
                    None if x is None else self.path.map.value_at(x)[0] for x in region.window
                )
                off = scaling.error(tuple(places), region.slopes)
                square += region.weight * off * off
                near, far = region.pads
                beyond = ball(near).max(TUNING.radius / (1 + off))
                tail = normal_cdf(-beyond) - (arb(0) if far is None else normal_cdf(-ball(far)))
                outside += region.mass * 2 * tail.max(arb(0))
            probability = max(1 - upper(outside), QQ.zero)
            found = map(QQ.to_sympy, (probability, upper(scaling.condition)))
            return square, PadGuarantee(TUNING.radius, *found)

    @property
    def joint_bound(self) -> sympy.Rational | None:
        """A rational number with W2(data and pad, law times N(0, 1)) <= joint_bound."""
        if self._pad_errors is None:
            return None
        with ctx.workprec(TUNING.precision):
            square = ball(self.terms[1]) ** 2 + self._pad_errors[0]
            return self.terms[0] + QQ.to_sympy(upper(sqrt_upper_bound(square)))

    @property
    def within(self) -> PadGuarantee | None:
        """The guarantee for the layers that rescale the pad; None without them."""
        return None if self._pad_errors is None else self._pad_errors[1]

    @cached_property
    def condition(self) -> sympy.Rational:
        """An upper bound of the condition numbers of all layers but those that rescale the pad."""
        with ctx.workprec(TUNING.precision):
            return upper(
                max(shear_condition(self.path.norm).upper(), self.plan.data_scaling.condition)
            )

    @cached_property
    def flow(self) -> PiecewiseFlow:
        """The layers: the first coordinate is the data, the second the pad."""
        layers, scaling = self.path.layers(), self.plan.scaling
        layers = layers[:-1] if scaling is None else layers + scaling.layers()
        return PiecewiseFlow(layers + self.plan.data_scaling.layers())

    def sample(self, count: int, seed: int = 0) -> np.ndarray:
        """Return `count` data points: the first coordinates of the flow of Gaussian draws."""
        return self.flow.forward(draw_normal_columns(2, count, seed))[0]

    def __str__(self) -> str:
        text = (
            f"{self.law} by {len(self.flow)} layers: W2 <= {format_up(self.bound)}, condition "
            f"numbers <= {format_up(self.condition)} everywhere"
        )
        if self.within is None or self.joint_bound is None or self.plan.scaling is None:
            return text
        radius, probability, condition = self.within
        return (
            f"{text} except {self.plan.scaling.count} that rescale the pad, <= "
            f"{format_up(condition)} where it is within {radius}, with probability >= "
            f"{format_down(probability, 5)}; with the pad, W2 <= {format_up(self.joint_bound)}"
        )


def approximate_well(
    target: "Boxes | GaussianMixture",
    *,
    condition: NumberLike,
    eps: "NumberLike | None" = None,
    layers: int | None = None,
    pad: Literal["gaussian"] | None = None,
) -> WellConditioned:
    """Return layers with condition numbers at most `condition` that map N(0, I) to the law.

    The flow acts on two coordinates, the data and a pad. All layers are additive, except constant
    scales if the scale of the law is not about one. With pad="gaussian" more layers rescale the
    pad to N(0, 1); they are well-conditioned within a radius. Theorem and proof are in the module's
    docstring.

    Parameters
    ----------
    target : a law on the line whose quantile function has neither jumps nor flat parts:
        `GaussianMixture`, `QuantileFunction` or `Boxes` in dimension 1.
    condition : a rational above 1.
    eps : the largest W2 distance of the data from the law, a positive rational; by default as small
        as `layers` allow. One of `eps` and `layers` is required.
    layers : the most layers; by default as few as `eps` allows. With `layers` alone the transport
        has about 128 knots at most, which limits the accuracy; a small `eps` has no such limit.
    pad : "gaussian" if data and pad together must be near the law times N(0, 1).

    Raises
    ------
    InvalidInputError
        condition <= 1, neither eps nor layers, a law that is not bi-Lipschitz (the message says
        where), or an eps that needs more layers (the message says how many).

    Examples
    --------
    >>> from exactflow.laws.universal import GaussianMixture
    >>> found = approximate_well(GaussianMixture([-1, 1], "3/5"), condition=5, eps="1/10")
    >>> found.bound <= sympy.Rational(1, 10), found.condition <= 5
    (True, True)
    >>> z = [sympy.Rational(1, 3), 0]
    >>> found.flow.inverse()(found.flow(z)) == sympy.Matrix(z)
    True
    """
    law = as_line_law(target)
    condition = as_bound_above_one(condition)
    if pad not in (None, "gaussian"):
        raise InvalidInputError(f"expected pad='gaussian' or no pad, got {format_short(pad)}")
    most = None if layers is None else to_index("layers", layers, 1)
    accuracy = None if eps is None else as_supported_eps(eps)
    with ctx.workprec(TUNING.precision):
        if accuracy is not None:
            return WellConditioned(
                law, *find_fewest(law, condition, accuracy, most, pad is not None)
            )
        if most is not None:
            return WellConditioned(law, *find_best(law, condition, most, pad is not None))
    raise InvalidInputError("expected eps, or layers, or both, got neither")
