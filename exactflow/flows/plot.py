"""A matplotlib picture of a linear flow: its matrix as the product of its layers.

As in the heat maps of HTML, red entries are positive, blue ones are negative, grey ones have no
sign (in a finite field, for example), and zeros are blank. In each matrix the darkest entry is the
largest one. If the entries of a matrix differ by a factor above 1,000, the colours are logarithmic,
and the caption below the matrix says so.
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
from exactflow.flows.orientation import signs_from_flips
from exactflow.flows.partition import LETTERS

_COLOURS = {1: (0.8, 0.2, 0.2), -1: (0.2, 0.4, 0.8), 0: (0.47, 0.47, 0.47)}
_PALEST = 0.15
"""The darkness of the lightest nonzero entry, where 1 is the darkest."""
_LOGARITHMIC_ABOVE = 3
"""Colours are logarithmic if log10 of largest / smallest absolute value exceeds this number."""
_WRITTEN = 8
"""The largest number of rows of a matrix whose entries are written by default."""
_LETTERS = 3
"""The largest number of characters of an entry that is written by default."""
_WHITE_ABOVE = 0.6
"""The darkness of a square above which its entry is written in white."""
_GAP = 0.15
"""The space between two matrices, as a fraction of the width of a matrix."""
_EQUALS = 0.3
"""The space for the sign =, as a fraction of the width of a matrix."""
_UNIT = 1.3
"""The width of a matrix in inches, in a figure that this module creates."""


def draw_product_of_layers(flow: Any, *, ax: Any, target: bool, entries: bool | None) -> Any:
    """Draw a linear flow as the product of its layers, and return the Axes, as `Flow.plot` does."""
    if not hasattr(flow, "domain_matrix"):
        raise InvalidInputError(
            f"expected a linear flow to plot, got {type(flow).__name__}, which has no matrix: map "
            "points with flow.forward(points) and plot their images"
        )
    if flow.field.is_FractionField or flow.field.is_PolynomialRing:
        raise InvalidInputError(
            f"expected a flow of numbers to plot, got a flow over {format_field(flow.field)}: "
            "replace the symbols by numbers with flow.at({symbol: number})"
        )
    if not isinstance(target, bool) or not isinstance(entries, bool | None):
        raise InvalidInputError(
            "expected target=True or False and entries=True, False or None, got "
            f"target={format_short(target)} and entries={format_short(entries)}"
        )
    if ax is not None and not hasattr(ax, "imshow"):
        raise InvalidInputError(
            f"expected the argument ax=.. to be Axes of matplotlib, got {type(ax).__name__}"
        )
    pyplot = require("matplotlib.pyplot", "plot", "a plot")
    named = _named_factors_left_to_right(flow)
    if target:
        named = [("M", flow.domain_matrix()), *named]
    width = len(named) * (1 + _GAP) + _EQUALS * target
    if ax is None:
        _, ax = pyplot.subplots(figsize=(_UNIT * width, 1.5 * _UNIT), layout="constrained")
    left = 0.0
    for k, (name, matrix) in enumerate(named):
        if target and k == 1:
            ax.text(left + _EQUALS / 2 - _GAP / 2, 0.5, "=", ha="center", va="center", fontsize=14)
            left += _EQUALS
        halves = flow.partition if not flow.order and (k > 0 or not target) else None
        shades = _draw_matrix(ax, left, matrix, halves, entries)
        ax.text(
            left + 0.5,
            -0.06,
            shades.caption_with_largest_entry(name),
            ha="center",
            va="top",
            fontsize=8,
        )
        left += 1 + _GAP
    ax.set(xlim=(-0.03, left - _GAP + 0.03), ylim=(-0.5, 1.03), aspect="equal")
    ax.axis("off")
    return ax


def _named_factors_left_to_right(flow: Any) -> list[tuple[str, DomainMatrix]]:
    """Return the names and matrices of the flow's factors from left to right.

    The last layer comes first, and the flips, if any, come last. The matrices list the coordinates
    in their natural order.
    """
    named = []
    for k, layer in enumerate(flow.layers, 1):
        one = type(flow)([layer], order=flow.order)
        named.append((f"{k}: {LETTERS[layer.moves]}", one.domain_matrix()))
    named.reverse()
    if flow.flips or not named:
        signs = signs_from_flips(flow.flips, range(flow.dimension), flow.field)
        named.append(("flips" if flow.flips else "I", linalg.diagonal(signs, flow.field)))
    return named


@dataclass(frozen=True)
class _Shades:
    """The sign of each nonzero entry of a matrix, and the log10 of its absolute value.

    In a field without an order the sign is 0.
    """

    signs: dict[tuple[int, int], int]
    sizes: dict[tuple[int, int], float]

    @classmethod
    def of_nonzero_entries(cls, matrix: DomainMatrix) -> "_Shades":
        """Return the signs and logarithms of the nonzero entries of a matrix of numbers."""
        pairs = {
            place: _sign_and_log10_or_zeros_if_not_real(x, matrix.domain)
            for place, x in matrix.iter_items()
        }
        signs = {place: sign for place, (sign, _) in pairs.items()}
        return cls(signs, {place: size for place, (_, size) in pairs.items()})

    @property
    def largest_log10_or_zero(self) -> float:
        """The log10 of the largest absolute value of an entry, or 0 if all entries are zero."""
        return max(self.sizes.values(), default=0.0)

    @property
    def log10_range(self) -> float:
        """The log10 of the ratio of the largest nonzero absolute value to the smallest one."""
        return self.largest_log10_or_zero - min(self.sizes.values(), default=0.0)

    @property
    def is_logarithmic(self) -> bool:
        """Whether colours show logarithms, because entries differ by a factor above 1,000."""
        return self.log10_range > _LOGARITHMIC_ABOVE

    def darkness_by_entry(self) -> dict[tuple[int, int], float]:
        """Return the darkness of each nonzero entry, between `_PALEST` and 1."""
        below = {place: self.largest_log10_or_zero - size for place, size in self.sizes.items()}
        if self.is_logarithmic:
            shares = {place: 1 - digits / self.log10_range for place, digits in below.items()}
        else:
            shares = {place: 10**-digits for place, digits in below.items()}
        return {place: _PALEST + (1 - _PALEST) * share for place, share in shares.items()}

    def caption_with_largest_entry(self, name: str) -> str:
        """Return the name and largest entry of a matrix; only the name if an entry has no sign."""
        if 0 in self.signs.values():
            return name
        exponent = floor(self.largest_log10_or_zero) if self.signs else 0
        is_short = -3 <= exponent < 5
        largest = (
            f"{10 ** (self.largest_log10_or_zero - exponent * (not is_short)):.3g}"
            if self.signs
            else "0"
        )
        largest += "" if is_short else f"e{exponent}"
        lines = [name, f"max {largest}", *["log colours"] * self.is_logarithmic]
        return "\n".join(lines)


def _sign_and_log10_or_zeros_if_not_real(nonzero: Element, field: Domain) -> tuple[int, float]:
    """Return the sign of a nonzero number and the log10 of its absolute value.

    For a number that is not real, or in a finite field, return (0, 0.0).
    """
    if field.is_QQ:
        numerator, denominator = int(nonzero.numerator), int(nonzero.denominator)
        return (1 if numerator > 0 else -1), log10(abs(numerator)) - log10(denominator)
    number = field.to_sympy(nonzero)
    if field.is_FiniteField or not number.is_extended_real:
        return 0, 0.0
    return int(sympy.sign(number)), float(sympy.log(abs(number), 10).evalf())


def _draw_matrix(
    ax: Any,
    left: float,
    matrix: DomainMatrix,
    marked_partition: tuple[int, int] | None,
    entries: bool | None,
) -> _Shades:
    """Draw a matrix as a unit square with lower left corner (left, 0); return its shades.

    Lines mark the halves of `marked_partition`, if it is not None.
    """
    import numpy as np

    d = matrix.shape[0]
    shades = _Shades.of_nonzero_entries(matrix)
    darkness = shades.darkness_by_entry()
    pixels = np.zeros((d, d, 4))
    for (i, j), sign in shades.signs.items():
        pixels[i, j] = *_COLOURS[sign], darkness[i, j]
    ax.imshow(pixels, extent=(left, left + 1, 0, 1), interpolation="nearest", zorder=1)
    grey = {"color": "0.5", "zorder": 2}
    ax.plot([left, left + 1, left + 1, left, left], [0, 0, 1, 1, 0], lw=0.8, **grey)
    if marked_partition:
        cut = marked_partition[0] / d
        ax.plot([left + cut] * 2, [0, 1], lw=0.5, **grey)
        ax.plot([left, left + 1], [1 - cut] * 2, lw=0.5, **grey)
    if entries is False or (entries is None and d > _WRITTEN):
        return shades
    texts = {place: str(matrix.domain.to_sympy(x)) for place, x in matrix.iter_items()}
    if entries or all(len(text) <= _LETTERS for text in texts.values()):
        for (i, j), text in texts.items():
            where = left + (j + 0.5) / d, 1 - (i + 0.5) / d
            colour = "white" if darkness[i, j] > _WHITE_ABOVE else "black"
            ax.text(*where, text, ha="center", va="center", fontsize=6.5, color=colour, zorder=3)
    return shades
