"""Text, LaTeX and HTML of numbers, matrices and flows, exact if they are small.

A matrix is small if it is at most 8 x 8 and its entries have at most 32 letters. Larger matrices
are shown by a corner, and long fractions by their first digits and dots. A flow is shown as a
product of block matrices. A layer of more than 8 coordinates, or of long entries, is one line in
text, has a named shift T_k in LaTeX, and a heat map with a legend in HTML. In an HTML table wide
rows have entries of at most 11 letters, so that the table fits a page.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from decimal import MAX_EMAX, MIN_EMIN, ROUND_DOWN, Context, Decimal
from functools import reduce
from html import escape
from typing import Any

import mpmath
import sympy
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.numbers import format_field, format_rational
from exactflow.exact.typing import Element, Half
from exactflow.flows.partition import LETTERS, moved_and_kept

_LARGEST = 8
_DIGITS = 32
_SHORT = 11
_WIDTH = 44
_CORNER = 3
_LEADING = 4
_CELLS = 24
_PICTURED = 64  # coordinates of the largest flow whose factors are pictured
_BRACKETS = ", ".join(
    f"linear-gradient(currentColor 0 0) {x} {y} / {size} no-repeat"
    for x in ("left", "right")
    for y, size in (("top", "1.5px 100%"), ("top", "0.35em 1.5px"), ("bottom", "0.35em 1.5px"))
)
"""Square brackets at the sides of a table, in the colour of its text."""
TABLE_STYLE = (
    "border-collapse: separate; border-spacing: 0.9em 0.2em; font-variant-numeric: tabular-nums; "
    "text-align: right"
)
"""Space between the columns of a table, numbers at the right, in digits of one width."""
_LEGEND = (
    "data meets layer 1 first, at the right; U moves the first half, L the second; red is "
    "positive, blue negative (grey: not zero, in a finite field), darkest the largest entry; a "
    "cell shows the largest of its entries"
)


def value_lines(value: Any, field: Domain, width: float = math.inf) -> list[str]:
    """Return the lines of a matrix or number, or of a corner if a matrix is wider than `width`.

    >>> from sympy import QQ
    >>> M = DomainMatrix([[QQ(1), QQ(-1, 2)], [QQ(0), QQ(10)]], (2, 2), QQ)
    >>> value_lines(M, QQ), value_lines(M, QQ, 7)
    (['[1 -1/2]', '[0   10]'], ['2 x 2, begins:', '[1 ..]', '[0 ..]'])
    """
    if not isinstance(value, DomainMatrix):
        return [_entry_text(value, field)]
    for most in (_LARGEST, *range(_CORNER, 0, -1)):
        rows, head = _displayed_rows(value, _entry_text, [".."], most)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            f"[{' '.join(entry.rjust(w) for entry, w in zip(row, widths, strict=True))}]"
            for row in rows
        ]
        if len(lines[0]) <= width:
            break
    if not head:
        return lines
    if len(head) + len(", begins:") > width:
        head = head.partition(",")[0]
    return [f"{head}, begins:", *lines]


def value_latex(value: Any, field: Domain) -> str:
    """Return LaTeX of a matrix or number; of a large matrix, LaTeX of a corner."""
    if not isinstance(value, DomainMatrix):
        return _entry_latex(value, field)
    rows, head = _displayed_rows(value, _entry_latex, ["\\cdots"])
    below = [["\\vdots"] * (len(rows[0]) - 1) + ["\\ddots"]] if head else []
    return _matrix_latex([*rows, *below])


def _matrix_latex(rows: list[list[str]]) -> str:
    """Return LaTeX of a matrix of entries, or the entry of a 1 x 1 matrix."""
    if len(rows) == len(rows[0]) == 1:
        return rows[0][0]
    body = " \\\\ ".join(map(" & ".join, rows))
    return f"\\begin{{pmatrix}} {body} \\end{{pmatrix}}"


def value_html(value: Any, field: Domain, width: float = math.inf) -> str:
    """Return HTML of a matrix or number. If a row has more than `width` letters, entries are
    shortened, and then only a corner is shown.
    """
    if not isinstance(value, DomainMatrix):
        return escape(_entry_text(value, field))
    for shown, most in ((_entry_text, _LARGEST), (_short_text, _LARGEST), (_short_text, _CORNER)):
        rows, head = _displayed_rows(value, shown, [".."], most)
        if max(len("".join(row)) for row in rows) <= width:
            break
    cells = "".join(f"<tr>{''.join(map(_cell_html, row))}</tr>" for row in rows)
    note = f"<small>{escape(head)}, begins:</small>" if head else ""
    return (
        f'{note}<table style="background: {_BRACKETS}; border-collapse: separate; border-spacing: '
        '0.5em 0; display: inline-table; text-align: right; vertical-align: middle">'
        f"{cells}</table>"
    )


def _cell_html(entry: str) -> str:
    """Return a table cell, dimmed if the entry is zero."""
    style = ' style="opacity: 0.3"' if entry == "0" else ""
    return f"<td{style}>{escape(entry)}</td>"


def field_suffix(field: Domain, *, quote: str = "") -> str:
    """Name a field other than QQ, after a comma, with a quote around it."""
    return "" if field.is_QQ else f", over {quote}{format_field(field)}{quote}"


def _is_small(matrix: DomainMatrix) -> bool:
    return max(matrix.shape) <= _LARGEST and all(
        len(exact_text(value, matrix.domain)) <= _DIGITS for value in matrix.iter_values()
    )


def _displayed_rows(
    matrix: DomainMatrix, shown: Callable[[Any, Domain], str], dots: list[str], most: int = _LARGEST
) -> tuple[list[list[str]], str]:
    """Return the rows of the displayed corner, and a heading with the size of a large matrix.

    At most `most` columns are displayed. The heading is empty for a small matrix; the rows of a
    large matrix end in `dots`.
    """
    rows, columns = matrix.shape
    head = ""
    if columns > most or not _is_small(matrix):
        head, field = f"{rows} x {columns}", matrix.domain
        if field.is_QQ:
            parts = ((v.numerator, v.denominator) for v in matrix.iter_values())
            bits = max((int(part).bit_length() for pair in parts for part in pair), default=1)
            head += f", up to {bits} bits"
        matrix = matrix[: min(rows, _CORNER), : min(columns, most, _CORNER)]
    entries = [[shown(x, matrix.domain) for x in row] for row in matrix.to_dense().to_list()]
    return [row + dots if head else row for row in entries], head


def exact_text(value: Any, field: Domain) -> str:
    """Return a number of a field in full."""
    element = _as_element(value, field)
    return format_rational(element) if field.is_QQ else str(field.to_sympy(element))


def _as_element(value: Any, field: Domain) -> Element:
    """Return an integer as an element of the field, and an element as it is."""
    return field.convert(value) if isinstance(value, int) else value


def _short_text(value: Any, field: Domain) -> str:
    return _entry_text(value, field, _SHORT)


def _entry_text(value: Any, field: Domain, most: int = _DIGITS) -> str:
    """Return a number as text, shortened to first digits such as '3.3333..e39' if it is long."""
    text = exact_text(value, field)
    if len(text) <= most:
        return text
    if not field.is_QQ:
        return f"{text[: most - 2]}.."
    digits, exponent = _digits_and_exponent(value)
    return f"{digits}..e{exponent}" if exponent else f"{digits}.."


def _entry_latex(value: Any, field: Domain) -> str:
    """Return LaTeX of a number, shortened to its first digits if it is a long rational."""
    if not field.is_QQ or len(exact_text(value, field)) <= _DIGITS:
        return sympy.latex(field.to_sympy(_as_element(value, field)))
    digits, exponent = _digits_and_exponent(value)
    return f"{digits}\\ldots" + (f" \\cdot 10^{{{exponent}}}" if exponent else "")


def _digits_and_exponent(value: Any) -> tuple[str, int]:
    """Return the first digits of a rational number, truncated, and its power of ten."""
    context = Context(prec=_LEADING + 4, rounding=ROUND_DOWN, Emax=MAX_EMAX, Emin=MIN_EMIN)
    number = context.divide(Decimal(int(value.numerator)), Decimal(int(value.denominator)))
    mantissa, exponent = f"{number:e}".split("e")
    whole, _, digits = mantissa.partition(".")
    return f"{whole}.{digits.rstrip('0')[:_LEADING] or '0'}", int(exponent)


def format_flow(head: str, layers: Sequence) -> str:
    """Return the text of a flow: its head, and a line for each layer with its matrix if small."""
    lines = [f"<{head}>"]
    for i, layer in enumerate(layers, 1):
        lines += [f"  {i}. {layer.summary()}", *(f"     {line}" for line in _block_lines(layer))]
    return "\n".join(lines)


def _is_small_linear(layer: Any) -> bool:
    """Whether a layer is linear and small."""
    return (
        hasattr(layer, "shift_matrix")
        and sum(layer.partition) <= _LARGEST
        and _is_small(layer.shift_matrix)
    )


def _join_scales(layer: Any, most: int = _DIGITS) -> str:
    return ", ".join(_entry_text(s, layer.field, most) for s in layer.scale_elements)


def _block_lines(layer: Any) -> list[str]:
    """Return the lines of a small linear layer: its blocks, and the values of S and T."""
    if not _is_small_linear(layer):
        return []
    rows = _arrange_blocks(layer.moves, "I" if layer.is_additive else "S", "T", "I")
    blocks = f"[{', '.join(f'[{left}, {right}]' for left, right in rows)}]"
    if not layer.is_additive:
        blocks += f"   S = diag({_join_scales(layer)})"
    blocks += "   T = "
    first, *rest = value_lines(layer.shift_matrix, layer.field)
    return [blocks + first, *(" " * len(blocks) + line for line in rest)]


def layer_difference(mine: Any, theirs: Any) -> str:
    """Describe the first difference of two layers."""
    if mine.field != theirs.field:
        return f"entries in {format_field(mine.field)}, but in {format_field(theirs.field)}"
    if type(mine) is type(theirs) and mine.moves == theirs.moves:
        pairs = zip(mine.scale_elements, theirs.scale_elements, strict=True)
        for i, (a, b) in enumerate(pairs):
            if a != b:
                return f"scale {i}: {mine.scale[i]}, but {theirs.scale[i]}"
        if hasattr(mine, "shift_matrix"):
            one, other = mine.shift_matrix.to_sparse(), theirs.shift_matrix.to_sparse()
            (i, j), _ = next((one - other).iter_items())
            values = (mine.field.to_sympy(matrix[i, j].element) for matrix in (one, other))
            return "shift at ({}, {}): {}, but {}".format(i, j, *values)
    return f"{mine!r}, but {theirs!r}"


def layer_latex(layer: Any, name: str = "") -> str:
    """Return LaTeX of a layer's matrix in blocks; large blocks are symbols of index `name`."""
    T, scales = getattr(layer, "shift_matrix", None), f"s{name}"
    if T is None:
        shift = f"t{name}(x)"
    elif sum(layer.partition) > _LARGEST:
        shift = f"\\underset{{{T.shape[0]} \\times {T.shape[1]}}}{{T{name}}}"
    else:
        rows = T.to_dense().to_list()
        shift = _matrix_latex([[_entry_latex(x, layer.field) for x in row] for row in rows])
        shift = shift if T.nnz() else "0"
        scales = ", ".join(_entry_latex(s, layer.field) for s in layer.scale_elements)
    diagonal, one = ("I" if size > 1 else "1" for size in layer.sizes)
    if not layer.is_additive:
        diagonal = f"\\operatorname{{diag}}({scales})" if diagonal == "I" else scales
    return _matrix_latex(_arrange_blocks(layer.moves, diagonal, shift, one))


def _arrange_blocks(moves: Half, diagonal: str, shift: str, one: str) -> list[list[str]]:
    """Return the blocks of a layer's matrix, row by row."""
    rows = ([diagonal, shift], ["0", one])
    return [[*moved_and_kept(moves, row)] for row in moved_and_kept(moves, rows)]


def integer_matrix_latex(d: int, entry: Callable[[int, int], int], name: str) -> str:
    """Return LaTeX of a d x d matrix of integers, or its name if it is large."""
    return sympy.latex(sympy.Matrix(d, d, entry)) if d <= _LARGEST else name


def flow_html(head: str, layers: Sequence) -> str:
    """Return an HTML table of the layers, with each shift or its heat map."""
    columns = ("layer", "moves", "scale", "shift", "largest entry", "nonzeros")
    cells = "".join(f"<th>{name}</th>" for name in columns)
    rows = "".join(
        f"<tr>{''.join(_layer_cells(k, layer))}</tr>" for k, layer in enumerate(layers, 1)
    )
    caption = f'<caption style="text-align: left">{escape(head)}</caption>'
    table = f'<table style="{TABLE_STYLE}">{caption}<tr>{cells}</tr>{rows}</table>'
    shown = f"{_factors_html(layers)}{table}"
    return f"{shown}<small>{_LEGEND}</small>" if "<svg" in shown else shown


def _factors_html(layers: Sequence) -> str:
    """Return pictures of the product of linear layers and of its factors, the first at the right;
    "" for one layer, and for large ones.
    """
    is_linear = all(hasattr(layer, "shift_matrix") for layer in layers)
    if len(layers) < 2 or not is_linear or sum(layers[0].partition) > _PICTURED:
        return ""
    matrices = [layer.domain_matrix() for layer in layers]
    names = [f"{k}: {LETTERS[x.moves]}" for k, x in enumerate(layers, 1)]
    product = _figure(reduce(lambda M, layer: layer * M, matrices), "product")
    factors = map(_figure, reversed(matrices), reversed(names))
    style = "display: flex; flex-wrap: wrap; gap: 0.5em; align-items: center"
    return f'<div style="{style}">{product}<b>=</b>{"".join(factors)}</div>'


def _figure(matrix: DomainMatrix, caption: str) -> str:
    return (
        f'<figure style="margin: 0; text-align: center">{_svg(matrix, 64)}'
        f'<figcaption style="opacity: 0.65">{caption}</figcaption></figure>'
    )


def _layer_cells(k: int, layer: Any) -> Iterator[str]:
    scale = describe_scales(layer)
    if not hasattr(layer, "shift_matrix"):
        rest = (escape(layer.summary()), "", "")
    else:
        shift = heat_map(layer.shift_matrix)
        if _is_small_linear(layer):
            shift = value_html(layer.shift_matrix, layer.field, _WIDTH)
            scale = _join_scales(layer, _SHORT)
        rest = (shift, format_magnitude(layer.magnitude), str(layer.nnz))
    for cell in (str(k), layer.moves, "1" if layer.is_additive else escape(scale), *rest):
        yield f"<td>{cell}</td>"


def describe_scales(layer: Any) -> str:
    """Return the number of scales that are not one, in words; "1" if there are none."""
    scaled = sum(s != 1 for s in layer.scale_elements)
    return f"{scaled} of {len(layer.scale_elements)} not 1" if scaled else "1"


def format_magnitude(value: sympy.Rational | None) -> str:
    """Return a rational of any size with three digits; "" for None."""
    if value is None:
        return ""
    with mpmath.workdps(15):
        return mpmath.nstr(mpmath.mpf(int(value.p)) / int(value.q), 3)


def heat_map(matrix: DomainMatrix, size: int = 96) -> str:
    """Return an SVG picture of a matrix: positive entries red, negative blue, larger ones darker.

    Each of at most 24 x 24 cells shows its entry of largest absolute value. Nonzero entries that
    have no sign, as in a finite field, are grey.
    """
    rows, columns = matrix.shape
    step = _entries_per_cell(matrix)
    cells_of = f", cells of {step} x {step}" * (step > 1)
    return f"{_svg(matrix, size)}<br><small>{rows} x {columns}{cells_of}</small>"


def _entries_per_cell(matrix: DomainMatrix) -> int:
    """Return the number of rows, and of columns, that share a cell of the picture."""
    return -(-max(matrix.shape) // _CELLS)


def _svg(matrix: DomainMatrix, size: int) -> str:
    rows, columns = matrix.shape
    step = _entries_per_cell(matrix)
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
        f"{_cell_fill(value, most)}/>"
        for (i, j), value in sorted(cells.items())
    )
    return (
        f'<svg width="{width:.0f}" height="{height:.0f}" role="img" '
        f'aria-label="{rows} x {columns} matrix">'
        f'<rect width="{width:.1f}" height="{height:.1f}" fill="none" stroke="#999"/>'
        f"{squares}</svg>"
    )


def _cell_fill(value: Element, most: Element) -> str:
    colour, depth = "#777", 1.0
    if value is not None:
        ratio = value / most
        colour = "#c33" if ratio > 0 else "#36c"
        depth = 0.15 + 0.85 * (abs(int(ratio.numerator)) / int(ratio.denominator))
    return f'fill="{colour}" fill-opacity="{depth:.2f}"'
