"""A matplotlib picture of a linear flow: its matrix as the product of its layers.

As in the heat maps of HTML, red entries are positive, blue ones are negative, grey ones have no
sign (in a finite field, for example), and zeros are blank. In each matrix the darkest entry is the
largest one. If the entries of a matrix differ by a factor above 1,000, the colours are logarithmic,
and the caption below the matrix says so.
"""

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
        _draw_captioned_matrix(ax, left, name, matrix, halves, entries)
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


def _draw_captioned_matrix(
    ax: Any,
    left: float,
    name: str,
    matrix: DomainMatrix,
    marked_partition: tuple[int, int] | None,
    entries: bool | None,
) -> None:
    """Draw a matrix as a unit square with lower left corner (left, 0), and a caption below it.

    Lines mark the halves of `marked_partition`, if it is not None.
    """
    import numpy as np

    d = matrix.shape[0]
    shades = {
        place: _sign_and_log10_or_zeros_if_not_real(x, matrix.domain)
        for place, x in matrix.iter_items()
    }
    sizes = [size for _, size in shades.values()]
    largest = max(sizes, default=0.0)
    log10_range = largest - min(sizes, default=0.0)
    is_logarithmic = log10_range > _LOGARITHMIC_ABOVE
    pixels = np.zeros((d, d, 4))
    for place, (sign, size) in shades.items():
        below = largest - size
        share = 1 - below / log10_range if is_logarithmic else 10**-below
        pixels[place] = *_COLOURS[sign], _PALEST + (1 - _PALEST) * share
    ax.imshow(pixels, extent=(left, left + 1, 0, 1), interpolation="nearest", zorder=1)
    grey = {"color": "0.5", "zorder": 2}
    ax.plot([left, left + 1, left + 1, left, left], [0, 0, 1, 1, 0], lw=0.8, **grey)
    if marked_partition:
        cut = marked_partition[0] / d
        ax.plot([left + cut] * 2, [0, 1], lw=0.5, **grey)
        ax.plot([left, left + 1], [1 - cut] * 2, lw=0.5, **grey)
    texts = {}
    if entries or (entries is None and d <= _WRITTEN):
        texts = {place: str(matrix.domain.to_sympy(x)) for place, x in matrix.iter_items()}
    if entries or all(len(text) <= _LETTERS for text in texts.values()):
        for (i, j), text in texts.items():
            where = left + (j + 0.5) / d, 1 - (i + 0.5) / d
            colour = "white" if pixels[i, j, 3] > _WHITE_ABOVE else "black"
            ax.text(*where, text, ha="center", va="center", fontsize=6.5, color=colour, zorder=3)
    caption = name
    if all(sign for sign, _ in shades.values()):
        caption += f"\nmax {_power_of_ten_text(largest) if shades else 0}"
        caption += "\nlog colours" * is_logarithmic
    ax.text(left + 0.5, -0.06, caption, ha="center", va="top", fontsize=8)


def _power_of_ten_text(log10_value: float) -> str:
    """Return 10**log10_value with three significant digits, as "0.25" or "1.5e400"."""
    exponent = floor(log10_value)
    if -3 <= exponent < 5:
        return f"{10**log10_value:.3g}"
    return f"{10 ** (log10_value - exponent):.3g}e{exponent}"
