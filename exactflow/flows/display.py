"""How flows are shown: one line a layer as text, a product of matrices in LaTeX, a table in HTML.

A matrix is written out where it is readable; else it has a name of its own, T_k for the shift of
layer k. A fraction that is too long is written as its first digits, which end in dots.
"""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Any

import mpmath
import sympy
from sympy import QQ
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.typing import Element

__all__ = [
    "constant_latex",
    "heat_map",
    "html",
    "layer_difference",
    "layer_latex",
    "magnitude",
    "scale_text",
    "text",
]

LATEX_DIMENSION = 8
_LATEX_BITS = 40
_CELLS = 24
_DIGITS = 4


def text(head: str, layers: Sequence) -> str:
    """Return what is said of a flow, and one line for each layer."""
    lines = (f"  {i}. {layer.summary()}" for i, layer in enumerate(layers, 1))
    return "\n".join([f"<{head}>", *lines])


def layer_difference(mine: Any, theirs: Any) -> str:
    """Return the first thing in which two layers differ."""
    if type(mine) is not type(theirs) or mine.moves != theirs.moves:
        return f"{mine!r}, but {theirs!r}"
    if tuple(mine.scale) != tuple(theirs.scale):
        i = next(i for i, (a, b) in enumerate(zip(mine.scale, theirs.scale, strict=True)) if a != b)
        return f"scale {i}: {mine.scale[i]}, but {theirs.scale[i]}"
    if not hasattr(mine, "shift_matrix"):
        return f"{mine!r}, but {theirs!r}"
    one, other = mine.shift_matrix.unify(theirs.shift_matrix, fmt="sparse")
    (i, j), _ = next((one - other).iter_items())
    field = one.domain
    values = (field.to_sympy(matrix[i, j].element) for matrix in (one, other))
    return "shift at ({}, {}): {}, but {}".format(i, j, *values)


def layer_latex(layer: Any, name: str = "") -> str:
    """Return the layer's matrix, written out or in blocks; `name` is the index of its symbols."""
    if not hasattr(layer, "shift_matrix"):
        return _blocks(layer, "s", f"t{name}(x)", name)
    if sum(layer.partition) <= LATEX_DIMENSION:
        return _written(layer.domain_matrix())
    m, k = layer.shift_matrix.shape
    return _blocks(layer, "s", f"\\underset{{{m} \\times {k}}}{{T{name}}}", name)


def _blocks(layer: Any, scale: str, shift: str, name: str) -> str:
    diagonal = "I" if layer.is_additive else f"\\operatorname{{diag}}({scale}{name})"
    first, second = f"{diagonal} & {shift} \\\\ 0 & I", f"I & 0 \\\\ {shift} & {diagonal}"
    body = first if layer.moves == "first" else second
    return f"\\begin{{pmatrix}} {body} \\end{{pmatrix}}"


def _written(matrix: DomainMatrix) -> str:
    rows = [" & ".join(_entry(x, matrix.domain) for x in row) for row in matrix.to_list()]
    return "\\begin{pmatrix} " + " \\\\ ".join(rows) + " \\end{pmatrix}"


def _entry(value: Element, field: Domain) -> str:
    if not field.is_QQ:
        return sympy.latex(field.to_sympy(value))
    numerator, denominator = int(value.numerator), int(value.denominator)
    if max(numerator.bit_length(), denominator.bit_length()) <= _LATEX_BITS:
        return sympy.latex(QQ.to_sympy(value))
    with mpmath.workdps(_DIGITS + 6):
        decimal = mpmath.nstr(mpmath.mpf(numerator) / denominator, _DIGITS + 3)
    mantissa, _, exponent = decimal.partition("e")
    whole, _, digits = mantissa.partition(".")
    dots = f"{whole}.{digits[:_DIGITS]}\\ldots" if len(whole) <= _DIGITS + 3 else f"{whole}\\ldots"
    return f"{dots} \\cdot 10^{{{int(exponent)}}}" if exponent else dots


def constant_latex(d: int, entry: Callable[[int, int], int], name: str) -> str:
    """Return a d x d matrix of integers, or its name where it is too large."""
    return sympy.latex(sympy.Matrix(d, d, entry)) if d <= LATEX_DIMENSION else name


def html(head: str, layers: Sequence) -> str:
    """Return a table of the layers, with a small heat map of each shift."""
    columns = ("layer", "moves", "scale", "shift", "largest entry", "nonzeros")
    cells = "".join(f"<th>{name}</th>" for name in columns)
    rows = "".join(f"<tr>{''.join(_cells(k, layer))}</tr>" for k, layer in enumerate(layers, 1))
    return f"<table><caption>{escape(head)}</caption><tr>{cells}</tr>{rows}</table>"


def _cells(k: int, layer: Any) -> Iterator[str]:
    if hasattr(layer, "shift_matrix"):
        rest = (heat_map(layer.shift_matrix), magnitude(layer.magnitude), str(layer.nnz))
    else:
        rest = (escape(layer.summary()), "", "")
    for cell in (str(k), layer.moves, scale_text(layer), *rest):
        yield f"<td>{cell}</td>"


def scale_text(layer: Any) -> str:
    """Return how many entries of the scale are not one."""
    scaled = sum(s != 1 for s in layer.scale_elements)
    return f"{scaled} of {len(layer.scale_elements)} not 1" if scaled else "1"


def magnitude(value: sympy.Rational | None) -> str:
    """Return a rational of any size with three digits, nothing where there is none."""
    if value is None:
        return ""
    with mpmath.workdps(15):
        return mpmath.nstr(mpmath.mpf(int(value.p)) / int(value.q), 3)


def heat_map(matrix: DomainMatrix, size: int = 96) -> str:
    """Return an SVG picture of a matrix: red positive, blue negative, darker where larger.

    Each cell of at most 24 x 24 shows its entry of largest absolute value. Entries that have no
    sign, as those of a finite field, are grey where they are not zero.
    """
    rows, columns = matrix.shape
    step = -(-max(rows, columns) // _CELLS)
    cells: dict[tuple[int, int], Element] = {}
    for (i, j), value in matrix.iter_items():
        place = i // step, j // step
        if not matrix.domain.is_QQ:
            cells[place] = None
        elif abs(value) > abs(cells.get(place, 0)):
            cells[place] = value
    most = max((abs(v) for v in cells.values() if v is not None), default=1)
    unit = size / -(-max(rows, columns) // step)
    height, width = (-(-n // step) * unit for n in (rows, columns))
    squares = "".join(
        f'<rect x="{j * unit:.1f}" y="{i * unit:.1f}" width="{unit:.1f}" height="{unit:.1f}" '
        f'fill="{_colour(value)}" fill-opacity="{_depth(value, most):.2f}"/>'
        for (i, j), value in sorted(cells.items())
    )
    return (
        f'<svg width="{width:.0f}" height="{height:.0f}" role="img" '
        f'aria-label="{rows} x {columns} shift">'
        f'<rect width="{width:.1f}" height="{height:.1f}" fill="none" stroke="#999"/>'
        f"{squares}</svg>"
    )


def _colour(value: Element) -> str:
    return "#777" if value is None else "#c33" if value > 0 else "#36c"


def _depth(value: Element, most: Element) -> float:
    if value is None:
        return 1.0
    ratio = abs(value) / most
    return 0.15 + 0.85 * (int(ratio.numerator) / int(ratio.denominator))
