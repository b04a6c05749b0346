"""Text, LaTeX and HTML of numbers, matrices and flows; small ones are shown exactly.

A matrix is small if it is at most 8 x 8 and its entries have at most 32 characters. A larger matrix
is shown by its upper left corner, and a long fraction by its first digits and dots. A flow is shown
as a product of block matrices. A layer of more than 8 coordinates, or with long entries, is one
line in text, has a named shift T_k in LaTeX, and has a heat map in HTML. In an HTML table the
entries of wide rows are shortened to 11 characters, so that the table fits a page.
"""

import math
from collections.abc import Callable, Sequence
from decimal import MAX_EMAX, MIN_EMIN, ROUND_DOWN, Context, Decimal
from functools import partial, reduce
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
"""The largest number of rows or columns of a small matrix."""
_LONGEST = 32
"""The largest number of characters of an entry that is shown in full."""
_SHORT = 11
"""The largest number of characters of an entry in a wide row of HTML."""
_WIDTH = 44
"""The largest total number of characters of a row of HTML whose entries are not shortened."""
_CORNER = 3
"""The number of rows and columns of the corner that stands for a large matrix."""
_LEADING = 4
"""The largest number of decimals of a shortened fraction."""
_CELLS = 24
"""The largest number of cells of a heat map in each direction."""
_PICTURED = 64
"""The largest number of coordinates of a flow that HTML shows as a product of heat maps."""
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
    "layer 1 is applied first and is at the right; U moves the first half, L the second; red "
    "entries are positive, blue ones negative, grey ones nonzero in a finite field; the darkest "
    "entry is the largest; a cell shows the largest of its entries"
)


def shortened_lines(
    value: "DomainMatrix | Element", field: Domain, most_characters_per_line: float = math.inf
) -> list[str]:
    """Return the lines of text of a number or a matrix, with long entries shortened.

    Only the corner is shown if the matrix is large, or has lines of more than
    `most_characters_per_line`.

    >>> from sympy import QQ
    >>> M = DomainMatrix([[QQ(1), QQ(-1, 2)], [QQ(0), QQ(10)]], (2, 2), QQ)
    >>> shortened_lines(M, QQ), shortened_lines(M, QQ, 7)
    (['[1 -1/2]', '[0   10]'], ['2 x 2, begins:', '[1 ..]', '[0 ..]'])
    """
    if not isinstance(value, DomainMatrix):
        return [_shortened_entry_text(value, field)]
    for columns in (_LARGEST, *range(_CORNER, 0, -1)):
        rows, heading = _corner_texts_and_heading_if_large(
            value, _shortened_entry_text, [".."], columns
        )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            f"[{' '.join(entry.rjust(w) for entry, w in zip(row, widths, strict=True))}]"
            for row in rows
        ]
        if len(lines[0]) <= most_characters_per_line:
            break
    if not heading:
        return lines
    if len(heading) + len(", begins:") > most_characters_per_line:
        heading = heading.partition(",")[0]
    return [f"{heading}, begins:", *lines]


def shortened_latex(value: "DomainMatrix | Element", field: Domain) -> str:
    """Return LaTeX of a number, a matrix, or the corner of a large matrix; shorten long entries."""
    if not isinstance(value, DomainMatrix):
        return _entry_latex_shortened_if_rational(value, field)
    rows, heading = _corner_texts_and_heading_if_large(
        value, _entry_latex_shortened_if_rational, ["\\cdots"]
    )
    below = [["\\vdots"] * (len(rows[0]) - 1) + ["\\ddots"]] if heading else []
    return _matrix_or_entry_latex([*rows, *below])


def _matrix_or_entry_latex(rows: list[list[str]]) -> str:
    """Return the LaTeX of a matrix whose entries are LaTeX, or the entry of a 1 x 1 matrix."""
    if len(rows) == len(rows[0]) == 1:
        return rows[0][0]
    body = " \\\\ ".join(map(" & ".join, rows))
    return f"\\begin{{pmatrix}} {body} \\end{{pmatrix}}"


def shortened_html(
    value: "DomainMatrix | Element", field: Domain, most_characters_per_row: float = math.inf
) -> str:
    """Return HTML of a number, a matrix, or the corner of a large matrix; shorten long entries.

    If the entries of a row have more than `most_characters_per_row`, all entries are shortened
    further; if they still have more, only the corner is shown.
    """
    if not isinstance(value, DomainMatrix):
        return escape(_shortened_entry_text(value, field))
    short = partial(_shortened_entry_text, most_characters=_SHORT)
    for text, columns in ((_shortened_entry_text, _LARGEST), (short, _LARGEST), (short, _CORNER)):
        rows, heading = _corner_texts_and_heading_if_large(value, text, [".."], columns)
        if max(len("".join(row)) for row in rows) <= most_characters_per_row:
            break
    styles = {"0": ' style="opacity: 0.3"'}  # zeros are dimmed
    table = ([f"<td{styles.get(x, '')}>{escape(x)}</td>" for x in row] for row in rows)
    cells = "".join(f"<tr>{''.join(row)}</tr>" for row in table)
    note = f"<small>{escape(heading)}, begins:</small>" if heading else ""
    return (
        f'{note}<table style="background: {_BRACKETS}; border-collapse: separate; border-spacing: '
        '0.5em 0; display: inline-table; text-align: right; vertical-align: middle">'
        f"{cells}</table>"
    )


def field_suffix_unless_rational(field: Domain, *, quote: str = "") -> str:
    """Return ", over F", where F is the name of the field between two marks `quote`; "" for QQ."""
    return "" if field.is_QQ else f", over {quote}{format_field(field)}{quote}"


def _has_few_short_entries(matrix: DomainMatrix) -> bool:
    return max(matrix.shape) <= _LARGEST and all(
        len(exact_text(value, matrix.domain)) <= _LONGEST for value in matrix.iter_values()
    )


def _corner_texts_and_heading_if_large(
    matrix: DomainMatrix,
    entry_text: Callable[[Element, Domain], str],
    row_end_if_cut: list[str],
    most_uncut_columns: int = _LARGEST,
) -> tuple[list[list[str]], str]:
    """Return the texts of the entries of a small matrix, or of the corner of a large matrix, row by
    row, and a heading, which is "" for a small matrix.

    If the matrix is large, or has more than `most_uncut_columns`, only the upper left corner is
    returned, and each of its rows ends in the cells `row_end_if_cut`. Then the heading is the
    size of the matrix.
    """
    rows, columns = matrix.shape
    heading = ""
    if columns > most_uncut_columns or not _has_few_short_entries(matrix):
        heading, field = f"{rows} x {columns}", matrix.domain
        if field.is_QQ:
            parts = ((v.numerator, v.denominator) for v in matrix.iter_values())
            bits = max((int(part).bit_length() for pair in parts for part in pair), default=1)
            heading += f", up to {bits} bits"
        matrix = matrix[: min(rows, _CORNER), : min(columns, most_uncut_columns, _CORNER)]
    entries = [[entry_text(x, matrix.domain) for x in row] for row in matrix.to_dense().to_list()]
    return [row + row_end_if_cut if heading else row for row in entries], heading


def exact_text(value: Element | int, field: Domain) -> str:
    """Return the full text, not shortened, of an element of a field or of an integer."""
    element = _convert_if_int(value, field)
    return format_rational(element) if field.is_QQ else str(field.to_sympy(element))


def _convert_if_int(value: Element | int, field: Domain) -> Element:
    """Convert an integer to an element of the field; return an element unchanged."""
    return field.convert(value) if isinstance(value, int) else value


def _shortened_entry_text(
    value: Element | int, field: Domain, most_characters: int = _LONGEST
) -> str:
    """Return a number as text; shorten a text of more than `most_characters`: '3.3333..e39'."""
    text = exact_text(value, field)
    if len(text) <= most_characters:
        return text
    if not field.is_QQ:
        return f"{text[: most_characters - 2]}.."
    digits, exponent = _truncated_mantissa_and_exponent(value)
    return f"{digits}..e{exponent}" if exponent else f"{digits}.."


def _entry_latex_shortened_if_rational(value: Element | int, field: Domain) -> str:
    """Return the LaTeX of a number; for a long rational number, return only its first digits."""
    if not field.is_QQ or len(exact_text(value, field)) <= _LONGEST:
        return sympy.latex(field.to_sympy(_convert_if_int(value, field)))
    digits, exponent = _truncated_mantissa_and_exponent(value)
    return f"{digits}\\ldots" + (f" \\cdot 10^{{{exponent}}}" if exponent else "")


def _truncated_mantissa_and_exponent(value: Element) -> tuple[str, int]:
    """Return the mantissa of a rational number, truncated as in '-3.3333', and the decimal exponent
    of the number.
    """
    context = Context(prec=_LEADING + 4, rounding=ROUND_DOWN, Emax=MAX_EMAX, Emin=MIN_EMIN)
    number = context.divide(Decimal(int(value.numerator)), Decimal(int(value.denominator)))
    mantissa, exponent = f"{number:e}".split("e")
    whole, _, digits = mantissa.partition(".")
    return f"{whole}.{digits.rstrip('0')[:_LEADING] or '0'}", int(exponent)


def format_flow(heading: str, layers: Sequence) -> str:
    """Return the text of a flow: its heading, and a line for each layer. For a small linear layer,
    the block matrix follows, with its scales S and its shift T.
    """
    lines = [f"<{heading}>"]
    for i, layer in enumerate(layers, 1):
        lines.append(f"  {i}. {layer.summary()}")
        if not _is_small_linear(layer):
            continue
        rows = _arrange_blocks(layer.moves, "I" if layer.is_additive else "S", "T", "I")
        blocks = f"     [{', '.join(f'[{left}, {right}]' for left, right in rows)}]"
        if not layer.is_additive:
            blocks += f"   S = diag({_comma_separated_scales(layer)})"
        blocks += "   T = "
        first, *rest = shortened_lines(layer.shift_matrix, layer.field)
        lines += [blocks + first, *(" " * len(blocks) + line for line in rest)]
    return "\n".join(lines)


def _is_small_linear(layer: Any) -> bool:
    """Whether a layer is linear, has at most 8 coordinates, and has no long entries."""
    return (
        hasattr(layer, "shift_matrix")
        and sum(layer.partition) <= _LARGEST
        and _has_few_short_entries(layer.shift_matrix)
    )


def _comma_separated_scales(layer: Any, most_characters_per_scale: int = _LONGEST) -> str:
    texts = (
        _shortened_entry_text(s, layer.field, most_characters_per_scale)
        for s in layer.scale_elements
    )
    return ", ".join(texts)


def describe_layer_difference(mine: Any, theirs: Any) -> str:
    """Describe the first difference between two unequal layers."""
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


def layer_matrix_latex(layer: Any, symbol_suffix: str = "") -> str:
    """Return the LaTeX of the block matrix of a layer.

    If the layer is large or not linear, its blocks are symbols that end in `symbol_suffix`, such as
    "_{2}".
    """
    T, scales = getattr(layer, "shift_matrix", None), f"s{symbol_suffix}"
    if T is None:
        shift = f"t{symbol_suffix}(x)"
    elif sum(layer.partition) > _LARGEST:
        shift = f"\\underset{{{T.shape[0]} \\times {T.shape[1]}}}{{T{symbol_suffix}}}"
    else:
        rows = T.to_dense().to_list()
        shift = _matrix_or_entry_latex(
            [[_entry_latex_shortened_if_rational(x, layer.field) for x in row] for row in rows]
        )
        shift = shift if T.nnz() else "0"
        scales = ", ".join(
            _entry_latex_shortened_if_rational(s, layer.field) for s in layer.scale_elements
        )
    diagonal, identity = ("I" if size > 1 else "1" for size in layer.moved_and_kept_sizes)
    if not layer.is_additive:
        diagonal = f"\\operatorname{{diag}}({scales})" if diagonal == "I" else scales
    return _matrix_or_entry_latex(_arrange_blocks(layer.moves, diagonal, shift, identity))


def _arrange_blocks(moves: Half, diagonal: str, shift: str, identity: str) -> list[list[str]]:
    """Return the four blocks of a layer's matrix, row by row."""
    rows = ([diagonal, shift], ["0", identity])
    return [[*moved_and_kept(moves, row)] for row in moved_and_kept(moves, rows)]


def integer_matrix_or_name_latex(d: int, entry: Callable[[int, int], int], name: str) -> str:
    """Return the LaTeX of a d x d matrix of integers, or its `name` if d > 8."""
    return sympy.latex(sympy.Matrix(d, d, entry)) if d <= _LARGEST else name


def flow_html(heading: str, layers: Sequence) -> str:
    """Return HTML of a flow: heat maps, if it is linear and small, and a table of its layers."""
    columns = ("layer", "moves", "scale", "shift", "largest entry", "nonzeros")
    rows = f"<tr>{''.join(f'<th>{name}</th>' for name in columns)}</tr>"
    for k, layer in enumerate(layers, 1):
        scale = describe_scales_by_nonunit_count(layer)
        if not hasattr(layer, "shift_matrix"):
            rest = (escape(layer.summary()), "", "")
        else:
            shift = heat_map_html(layer.shift_matrix)
            if _is_small_linear(layer):
                shift = shortened_html(layer.shift_matrix, layer.field, _WIDTH)
                scale = _comma_separated_scales(layer, _SHORT)
            largest = format_three_significant_digits_or_empty(layer.magnitude)
            rest = (shift, largest, str(layer.nnz))
        cells = (str(k), layer.moves, "1" if layer.is_additive else escape(scale), *rest)
        rows += f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    caption = f'<caption style="text-align: left">{escape(heading)}</caption>'
    table = f'<table style="{TABLE_STYLE}">{caption}{rows}</table>'
    shown = f"{_product_and_factors_html_or_empty(layers)}{table}"
    return f"{shown}<small>{_LEGEND}</small>" if "<svg" in shown else shown


def _product_and_factors_html_or_empty(layers: Sequence) -> str:
    """Return heat maps of the product of linear layers, and of each layer, layer 1 at the right.

    The result is "" for a single layer, for a layer that is not linear, and above 64 coordinates.
    """
    is_linear = all(hasattr(layer, "shift_matrix") for layer in layers)
    if len(layers) < 2 or not is_linear or sum(layers[0].partition) > _PICTURED:
        return ""
    matrices = [layer.domain_matrix() for layer in layers]
    names = [f"{k}: {LETTERS[x.moves]}" for k, x in enumerate(layers, 1)]
    product = _captioned_heat_map_html(reduce(lambda M, layer: layer * M, matrices), "product")
    factors = map(_captioned_heat_map_html, reversed(matrices), reversed(names))
    style = "display: flex; flex-wrap: wrap; gap: 0.5em; align-items: center"
    return f'<div style="{style}">{product}<b>=</b>{"".join(factors)}</div>'


def _captioned_heat_map_html(matrix: DomainMatrix, caption: str) -> str:
    return (
        f'<figure style="margin: 0; text-align: center">{_heat_map_svg(matrix, 64)}'
        f'<figcaption style="opacity: 0.65">{caption}</figcaption></figure>'
    )


def describe_scales_by_nonunit_count(layer: Any) -> str:
    """Return the number of scales other than 1 as "not 1: 2 of 3"; "1" if there are none."""
    scaled = sum(s != 1 for s in layer.scale_elements)
    return f"not 1: {scaled} of {len(layer.scale_elements)}" if scaled else "1"


def format_three_significant_digits_or_empty(value: sympy.Rational | None) -> str:
    """Return a rational number of any size, rounded to three significant digits; "" for None."""
    if value is None:
        return ""
    with mpmath.workdps(15):
        return mpmath.nstr(mpmath.mpf(int(value.p)) / int(value.q), 3)


def heat_map_html(matrix: DomainMatrix, longer_side_pixels: int = 96) -> str:
    """Return HTML: a heat map of a matrix, and the size of the matrix below the map.

    The longer side of the map has `longer_side_pixels`.
    Positive entries are red, negative ones blue, larger ones darker. Each of at most 24 x 24 cells
    shows its entry of largest absolute value. Over a field other than QQ nonzero entries are grey.
    """
    rows, columns = matrix.shape
    step = _rows_per_cell(matrix)
    cells_of = f", cells of {step} x {step}" * (step > 1)
    size = f"{rows} x {columns}{cells_of}"
    return f"{_heat_map_svg(matrix, longer_side_pixels)}<br><small>{size}</small>"


def _rows_per_cell(matrix: DomainMatrix) -> int:
    """Return the number of rows, and of columns, that share a cell of a heat map."""
    return -(-max(matrix.shape) // _CELLS)


def _heat_map_svg(matrix: DomainMatrix, longer_side_pixels: int) -> str:
    rows, columns = matrix.shape
    step = _rows_per_cell(matrix)
    cells: dict[tuple[int, int], Element] = {}
    for (i, j), value in matrix.iter_items():
        place = i // step, j // step
        if not matrix.domain.is_QQ:
            cells[place] = None
        elif abs(value) > abs(cells.get(place, 0)):
            cells[place] = value
    largest = max((abs(v) for v in cells.values() if v is not None), default=1)
    unit = longer_side_pixels / -(-max(rows, columns) // step)
    height, width = (-(-n // step) * unit for n in (rows, columns))
    squares = ""
    for (i, j), value in sorted(cells.items()):
        colour, opacity = "#777", 1.0
        if value is not None:
            ratio = value / largest
            colour = "#c33" if ratio > 0 else "#36c"
            opacity = 0.15 + 0.85 * (abs(int(ratio.numerator)) / int(ratio.denominator))
        squares += (
            f'<rect x="{j * unit:.1f}" y="{i * unit:.1f}" width="{unit:.1f}" height="{unit:.1f}" '
            f'fill="{colour}" fill-opacity="{opacity:.2f}"/>'
        )
    return (
        f'<svg width="{width:.0f}" height="{height:.0f}" role="img" '
        f'aria-label="{rows} x {columns} matrix">'
        f'<rect width="{width:.1f}" height="{height:.1f}" fill="none" stroke="#999"/>'
        f"{squares}</svg>"
    )
