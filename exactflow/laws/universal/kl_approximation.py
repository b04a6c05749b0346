"""Universal approximation in KL by four coupling layers, with a certified bound.

Main results
------------
Let P on R^2 have a density p, second moments and finite entropy. For every eps > 0 *four* affine
couplings f, under one partition and without pads, have KL(P | f#N(0, I)) <= eps. For products of
such laws the couplings of the pairs of coordinates are combined, because the KL of a product is the
sum of the KL of its factors. Here f is explicit.

Cut the plane into columns, along x1, and each column into *tiles*, along x2. A tile goes to the
product of an interval of z1, its *slot*, and an interval of z2, one of the *bands*. Bands are
disjoint, and so are the slots of one band. Let x1 = s z1 + t and x2 = u z2 + v be increasing affine
maps such that the image of slot and band contains the tile. Numbers m_j mark bands and n_c mark
columns: the intervals slot + m_j of all tiles are disjoint, and so are the tiles' intervals of x2,
shifted by n_c. From latent to data the layers are

    z1 += m(z2)            m = m_j on band j
    z2 -> u z2 + v + n_c   on slot + m_j
    z1 -> s z1 + t - s m_j on the tile's interval of x2, shifted by n_c
    z2 -= n(x1)            n = n_c in column c

and linear between, on *ramps*. A ramp meets a tile only in its *margins*: the strips within w1 of
the ends of its column, or within w2 of its lower and upper end.

*Claim.* KL(P | f#N(0, I)) is at most the sum of

- cells: E log p + sum over tiles of P(tile) log(2 pi s u) + E[|z|^2 / 2; tile], z = ((x1 - t) / s,
  (x2 - v) / u);
- ramps: P(margins) (log(2 pi s* u*) + (Z1^2 + Z2^2) / 2 + max(0, -log(2 pi s_ u_)));
- tails: P(outside) (log(2 pi s* u*) + Z1^2 + Z2^2) + E[((x1 - o1) / s_)^2 + ((x2 - o2) / u_)^2;
  outside],

where s*, u* are the largest scales and s_, u_ the least, and "outside" means in no tile. The hull
is the least box around the tiles, and (o1, o2) its center. Z1 is the maximum of |(x1 - t) / s +
m_j| + |m_k| and Z2 that of |(x2 + n - v - n_c) / u|, over the tiles, over the hull, and over n
between the least and the greatest n_c.

The proof is in the script universal_in_kl.

*The terms vanish* as tiles and their margins shrink. The mass of N(0, I) on bands, and on slots in
a band, is about the mass of P on their tiles. At the ends of the line an infinite interval
is replaced by the finite one on which the uniform law has the least KL. Tiles with the largest loss
are halved.

*Three layers.* With one band, [-sqrt 3, sqrt 3], no marks are needed, and the first layer is
omitted. The KL is at most KL(U | N(0, 1)) = 1/2 log(pi e / 6) < 0.1765, plus any eps, where U is
uniform on the band. For laws that are uniform given one coordinate it is at most eps:
`exactflow.laws.universal.three_layers`.

How it is checked
-----------------
*Certified*: all terms, in ball arithmetic. E log p is a finite sum for piecewise constant
densities; for normal mixtures it is at most sum P(cell) log E(p | cell) over cells of a grid, by
Jensen's inequality. *Exact*: the layers and their inverses on rational points, the disjointness of
the intervals, and that slots and bands contain the preimages of tiles. *Numeric*: samples, in the
tests.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
import sympy
from flint import arb, ctx
from sympy import QQ, Rational

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, lower, upper
from exactflow.exact.coerce import as_array_if_tensor, is_array
from exactflow.exact.numbers import (
    format_down,
    format_short,
    format_up,
    sequence_to_list,
    to_element,
    to_elements,
    to_float,
)
from exactflow.exact.typing import Element
from exactflow.explanation import Explanation
from exactflow.flows.arithmetic import is_inexact
from exactflow.flows.evidence import Evidence
from exactflow.flows.nonlinear import MergedCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.merged_coupling import MaskedPart
from exactflow.flows.result import DepthScales, FlowResult
from exactflow.laws.universal.bound_steps import explain_kl
from exactflow.laws.universal.boxes import Boxes
from exactflow.laws.universal.densities import PiecewiseConstantDensity
from exactflow.laws.universal.gaussian_mixture import GaussianMixture
from exactflow.laws.universal.measures import Product, TargetMeasure, draw_normal_columns
from exactflow.laws.universal.mixture_density import MixtureDensity
from exactflow.laws.universal.quantization import TUNING, floor_power_of_two
from exactflow.laws.universal.three_layers import arrange_zones, upper_bound_least_three_layer_kl
from exactflow.laws.universal.tilings import (
    ALL_DIGITS,
    RAMPS,
    Tiling,
    bound_kl_per_margin_mass,
    check_tile_count,
    masses_of_fewest_bands,
)
from exactflow.laws.universal.volume_preserving import (
    lower_bound_volume_preserving_kl,
    tile_by_translations,
)
from exactflow.laws.universal.zones import SHAPING, Arrangement

Density: TypeAlias = PiecewiseConstantDensity | MixtureDensity


class KLBound(NamedTuple):
    """The terms of a bound of KL, each rounded up to a rational, and the size of the flow.

    Attributes
    ----------
    cells, ramps, tails : the terms of the theorem.
    tiles, columns, bands : the numbers of tiles, columns and bands; for three layers with zones,
        an estimate of the number of strips, and the numbers of columns and zones.
    digits : about how many decimal digits float64 loses in latents, because coordinates and marks
        are large compared with tiles; from 16 on all digits are lost.
    """

    cells: Rational
    ramps: Rational
    tails: Rational
    tiles: int
    columns: int
    bands: int
    digits: int

    @property
    def total(self) -> Rational:
        """The sum of the terms, an upper bound of KL(target | flow)."""
        return self.cells + self.ramps + self.tails


class CoordinatePair(NamedTuple):
    """The tiles or zones of two coordinates, the sizes of margins, and the terms of the KL bound.

    If `swapped`, x1 is the second coordinate and x2 is the first.
    """

    tiling: Tiling | Arrangement
    margins: tuple[Element, ...]
    terms: KLBound
    swapped: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class KLApproximation(FlowResult):
    """A flow of couplings with a certified bound of KL(target | flow).

    `parts` contains the tiles, widths of margins and terms of the bound for each pair of
    coordinates. If `scales` is "additive", `lower_bound` is a lower bound of KL(target | flow) over
    all volume-preserving flows; if it is "positive", `lower_bound` is 0.
    """

    target: TargetMeasure
    eps: sympy.Rational
    layers: int
    parts: tuple[CoordinatePair, ...]
    lower_bound: sympy.Rational
    scales: DepthScales
    evidence: ClassVar[Evidence] = Evidence.CERTIFIED

    @property
    def terms(self) -> KLBound:
        """The terms of the bound and the numbers of tiles, columns and bands, each summed over all
        pairs of coordinates, and the largest `digits` of a pair.
        """
        rows = list(zip(*(part.terms for part in self.parts), strict=True))
        return KLBound._make([*map(sum, rows[:-1]), max(rows[-1])])

    @property
    def bound(self) -> sympy.Rational:
        """A rational number with KL(target | flow) <= bound <= lower_bound + eps."""
        return self.terms.total

    @cached_property
    def flow(self) -> PiecewiseFlow:
        """The coupling layers, from latent to data."""
        # With three layers a tiling has one band, so its first layer is the identity.
        columns = [list(part.tiling.layers(part.margins))[-self.layers :] for part in self.parts]
        firsts = [2 * k + part.swapped for k, part in enumerate(self.parts)]
        order = [*firsts, *(k ^ 1 for k in firsts)]
        if len(self.parts) == 1:
            return PiecewiseFlow(columns[0], order=order)
        halves, merged = (len(self.parts),) * 2, []
        for row in zip(*columns, strict=True):
            places = [((i, 1),) for i in range(len(row))]
            parts = (MaskedPart(layer, at, at) for layer, at in zip(row, places, strict=True))
            merged.append(MergedCoupling(halves, row[0].moves, tuple(parts)))
        return PiecewiseFlow(merged, order=order)

    @cached_property
    def _inverse(self) -> PiecewiseFlow:
        return self.flow.inverse()

    def sample(self, count: int, *, seed: int = 0) -> np.ndarray:
        """Return `count` samples of the flow, in rows, computed in float64.

        A sample lies outside of the support of the target, possibly far away, with probability at
        most 1 - exp(-bound).
        """
        return self.flow.forward(draw_normal_columns(self.target.dimension, count, seed)).T

    def log_prob(self, x: Any) -> Any:
        """Return the log-density of the flow.

        Parameters
        ----------
        x : floats, of shape (d,) or (N, d), which give a float or N floats; or rational numbers,
            integer arrays among them, which give a ball or a list of N balls. Tensors are taken as
            arrays.

        Raises
        ------
        InvalidInputError
            Another shape, or floats although float64 loses all digits (see ``terms.digits``).
        """
        points = as_array_if_tensor(x)
        if is_inexact(points):
            return self._log_prob_of_floats(points)
        rows = sequence_to_list(points.tolist() if is_array(points) else points)
        if rows and all(isinstance(row, list | tuple) for row in rows):
            return [self._enclose_log_prob_at_point(row) for row in rows]
        return self._enclose_log_prob_at_point(rows)

    def _log_prob_of_floats(self, x: Any) -> Any:
        """Return the log-density at points in rows, or at one point, in float64."""
        if np.ma.is_masked(x):
            raise InvalidInputError("expected x without masked entries, got x with masked entries")
        try:
            points = np.asarray(x, dtype=float)
        except (TypeError, ValueError):
            raise InvalidInputError(f"expected floats in x, got {format_short(x)}") from None
        d, digits = self.target.dimension, self.terms.digits
        if points.ndim not in (1, 2) or points.shape[-1] != d:
            raise InvalidInputError(f"expected x of shape ({d},) or (N, {d}), got {points.shape}")
        if digits >= ALL_DIGITS:
            raise InvalidInputError(
                f"float64 loses about {digits} digits in the latents of this law, which is all of "
                "them: pass rational numbers, or shift and scale the law to order one first"
            )
        columns = points.T
        latents = self._inverse.forward(columns)
        constant = d * np.log(2 * np.pi) / 2
        with np.errstate(over="ignore"):
            square = (latents**2).sum(axis=0)
        return self._inverse.log_abs_det(columns) - square / 2 - constant

    def _enclose_log_prob_at_point(self, point: Any) -> arb:
        """Return an enclosure of the log-density at a point with rational coordinates."""
        x = to_elements(point)
        square = sum(to_element(z) ** 2 for z in self._inverse.forward(list(x)))
        volume = to_element(sympy.exp(self._inverse.log_abs_det(x)))
        with ctx.workprec(TUNING.precision):
            constant = self.target.dimension * (2 * arb.pi()).log()
            return ball(volume).log() - (ball(square) + constant) / 2

    def explain(self) -> Explanation:
        """Explain the construction and the terms of the bound, in steps that compute the terms once
        more.
        """
        problem = self.target, to_element(self.eps), self.layers, self.scales
        return explain_kl(self, lambda: approximate_in_kl(*problem))

    def __str__(self) -> str:
        pieces = self.terms
        least = f"{format_down(self.lower_bound)} + " if self.lower_bound else ""
        lost = (
            f"loses about {pieces.digits} digits"
            if pieces.digits < ALL_DIGITS
            else "loses all its digits"
        )
        return (
            f"{self.target} by {self.layers} layers and {pieces.tiles} tiles, KL <= "
            f"{format_up(self.bound)} <= {least}{format_short(self.eps)}; float64 {lost}"
        )


def approximate_in_kl(
    target: TargetMeasure, eps: Element, layers: int, scales: DepthScales
) -> KLApproximation:
    """Return the result of `exactflow.laws.universal.approximate` with distance="KL"."""
    densities, least = _coordinate_pair_densities(target), Rational(0)
    if scales == "additive":
        density = densities[0]
        if layers == 3 or len(densities) > 1 or not isinstance(density, PiecewiseConstantDensity):
            raise InvalidInputError(
                "additive couplings approximate only a Histogram or Boxes in the plane, with "
                f"layers=4: for {target!r} with layers={layers} take scales='positive'"
            )
        least = lower_bound_volume_preserving_kl(density)
        parts = [_build_rigid_tiles(density, least, eps)]
    elif layers == 3:
        parts = _build_three_layers(densities, eps)
    else:
        share = eps / len(densities)
        parts = [_build_tiles(density, share, share, layers) for density in densities]
    return KLApproximation(target, QQ.to_sympy(eps), layers, tuple(parts), least, scales)


def _coordinate_pair_densities(law: TargetMeasure) -> list[Density]:
    """Return the density of each pair of coordinates; raise `InvalidInputError` if a law has no
    density, or a density of an unsupported kind.
    """
    if isinstance(law, Product):
        return [density for factor in law.factors for density in _coordinate_pair_densities(factor)]
    remedy = "distance='W2'" + (", or Histogram.of(samples)" if law.dimension == 2 else "")
    if law.is_singular:
        raise InvalidInputError(
            f"expected a law with a density, got {law!r}, which has mass on a set of area zero, so "
            f"that KL is infinite for every flow: take {remedy}"
        )
    if not isinstance(law, Boxes | GaussianMixture) or law.dimension != 2:
        raise InvalidInputError(
            "expected a Histogram, Boxes or a GaussianMixture in dimension 2, or a Product of "
            f"these, got {law!r} in dimension {law.dimension}: take {remedy}"
        )
    return [
        PiecewiseConstantDensity.from_boxes(law) if isinstance(law, Boxes) else MixtureDensity(law)
    ]


def _build_pair_with_shrinking_budget(
    build_pair: Callable[[float], CoordinatePair],
    first_budget: float,
    largest_ratio_to_previous_budget: float,
    subdivision_eps: Element,
    kl_eps: Element,
) -> CoordinatePair:
    """Return the first pair with a KL bound of at most `kl_eps`, built with decreasing KL budgets.

    Each budget is at most `largest_ratio_to_previous_budget` times the previous budget. It is
    smaller if the bound of the last pair exceeds `kl_eps` by much in comparison with
    `subdivision_eps`, the part of `kl_eps` that the division into tiles or zones may add.
    """
    budget = first_budget
    while True:
        pair = build_pair(budget)
        bound = to_element(pair.terms.total)
        if bound <= kl_eps:
            return pair
        budget *= min(
            largest_ratio_to_previous_budget,
            to_float(subdivision_eps / (bound - (kl_eps - subdivision_eps))),
        )


def _build_tiles(
    density: Density, eps: Element, subdivision_eps: Element, layer_count: int
) -> CoordinatePair:
    """Return a pair of coordinates with tiles, for three or four layers, whose KL bound is at most
    `eps`.

    `subdivision_eps` is the part of `eps` that the division into tiles may add.
    """
    entropy = _bound_negative_entropy(density, subdivision_eps)

    def build_tiles_with_budget(kl_budget: float) -> CoordinatePair:
        most = density.share * kl_budget
        masses = masses_of_fewest_bands(most) if layer_count == 4 else np.ones(1)
        columns = density.split_x1_into_columns_with_masses(most)
        check_tile_count(len(columns) * len(masses))
        of_bands = most if layer_count == 4 else to_float(SHAPING)
        tiles = density.split_into_tiles(columns, masses, most + of_bands)
        check_tile_count(len(tiles))
        tiling = Tiling.from_tile_masses([column for column, _ in columns], tiles, len(masses))
        return _build_coordinate_pair_with_tiles(density, tiling, entropy, subdivision_eps)

    return _build_pair_with_shrinking_budget(
        build_tiles_with_budget, to_float(subdivision_eps), 0.8, subdivision_eps, eps
    )


def _build_three_layers(densities: list[Density], total_eps: Element) -> list[CoordinatePair]:
    """Return, for each density, a pair of coordinates with tiles or zones for three layers.

    The KL bounds add up to at most `total_eps`. Each density gets the least KL bound that is known
    for it, perhaps with its coordinates exchanged; the rest of `total_eps` is divided equally.
    """
    rows: list[tuple[Density, bool, Element]] = []
    for density in densities:
        bounds = [(density, False, SHAPING)]
        if total_eps <= SHAPING * len(densities) and isinstance(density, PiecewiseConstantDensity):
            both = (density, False), (density.transposed(), True)
            with ctx.workprec(TUNING.precision):
                bounds = [(x, swap, upper_bound_least_three_layer_kl(x)) for x, swap in both]
        rows.append(min(bounds, key=lambda row: row[2]))
    needed = sum((loss for _, _, loss in rows), QQ.zero)
    if total_eps <= needed:
        raise InvalidInputError(
            f"expected eps > {format_up(needed)}, the least bound known for three layers and "
            f"this law, got {format_short(total_eps)}: take layers=4"
        )
    subdivision_eps = (total_eps - needed) / len(densities)
    return [
        _build_tiles(density, SHAPING + subdivision_eps, subdivision_eps, 3)
        if isinstance(density, MixtureDensity) or loss == SHAPING
        else _build_coordinate_pair_with_zones(
            density, loss + subdivision_eps, subdivision_eps, swapped
        )
        for density, swapped, loss in rows
    ]


def _build_coordinate_pair_with_zones(
    density: PiecewiseConstantDensity, eps: Element, subdivision_eps: Element, is_swapped: bool
) -> CoordinatePair:
    """Return a pair of coordinates with zones whose KL bound is at most `eps`.

    `subdivision_eps` is the part of `eps` that the division into zones may add.
    """
    entropy = _bound_negative_entropy(density, subdivision_eps)

    def build_zones_with_budget(kl_budget: float) -> CoordinatePair:
        zones = arrange_zones(density, kl_budget)
        with ctx.workprec(2 * TUNING.precision):
            margins, terms = zones.choose_margin_share_and_bound_kl_terms(entropy, subdivision_eps)
        return _build_coordinate_pair(zones, margins, [*terms, arb(0)], is_swapped)

    return _build_pair_with_shrinking_budget(
        build_zones_with_budget, 1.6 * to_float(subdivision_eps), 0.95, subdivision_eps, eps
    )


def _build_rigid_tiles(
    density: PiecewiseConstantDensity, kl_lower_bound: Rational, eps_above_lower_bound: Element
) -> CoordinatePair:
    """Return a pair of coordinates with tiles whose maps are translations, and with a KL bound of
    at most `kl_lower_bound` + `eps_above_lower_bound`.
    """
    count, entropy = 1, _bound_negative_entropy(density, eps_above_lower_bound)
    while True:
        tiling = tile_by_translations(density, count)
        pair = _build_coordinate_pair_with_tiles(density, tiling, entropy, eps_above_lower_bound)
        if pair.terms.total <= kl_lower_bound + QQ.to_sympy(eps_above_lower_bound):
            return pair
        count += max(1, count // 2)
        check_tile_count(len(tiling.tiles) * 4)


def _bound_negative_entropy(density: Density, subdivision_eps: Element) -> arb:
    """Return an upper bound of E log p, where p is the density, that exceeds E log p by much less
    than `subdivision_eps`.
    """
    with ctx.workprec(TUNING.precision):
        if isinstance(density, PiecewiseConstantDensity):
            return density.enclose_negative_entropy()
        return density.bound_negative_entropy(to_float(subdivision_eps) / 8)


def _build_coordinate_pair_with_tiles(
    density: Density, tiling: Tiling, negative_entropy: arb, subdivision_eps: Element
) -> CoordinatePair:
    """Choose the widths of margins, and return the pair of coordinates with the given tiles.

    `negative_entropy` is an upper bound of E log p, where p is the density. The margins are so
    narrow that the term `ramps` is a small share of `subdivision_eps`.
    """
    with ctx.workprec(2 * TUNING.precision):
        constant, cells = (2 * arb.pi()).log(), negative_entropy
        mass, second_moment = arb(0), arb(0)
        # In the end `second_moment` is the moment of the tiles minus the moment of the whole law.
        if isinstance(density, MixtureDensity):
            second_moment = -density.scaled_second_moment_about_tiling_center(tiling)
        for tile, ((s, _), (u, _)) in zip(
            density.tile_masses_and_second_moments(tiling),
            tiling.affine_maps_from_latents,
            strict=True,
        ):
            cells += tile.mass * (constant + ball(s * u).log()) + tile.square / 2
            mass += tile.mass
            second_moment += tile.scaled_second_moment_about_tiling_center
        scales = tiling.scale_product_bounds
        latents = tiling.latent_magnitude_bounds_over_bounding_box
        rate = bound_kl_per_margin_mass(scales, latents)
        edges = [density.bound_mass_in_tile_margins_per_width(tiling, axis) for axis in (0, 1)]
        share = ball(subdivision_eps * RAMPS) / rate
        margins = tuple(
            min(floor_power_of_two(lower(share / edge)), width)
            for edge, width in zip(edges, tiling.widest_allowed_margin_by_axis, strict=True)
        )
        ramps = rate * sum((ball(w) * edge for w, edge in zip(margins, edges, strict=True)), arb(0))
        squares = ball(sum((x * x for x in latents), QQ.zero))
        outside_rate = (constant + ball(scales[1]).log() + squares).max(arb(0))
        tails = (1 - mass).abs_upper() * outside_rate + second_moment.abs_upper()
    return _build_coordinate_pair(tiling, margins, [cells, ramps, tails])


def _build_coordinate_pair(
    tiling: Tiling | Arrangement,
    margins: tuple[Element, ...],
    cells_ramps_tails: list[arb],
    is_swapped: bool = False,
) -> CoordinatePair:
    """Return the pair of coordinates with the given tiles or zones; the terms of the KL bound are
    rounded up to rationals.
    """
    bounds = [QQ.to_sympy(upper(term)) for term in cells_ramps_tails]
    return CoordinatePair(
        tiling,
        margins,
        KLBound._make([*bounds, *tiling.counts_for_kl_bound, tiling.latent_digits_lost_in_float64]),
        is_swapped,
    )
