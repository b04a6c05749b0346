"""How flows are shown: as a product of matrices in blocks, exactly, where these are small.

Small is a layer of at most 8 coordinates, with entries of at most 20 letters. Of a larger one the
text has a line, LaTeX a name for the shift, T_k, and HTML a heat map, with numbers and a legend.
"""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Any

import mpmath
import sympy
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.shown import (
    LARGEST,
    entry_latex,
    entry_text,
    is_small,
    shown_html,
    shown_text,
    whole_latex,
)
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

_CELLS = 24
_LEGEND = (
    "heat maps: red is positive, blue negative (grey: not zero, in a finite field), darkest the "
    "largest entry of the layer; a cell shows the largest of its entries"
)


def text(head: str, layers: Sequence) -> str:
    """Return what is said of a flow, and of each layer a line, with its matrix if it is small."""
    lines = [f"<{head}>"]
    for i, layer in enumerate(layers, 1):
        lines += [f"  {i}. {layer.summary()}", *(f"     {line}" for line in _blocks_text(layer))]
    return "\n".join(lines)


def _is_written(layer: Any) -> bool:
    """Return whether a layer is linear and small."""
    return (
        hasattr(layer, "shift_matrix")
        and sum(layer.partition) <= LARGEST
        and is_small(layer.shift_matrix)
        and all(len(entry_text(s, layer.field)) < 22 for s in layer.scale_elements)
    )


def _blocks_text(layer: Any) -> list[str]:
    """Return the lines of a small layer: its blocks, and what stands for S and T in them."""
    if not _is_written(layer):
        return []
    S = "I" if layer.is_additive else "S"
    blocks = f"[[{S}, T], [0, I]]" if layer.moves == "first" else f"[[I, 0], [T, {S}]]"
    if not layer.is_additive:
        entries = (entry_text(s, layer.field) for s in layer.scale_elements)
        blocks += f"   S = diag({', '.join(entries)})"
    blocks += "   T = "
    first, *rest = shown_text(layer.shift_matrix, layer.field)
    return [blocks + first, *(" " * len(blocks) + line for line in rest)]


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
    """Return the layer's matrix in blocks, written out if it is small; `name` is the index of the
    symbols that stand for its blocks if not.
    """
    if not hasattr(layer, "shift_matrix"):
        return _blocks_latex(layer, _diagonal_latex(layer, f"s{name}"), f"t{name}(x)")
    T, field = layer.shift_matrix, layer.field
    if sum(layer.partition) > LARGEST:
        shift = f"\\underset{{{T.shape[0]} \\times {T.shape[1]}}}{{T{name}}}"
        return _blocks_latex(layer, _diagonal_latex(layer, f"s{name}"), shift)
    entries = ", ".join(entry_latex(s, field) for s in layer.scale_elements)
    shift = whole_latex(T) if T.nnz() else "0"
    return _blocks_latex(layer, _diagonal_latex(layer, entries), shift)


def _diagonal_latex(layer: Any, entries: str) -> str:
    if layer.is_additive:
        return "I" if len(layer.scale_elements) > 1 else "1"
    return entries if len(layer.scale_elements) == 1 else f"\\operatorname{{diag}}({entries})"


def _blocks_latex(layer: Any, diagonal: str, shift: str) -> str:
    one = "I" if layer.partition[layer.moves == "first"] > 1 else "1"
    rows = f"{diagonal} & {shift} \\\\ 0 & {one}"
    if layer.moves == "second":
        rows = f"{one} & 0 \\\\ {shift} & {diagonal}"
    return f"\\begin{{pmatrix}} {rows} \\end{{pmatrix}}"


def constant_latex(d: int, entry: Callable[[int, int], int], name: str) -> str:
    """Return a d x d matrix of integers, or its name where it is too large."""
    return sympy.latex(sympy.Matrix(d, d, entry)) if d <= LARGEST else name


def html(head: str, layers: Sequence) -> str:
    """Return a table of the layers, with each shift, or its heat map."""
    columns = ("layer", "moves", "scale", "shift", "largest entry", "nonzeros")
    cells = "".join(f"<th>{name}</th>" for name in columns)
    rows = "".join(f"<tr>{''.join(_cells(k, layer))}</tr>" for k, layer in enumerate(layers, 1))
    table = f"<table><caption>{escape(head)}</caption><tr>{cells}</tr>{rows}</table>"
    return f"{table}<small>{_LEGEND}</small>" if "<svg" in rows else table


def _cells(k: int, layer: Any) -> Iterator[str]:
    scale = scale_text(layer)
    if not hasattr(layer, "shift_matrix"):
        rest = (escape(layer.summary()), "", "")
    else:
        shift = heat_map(layer.shift_matrix)
        if _is_written(layer):
            shift = shown_html(layer.shift_matrix, layer.field)
            scale = escape(", ".join(entry_text(s, layer.field) for s in layer.scale_elements))
        rest = (shift, magnitude(layer.magnitude), str(layer.nnz))
    for cell in (str(k), layer.moves, "1" if layer.is_additive else scale, *rest):
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
        f"{squares}</svg><br><small>{rows} x {columns}{f', cells of {step} x {step}' * (step > 1)}"
        "</small>"
    )


def _colour(value: Element) -> str:
    return "#777" if value is None else "#c33" if value > 0 else "#36c"


def _depth(value: Element, most: Element) -> float:
    if value is None:
        return 1.0
    ratio = abs(value) / most
    return 0.15 + 0.85 * (int(ratio.numerator) / int(ratio.denominator))
