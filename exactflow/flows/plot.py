"""A plot of a flow in matplotlib: its matrix as the product of its layers.

The colours are those of the heat maps in HTML: red is positive, blue is negative, grey is an entry
without a sign (in a finite field, for example), and a zero is blank. In each matrix the darkest
entry is the largest one. If the entries of a matrix differ by a factor above 1,000, the colours are
logarithmic, and the line below the matrix says so.
"""

from dataclasses import dataclass
from math import floor, log10
from typing import Any

import sympy
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, require
from exactflow.exact import linalg
from exactflow.exact.numbers import format_field, format_short
from exactflow.exact.typing import Element
from exactflow.flows.orientation import flip_signs
from exactflow.flows.partition import LETTERS

_COLOURS = {1: (0.8, 0.2, 0.2), -1: (0.2, 0.4, 0.8), 0: (0.47, 0.47, 0.47)}
_PALEST = 0.15
_LOGARITHMIC_ABOVE = 3
"""Decimal digits between the largest and the least entry above which colours are logarithmic."""
_WRITTEN = 8
"""The largest number of coordinates for which entries are written."""
_LETTERS = 3
"""The most letters of an entry that is written."""
_WHITE_ABOVE = 0.6
"""Darkness above which an entry is written in white."""
_GAP = 0.15
_EQUALS = 0.3
_UNIT = 1.3
"""The width in inches of a matrix, in a figure that this module creates."""


def draw_strip(flow: Any, *, ax: Any, target: bool, entries: bool | None) -> Any:
    """Draw the strip of a linear flow and return its Axes: see `exactflow.flows.base.Flow.plot`."""
    if not hasattr(flow, "domain_matrix"):
        raise InvalidInputError(
            f"expected a linear flow to plot, got {type(flow).__name__}, which has no matrix: plot "
            "flow.forward(points) instead"
        )
    if flow.field.is_FractionField or flow.field.is_PolynomialRing:
        raise InvalidInputError(
            f"expected a flow of numbers to plot, got one over {format_field(flow.field)}: put "
            "numbers for the symbols with flow.at({symbol: number})"
        )
    if not isinstance(target, bool) or not isinstance(entries, bool | None):
        raise InvalidInputError(
            "expected target=True or False and entries=True, False or None, got "
            f"{format_short(target)} and {format_short(entries)}"
        )
    if ax is not None and not hasattr(ax, "imshow"):
        raise InvalidInputError(f"expected Axes of matplotlib as ax, got {type(ax).__name__}")
    pyplot = require("matplotlib.pyplot", "plot", "a plot")
    shown = _factors(flow)
    if target:
        shown = [("M", flow.domain_matrix()), *shown]
    width = len(shown) * (1 + _GAP) + _EQUALS * target
    if ax is None:
        _, ax = pyplot.subplots(figsize=(_UNIT * width, 1.5 * _UNIT), layout="constrained")
    left = 0.0
    for k, (name, matrix) in enumerate(shown):
        if target and k == 1:
            ax.text(left + _EQUALS / 2 - _GAP / 2, 0.5, "=", ha="center", va="center", fontsize=14)
            left += _EQUALS
        halves = flow.partition if not flow.order and (k > 0 or not target) else None
        shades = _draw_matrix(ax, left, matrix, halves, entries)
        ax.text(left + 0.5, -0.06, shades.caption(name), ha="center", va="top", fontsize=8)
        left += 1 + _GAP
    ax.set(xlim=(-0.03, left - _GAP + 0.03), ylim=(-0.5, 1.03), aspect="equal")
    ax.axis("off")
    return ax


def _factors(flow: Any) -> list[tuple[str, DomainMatrix]]:
    """Return the factors of the flow's matrix from left to right, the first layer last, in the
    user's order of coordinates, and the flips behind them.
    """
    named = []
    for k, layer in enumerate(flow.layers, 1):
        one = type(flow)([layer], order=flow.order)
        named.append((f"{k}: {LETTERS[layer.moves]}", one.domain_matrix()))
    found = named[::-1]
    if flow.flips or not found:
        signs = flip_signs(flow.flips, range(flow.dimension), flow.field)
        found.append(("flips" if flow.flips else "I", linalg.diagonal(signs, flow.field)))
    return found


@dataclass(frozen=True)
class _Shades:
    """Signs and decimal logarithms of the entries that are not zero; sign 0 in a field without an
    order.
    """

    signs: dict[tuple[int, int], int]
    sizes: dict[tuple[int, int], float]

    @classmethod
    def of(cls, matrix: DomainMatrix) -> "_Shades":
        """Read the entries of a matrix of numbers."""
        pairs = {place: _sign_and_log10(x, matrix.domain) for place, x in matrix.iter_items()}
        signs = {place: sign for place, (sign, _) in pairs.items()}
        return cls(signs, {place: size for place, (_, size) in pairs.items()})

    @property
    def largest_log10(self) -> float:
        """The decimal logarithm of the largest entry."""
        return max(self.sizes.values(), default=0.0)

    @property
    def digits(self) -> float:
        """The decimal digits between the largest and the least entry."""
        return self.largest_log10 - min(self.sizes.values(), default=0.0)

    @property
    def is_logarithmic(self) -> bool:
        """Whether the entries differ so much that colours show their logarithms."""
        return self.digits > _LOGARITHMIC_ABOVE

    def depths(self) -> dict[tuple[int, int], float]:
        """How dark each entry is, between `_PALEST` and 1."""
        below = {place: self.largest_log10 - size for place, size in self.sizes.items()}
        if self.is_logarithmic:
            shares = {place: 1 - digits / self.digits for place, digits in below.items()}
        else:
            shares = {place: 10**-digits for place, digits in below.items()}
        return {place: _PALEST + (1 - _PALEST) * share for place, share in shares.items()}

    def caption(self, name: str) -> str:
        """The name of the matrix and, below it, its largest entry, where entries have signs."""
        if 0 in self.signs.values():
            return name
        exponent = floor(self.largest_log10) if self.signs else 0
        is_short = -3 <= exponent < 5
        largest = (
            f"{10 ** (self.largest_log10 - exponent * (not is_short)):.3g}" if self.signs else "0"
        )
        largest += "" if is_short else f"e{exponent}"
        lines = [name, f"max {largest}", *["log colours"] * self.is_logarithmic]
        return "\n".join(lines)


def _sign_and_log10(value: Element, field: Domain) -> tuple[int, float]:
    """Return the sign of a number and the decimal logarithm of its absolute value."""
    if field.is_QQ:
        numerator, denominator = int(value.numerator), int(value.denominator)
        return (1 if numerator > 0 else -1), log10(abs(numerator)) - log10(denominator)
    number = field.to_sympy(value)
    if field.is_FiniteField or not number.is_extended_real:
        return 0, 0.0
    return int(sympy.sign(number)), float(sympy.log(abs(number), 10).evalf())


def _draw_matrix(
    ax: Any, left: float, matrix: DomainMatrix, halves: tuple[int, int] | None, entries: bool | None
) -> _Shades:
    """Draw one matrix, as a square whose lower left corner is (left, 0); return its shades."""
    import numpy as np

    d = matrix.shape[0]
    shades = _Shades.of(matrix)
    depths = shades.depths()
    pixels = np.zeros((d, d, 4))
    for (i, j), sign in shades.signs.items():
        pixels[i, j] = *_COLOURS[sign], depths[i, j]
    ax.imshow(pixels, extent=(left, left + 1, 0, 1), interpolation="nearest", zorder=1)
    grey = {"color": "0.5", "zorder": 2}
    ax.plot([left, left + 1, left + 1, left, left], [0, 0, 1, 1, 0], lw=0.8, **grey)
    if halves:
        cut = halves[0] / d
        ax.plot([left + cut] * 2, [0, 1], lw=0.5, **grey)
        ax.plot([left, left + 1], [1 - cut] * 2, lw=0.5, **grey)
    if entries is False or (entries is None and d > _WRITTEN):
        return shades
    texts = {place: str(matrix.domain.to_sympy(x)) for place, x in matrix.iter_items()}
    if entries or all(len(text) <= _LETTERS for text in texts.values()):
        for (i, j), text in texts.items():
            where = left + (j + 0.5) / d, 1 - (i + 0.5) / d
            colour = "white" if depths[i, j] > _WHITE_ABOVE else "black"
            ax.text(*where, text, ha="center", va="center", fontsize=6.5, color=colour, zorder=3)
    return shades
