"""Universal approximation in KL by four coupling layers, with a certified bound.

Main results
------------
Let P on R^2 have a density p, second moments and finite entropy. For every eps > 0 *four* affine
couplings f, under one partition and without pads, have KL(P | f#N(0, I)) <= eps. Pairs of
coordinates side by side do the same for products of such laws, as KL adds up. Here f is explicit.

Cut the plane into *tiles*: columns of x1, and in a column intervals of x2. A tile goes to the
product of an interval of z1, its *slot*, and of z2, one of the *bands*. Bands are disjoint, and so
are the slots of one band. Let x1 = s z1 + t and x2 = u z2 + v be increasing and affine with the
tile in the image of slot and band. Numbers m_j mark bands and n_c mark columns: intervals slot +
m_j of all tiles are disjoint, and so are the tiles' intervals of x2, moved by n_c. From latent to
data the layers are

    z1 += m(z2)            m = m_j on band j
    z2 -> u z2 + v + n_c   on slot + m_j
    z1 -> s z1 + t - s m_j on the tile's interval of x2, moved by n_c
    z2 -= n(x1)            n = n_c in column c

each linear between, on *ramps*, which lie where no tile is but in its *margins*: strips within w1
of the ends of a column, or w2 of the lower and upper end of a tile.

*Claim.* KL(P | f#N(0, I)) is at most the sum of

- cells: E log p + sum over tiles of P(tile) log(2 pi s u) + E[|z|^2 / 2; tile], z = ((x1 - t) / s,
  (x2 - v) / u);
- ramps: P(margins) (log(2 pi s* u*) + (Z1^2 + Z2^2) / 2 + max(0, -log(2 pi s_ u_)));
- tails: P(outside) (log(2 pi s* u*) + Z1^2 + Z2^2) + E[((x1 - o1) / s_)^2 + ((x2 - o2) / u_)^2;
  outside],

where s*, u* are the largest scales and s_, u_ the least, outside means in no tile, (o1, o2) is the
center of the hull, the least box around the tiles, Z1 is the greatest |(x1 - t) / s + m_j| + |m_k|
and Z2 the greatest |(x2 + n - v - n_c) / u|, over tiles, over the hull and over n between the least
and greatest n_c.

The proof is in the script universal_in_kl.

*The terms vanish* as tiles shrink and margins with them. Bands, and slots in a band, have about the
P-mass of their tiles as N-mass; for a mass at the ends of the line the best finite interval for a
uniform law is taken. Tiles are halved where P, given the tile, loses most.

*Three layers.* With one band, [-sqrt 3, sqrt 3], nothing is to be marked, and the first layer is
left out: the loss is KL(U | N(0, 1)) = 1/2 log(pi e / 6) < 0.1765 and no more than eps beyond. Laws
that are uniform given one coordinate lose nothing: `exactflow.laws.universal.three_layers`.

How it is checked
-----------------
*Certified*: all terms in ball arithmetic; E log p is a finite sum for constant pieces, and for
normal mixtures at most sum P(cell) log E(p | cell) over cells of a grid, by Jensen. *Exact*: the
layers and their inverses on rational points, that intervals are disjoint, and that images of tiles
are in slots and bands. *Numeric*: samples, in the tests.
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
import sympy
from flint import arb, ctx
from sympy import QQ, Rational

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, lower, upper
from exactflow.exact.coerce import as_array, is_array
from exactflow.exact.numbers import (
    elements,
    flat,
    format_above,
    format_below,
    format_short,
    to_element,
    to_float,
)
from exactflow.exact.typing import DepthScales, Element
from exactflow.flows.arithmetic import is_inexact
from exactflow.flows.evidence import Evidence
from exactflow.flows.nonlinear import MergedCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.merged_coupling import MaskedPart
from exactflow.flows.result import FlowResult
from exactflow.laws.universal.boxes import Boxes
from exactflow.laws.universal.densities import PiecewiseConstantDensity
from exactflow.laws.universal.gaussian_mixture import GaussianMixture
from exactflow.laws.universal.measures import Product, TargetMeasure, normal_draws
from exactflow.laws.universal.mixture_density import MixtureDensity
from exactflow.laws.universal.parameters import power_below
from exactflow.laws.universal.quantization import TUNING
from exactflow.laws.universal.three_layers import SHAPING, Arrangement, arrange, least_loss
from exactflow.laws.universal.tilings import ALL_DIGITS, RAMPS, Tiling, band_masses, check_tiles
from exactflow.laws.universal.volume_preserving import least_kl, translated

Density: TypeAlias = PiecewiseConstantDensity | MixtureDensity


class KLBound(NamedTuple):
    """The terms of a bound of KL, each certainly large enough, and the size of the flow.

    Attributes
    ----------
    cells, ramps, tails : the terms, as in the theorem.
    tiles, columns, bands : how many there are; where three layers have zones, these are strips,
        columns and zones.
    digits : about how many decimal digits float64 loses in latents, as coordinates and marks are
        large beside tiles; at least 16, so all of them, where numbers leave its range.
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
        """Their sum: at least KL(target | flow)."""
        return self.cells + self.ramps + self.tails


class Part(NamedTuple):
    """A pair of coordinates: its tiles, or zones, the widths of margins, and the bound.

    Where it is `swapped` the layers see the second coordinate as the first.
    """

    tiling: Tiling | Arrangement
    margins: tuple[Element, ...]
    terms: KLBound
    swapped: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class KLApproximation(FlowResult):
    """A flow of couplings with a certified bound of KL(target | flow).

    `parts` has for each pair of coordinates its tiles, the widths of margins, and its bound. No
    flow of the kind of layers asked for has a KL below `lower_bound`, which is positive for
    additive ones.
    """

    target: TargetMeasure
    eps: sympy.Rational
    layers: int
    parts: tuple[Part, ...]
    lower_bound: sympy.Rational
    evidence: ClassVar[Evidence] = Evidence.CERTIFIED

    @property
    def terms(self) -> KLBound:
        """The terms, tiles, columns and bands of all parts, added up, and the most digits."""
        rows = list(zip(*(part.terms for part in self.parts), strict=True))
        return KLBound._make([*map(sum, rows[:-1]), max(rows[-1])])

    @property
    def bound(self) -> sympy.Rational:
        """A rational number with KL(target | flow) <= bound <= lower_bound + eps."""
        return self.terms.total

    @cached_property
    def flow(self) -> PiecewiseFlow:
        """The layers, from latent to data."""
        columns = (part.tiling.layers(part.margins, self.layers) for part in self.parts)
        firsts = [2 * k + part.swapped for k, part in enumerate(self.parts)]
        order = [*firsts, *(k ^ 1 for k in firsts)]
        if len(self.parts) == 1:
            return PiecewiseFlow(next(columns), order=order)
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
        """Return `count` points, in rows: the flow of Gaussian draws, computed in float64.

        KL(target | flow) does not see where the flow goes outside of the target: of the samples
        1 - exp(-bound) at most may lie there, as far as ramps are steep.
        """
        return self.flow.forward(normal_draws(self.target.dimension, count, seed)).T

    def log_prob(self, x: Any) -> Any:
        """Return the log-density of the flow.

        Parameters
        ----------
        x : floats, of shape (d,) or (N, d), for a float or N of them, in float64; or rational
            numbers, as integer arrays are, for a ball or a list of N. Tensors are taken as arrays.

        Raises
        ------
        InvalidInputError
            Another shape, or floats where float64 has lost all digits (``pieces.digits``).
        """
        points = as_array(x)
        if is_inexact(points):
            return self._log_prob_of_floats(points)
        rows = flat(points.tolist() if is_array(points) else points)
        if rows and all(isinstance(row, list | tuple) for row in rows):
            return [self._enclosed_log_prob(row) for row in rows]
        return self._enclosed_log_prob(rows)

    def _log_prob_of_floats(self, x: Any) -> Any:
        """Return the log-density at points in rows, or at one point."""
        if np.ma.is_masked(x):
            raise InvalidInputError("expected numbers, got masked entries, which have no value")
        try:
            points = np.asarray(x, dtype=float)
        except (TypeError, ValueError):
            raise InvalidInputError(f"expected floats, got {format_short(x)}") from None
        d, digits = self.target.dimension, self.terms.digits
        if points.ndim not in (1, 2) or points.shape[-1] != d:
            raise InvalidInputError(f"expected shape ({d},) or (N, {d}), got {points.shape}")
        if digits >= ALL_DIGITS:
            raise InvalidInputError(
                f"float64 loses about {digits} digits at the place of this law, so all of them: "
                "pass rational numbers, or approximate the law moved and scaled to order one"
            )
        columns = points.T
        latents = self._inverse.forward(columns)
        constant = d * np.log(2 * np.pi) / 2
        with np.errstate(over="ignore"):
            square = (latents**2).sum(axis=0)
        return self._inverse.log_abs_det(columns) - square / 2 - constant

    def _enclosed_log_prob(self, x: Any) -> arb:
        """Return an enclosure of the log-density at a point of rational numbers."""
        x = elements(x)
        square = sum(to_element(z) ** 2 for z in self._inverse.forward(list(x)))
        volume = to_element(sympy.exp(self._inverse.log_abs_det(x)))
        with ctx.workprec(TUNING.precision):
            constant = self.target.dimension * (2 * arb.pi()).log()
            return ball(volume).log() - (ball(square) + constant) / 2

    def __str__(self) -> str:
        pieces = self.terms
        least = f"{format_below(self.lower_bound)} + " if self.lower_bound else ""
        lost = (
            f"loses about {pieces.digits} digits"
            if pieces.digits < ALL_DIGITS
            else "loses all its digits"
        )
        return (
            f"{self.target} by {self.layers} layers and {pieces.tiles} tiles, KL <= "
            f"{format_above(self.bound)} <= {least}{format_short(self.eps)}; float64 {lost}"
        )


def approximate_in_kl(
    target: TargetMeasure, eps: Element, layers: int, scales: DepthScales
) -> KLApproximation:
    """Return the flow of `exactflow.laws.universal.approximate` for the distance KL."""
    parts: tuple[Part, ...]
    densities, least = _densities(target), Rational(0)
    share = eps / len(densities)
    if scales == "additive":
        density = densities[0]
        if layers == 3 or len(densities) > 1 or not isinstance(density, PiecewiseConstantDensity):
            raise InvalidInputError(
                "expected a Histogram or Boxes in the plane and four layers for additive "
                f"couplings, got {target!r} and {layers}: take scales='positive'"
            )
        least = least_kl(density)
        parts = (_translated(density, least, eps),)
    else:
        parts = (
            _three_layers(densities, eps)
            if layers == 3
            else tuple(_part(density, share, share, layers) for density in densities)
        )
    return KLApproximation(target, QQ.to_sympy(eps), layers, parts, least)


def _densities(law: TargetMeasure) -> list[Density]:
    """Return the densities of pairs of coordinates, or raise `InvalidInputError`."""
    if isinstance(law, Product):
        return [density for factor in law.factors for density in _densities(factor)]
    if law.is_singular:
        raise InvalidInputError(
            f"expected a law with a density, got {law!r}, which has mass on a set of area zero, so "
            f"that KL is infinite for every flow: take distance='W2'{_histogram(law)}"
        )
    if not isinstance(law, Boxes | GaussianMixture) or law.dimension != 2:
        raise InvalidInputError(
            "expected a Histogram, Boxes or a GaussianMixture in dimension 2, or a Product of "
            f"such, got {law!r} in dimension {law.dimension}: take distance='W2'{_histogram(law)}"
        )
    return [PiecewiseConstantDensity(law) if isinstance(law, Boxes) else MixtureDensity(law)]


def _histogram(law: TargetMeasure) -> str:
    """Return the other remedy, which samples in the plane have alone."""
    return ", or Histogram.of(samples)" if law.dimension == 2 else ""


def _part(density: Density, eps: Element, room: Element, layers: int) -> Part:
    """Return tiles whose bound is at most eps, of which `room` is for what tiles lose."""
    budget, entropy = to_float(room), _entropy(density, room)
    while True:
        most = density.share * budget
        masses = band_masses(most) if layers == 4 else np.ones(1)
        columns = density.columns(most)
        check_tiles(len(columns) * len(masses))
        tiles = density.tiles(columns, masses, most + (most if layers == 4 else to_float(SHAPING)))
        check_tiles(len(tiles))
        tiling = Tiling.of([column for column, _ in columns], tiles, len(masses))
        part = _certified(density, tiling, entropy, room)
        if part.terms.total <= QQ.to_sympy(eps):
            return part
        excess = part.terms.total - QQ.to_sympy(eps - room)
        budget *= min(0.8, to_float(to_element(QQ.to_sympy(room) / excess)))


def _three_layers(densities: list[Density], eps: Element) -> tuple[Part, ...]:
    """Return parts of three layers, each with an equal share of what the laws need not lose."""
    rows = [(density, False, SHAPING) for density in densities]
    if eps <= SHAPING * len(densities):
        rows = list(map(_least, densities))
    needed = sum((loss for _, _, loss in rows), QQ.zero)
    if eps <= needed:
        raise InvalidInputError(
            f"expected eps > {format_above(QQ.to_sympy(needed))}, the least bound known for "
            f"three layers and this law, got {format_short(eps)}: take layers=4"
        )
    room = (eps - needed) / len(densities)
    return tuple(
        _part(density, SHAPING + room, room, 3)
        if isinstance(density, MixtureDensity) or loss == SHAPING
        else _zones(density, loss + room, room, swapped)
        for density, swapped, loss in rows
    )


def _least(density: Density) -> tuple[Density, bool, Element]:
    """Return a density, or with its coordinates exchanged, whichever loses less by three layers,
    whether they are exchanged, and the loss.
    """
    if not isinstance(density, PiecewiseConstantDensity):
        return density, False, SHAPING
    other = density.transposed()
    with ctx.workprec(TUNING.precision):
        rows = [(density, False, least_loss(density)), (other, True, least_loss(other))]
    return min(rows, key=lambda row: row[2])


def _zones(density: PiecewiseConstantDensity, eps: Element, room: Element, swapped: bool) -> Part:
    """Return zones whose bound is at most eps, of which `room` is for what is not lost anyway."""
    budget, entropy = 1.6 * to_float(room), _entropy(density, room)
    while True:
        zones = arrange(density, budget)
        with ctx.workprec(2 * TUNING.precision):
            margins, found = zones.terms(entropy, room)
            terms = [QQ.to_sympy(upper(term)) for term in (*found, arb(0))]
        counts = zones.strips, len(zones.columns), len(zones.zones)
        part = Part(zones, margins, KLBound._make([*terms, *counts, zones.digits]), swapped)
        if part.terms.total <= QQ.to_sympy(eps):
            return part
        excess = part.terms.total - QQ.to_sympy(eps - room)
        budget *= min(0.95, to_float(to_element(QQ.to_sympy(room) / excess)))


def _translated(density: PiecewiseConstantDensity, least: Rational, eps: Element) -> Part:
    """Return equal tiles whose bound is within eps of the least KL of volume-preserving maps."""
    count, entropy = 1, _entropy(density, eps)
    while True:
        tiling = translated(density, count)
        part = _certified(density, tiling, entropy, eps)
        if part.terms.total <= least + QQ.to_sympy(eps):
            return part
        count += max(1, count // 2)
        check_tiles(len(tiling.tiles) * 4)


def _entropy(density: Density, room: Element) -> arb:
    with ctx.workprec(TUNING.precision):
        return density.entropy(to_float(room) / 8)


def _certified(density: Density, tiling: Tiling, entropy: arb, room: Element) -> Part:
    """Return the tiling with margins, and its bound: the terms are those of the theorem."""
    with ctx.workprec(2 * TUNING.precision):
        constant, cells = (2 * arb.pi()).log(), entropy
        mass, spread = arb(0), -density.spread(tiling)
        for terms, ((s, _), (u, _)) in zip(density.terms(tiling), tiling.maps, strict=True):
            cells += terms.mass * (constant + ball(s * u).log()) + terms.square / 2
            mass += terms.mass
            spread += terms.spread
        most = constant + ball(prod(max(pair[i][0] for pair in tiling.maps) for i in (0, 1))).log()
        least = constant + ball(prod(tiling.finest)).log()
        squares = ball(sum(x * x for x in tiling.reach))
        rate, edges = most + squares / 2 - least.min(arb(0)), density.edges(tiling)
        share = ball(room * RAMPS) / rate
        margins = tuple(
            min(power_below(lower(share / edge)), width)
            for edge, width in zip(edges, tiling.widest, strict=True)
        )
        ramps = rate * sum((ball(w) * edge for w, edge in zip(margins, edges, strict=True)), arb(0))
        tails = (1 - mass).abs_upper() * (most + squares).max(arb(0)) + spread.abs_upper()
        terms_of = [QQ.to_sympy(upper(term)) for term in (cells, ramps, tails)]
    counts = len(tiling.tiles), len(tiling.columns), len(tiling.bands)
    return Part(tiling, margins, KLBound._make([*terms_of, *counts, tiling.digits]))
