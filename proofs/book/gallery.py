"""The theorems as cards: number, title, result, and a picture.

A card shows the script's entry in `PICTURES`, else the first picture that the script draws, else
the statement. Most entries use the displays of flows: a matrix and the layers whose product it is,
red where positive, blue where negative.
"""

import io
import re
from collections.abc import Callable
from html import escape
from math import log
from pathlib import Path

import sympy
from docutils import nodes
from matplotlib import pyplot
from sympy.polys.matrices import DomainMatrix

from exactflow import factor, minimal_depth, permutation, random_matrix, theorems
from exactflow.flows.display import heat_map_html
from proofs.constructions.capacity import min_parameters
from proofs.constructions.classical import classical
from proofs.rocq.build import project

__all__ = ["cards", "draw_flow", "insert_pictures"]

DRAWN = '<img data-script="{}" alt="">'  # placeholder for the picture of an executed script


def cards(root: Path) -> str:
    """Return all cards, in the order of the table, as one HTML element."""
    pictures = PICTURES | {"formal": lambda: draw_dependencies(root)}
    parts = []
    for row in theorems.values():
        drawn = pictures.get(row.script, lambda name=row.script: DRAWN.format(name))()
        title = row.title.removeprefix("KMR: ")
        found = escape(row.found.replace("*", ""))
        parts.append(
            f'<a class="card" href="{row.script}.html"><span class="picture">{drawn}</span>'
            f"<b>{escape(f'{row.number}. {title[0].upper()}{title[1:]}')}</b>"
            f"<span>{found}</span><small>{escape(row.checked)}</small></a>"
        )
    return f'<div class="cards">{"".join(parts)}</div>'


def insert_pictures(app, pagename, templatename, context, doctree) -> None:
    """Replace the placeholders by pictures of the executed scripts (`html-page-context`).

    A script that draws no picture gets its statement.
    """

    def picture_of(wanted: re.Match) -> str:
        page = app.env.get_doctree(f"theorems/{wanted[1]}")
        image = next(page.findall(nodes.image), None)
        if image is None:
            return escape(theorems[wanted[1]].statement)
        path = f"{app.builder.imagedir}/{app.env.images[image['uri']][1]}"
        return f'<img class="drawn" alt="" src="{context["pathto"](path, 1)}">'

    if "body" in context:
        context["body"] = re.sub(DRAWN.format(r"(\w+)"), picture_of, context["body"])


def draw_flow(flow, size: int = 44) -> str:
    """Return the picture of `flow.plot` as SVG, in the colour of the page's text, with matrices
    about `size` pixels wide.
    """
    with pyplot.rc_context({"svg.fonttype": "none", "svg.hashsalt": "exactflow"}):
        figure, axes = pyplot.subplots(figsize=(size * (flow.depth + 2) / 60, size / 40))
        flow.plot(ax=axes, entries=None if flow.dimension * 11 <= size else False)
        drawn = io.StringIO()
        options = {"bbox_inches": "tight", "pad_inches": 0.02, "metadata": {"Date": None}}
        figure.savefig(drawn, format="svg", transparent=True, **options)
        pyplot.close(figure)
    svg = drawn.getvalue()
    svg = svg[svg.index("<svg") :].replace("<svg ", '<svg role="img" fill="currentColor" ', 1)
    return f'<span class="strip">{svg}</span>'


def wrap_svg(body: str) -> str:
    return (
        '<svg viewBox="0 0 320 150" role="img" fill="none" stroke="currentColor" '
        f'font-size="13">{body}</svg>'
    )


def draw_rotated_squares() -> str:
    """Draw the unit square, rotated by one flow over QQ(t), for five values of t."""
    t = sympy.Symbol("t")
    cos, sin = (1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)
    flow = factor(sympy.Matrix([[cos, -sin], [sin, cos]]))
    body = ""
    for k, value in enumerate(sympy.Rational(i, 6) for i in range(5)):
        turn = flow.at({t: value}).matrix()
        corners = [turn * sympy.Matrix(x) for x in ((0, 0), (1, 0), (1, 1), (0, 1))]
        points = " ".join(
            f"{160 + 95 * float(x):.1f},{140 - 95 * float(y):.1f}" for x, y in corners
        )
        body += f'<polygon points="{points}" stroke="#36c" stroke-opacity="{0.3 + 0.17 * k:.2f}"/>'
        x, y = corners[1]
        where = f'x="{164 + 104 * float(x):.0f}" y="{142 - 104 * float(y):.0f}"'
        body += f'<text {where} fill="currentColor" stroke="none">t = {value}</text>'
    return wrap_svg(body)


def draw_block_identity() -> str:
    """Draw five unitriangular block matrices, whose letters are matrices of any size."""
    body = ""
    for k, (letter, side) in enumerate(zip("VWZYX", "ULULU", strict=True)):
        left, top = 8 + 62 * k, 48
        body += f'<rect x="{left}" y="{top}" width="54" height="54"/>'
        body += f'<path d="M{left + 27} {top}v54M{left} {top + 27}h54" stroke-opacity=".4"/>'
        upper, lower = (letter, "0") if side == "U" else ("0", letter)
        for i, entry in enumerate(("I", upper, lower, "I")):
            colour = "#c33" if entry == letter else "currentColor"
            where = f'x="{left + 13 + 27 * (i % 2)}" y="{top + 18 + 27 * (i // 2)}"'
            body += (
                f'<text {where} fill="{colour}" stroke="none" text-anchor="middle">{entry}</text>'
            )
    return wrap_svg(body)


def plot_parameters() -> str:
    """Plot the lower bound of the number of parameters against d, for three k."""
    body = '<path d="M40 8V130H310" stroke-opacity=".5"/>'
    sizes = (32, 64, 128, 256, 512, 1024, 2048, 4096)
    for k, colour in ((10, "#36c"), (1000, "#777"), (100_000, "#c33")):
        found = [min_parameters(d, k, lipschitz=d, radius=1, w="1/10").parameters for d in sizes]
        points = [(40 + 25 * i, 130 - 5.6 * log(p)) for i, p in enumerate(found)]
        path = " ".join(f"{x},{y:.1f}" for x, y in points)
        body += f'<polyline points="{path}" stroke="{colour}" stroke-width="2"/>'
        where = f'x="{points[-1][0] + 6}" y="{points[-1][1] + 4:.0f}"'
        body += f'<text {where} fill="{colour}" stroke="none">k = {k:,}</text>'
    label = '<text x="{}" y="{}" fill="currentColor" stroke="none">{}</text>'
    return wrap_svg(
        body + label.format(150, 147, "dimension d") + label.format(44, 16, "parameters")
    )


def draw_dependencies(root: Path) -> str:
    """Draw the files of the formal proofs, and which of them each requires."""
    files = {Path(source).stem: root / source for source in project(root).sources}
    texts = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    requires = re.compile(r"^From exactflow\S* Require(.*?)\.\n", re.MULTILINE | re.DOTALL)
    required = {
        name: [
            other for line in requires.findall(text) for other in line.split() if other in texts
        ]
        for name, text in texts.items()
    }  # fmt: skip

    def level(name: str) -> int:
        return 1 + max(map(level, required[name]), default=-1)

    rows: dict[int, list[str]] = {}
    for name in texts:
        rows.setdefault(level(name), []).append(name)
    places = {
        name: (320 * (i + 1) / (len(row) + 1), 12 + 126 * depth / max(rows))
        for depth, row in rows.items()
        for i, name in enumerate(row)
    }
    body = "".join(
        f'<path d="M{places[name][0]:.0f} {places[name][1]:.0f}L{places[other][0]:.0f} '
        f'{places[other][1]:.0f}" stroke-opacity=".35"/>'
        for name, others in required.items()
        for other in others
    )
    for name, (x, y) in places.items():
        colour = "#c33" if name == "statements" else "#36c"
        body += (
            f'<circle cx="{x:.0f}" cy="{y:.0f}" r="5" fill="{colour}" stroke="none">'
            f"<title>{name}.v</title></circle>"
        )
    return wrap_svg(body)


def draw_open_set() -> str:
    """Draw a matrix and its inverse, whose diagonal signs exclude four layers."""
    half, one = sympy.Rational(1, 2), sympy.eye(2)
    J = sympy.Matrix([[0, 1], [1, 0]])
    M = sympy.Matrix([[-sympy.Rational(3, 4) * one, half * J], [half * J, one]])
    shown = (
        f"<i>{name}</i>"
        + heat_map_html(DomainMatrix.from_Matrix(N).to_field(), 44).partition("<br>")[0]
        for name, N in (("M", M), ("M<sup>-1</sup>", M.inv()))
    )
    return f'<span class="strip">{"".join(shown)}</span>'


PICTURES: dict[str, Callable[[], str]] = {
    "six_layers": lambda: draw_flow(factor(random_matrix(8, bits=3, seed=1))),
    "classical_route": lambda: draw_flow(classical(random_matrix(4, bits=2, seed=3)), 66),
    "families": draw_rotated_squares,
    "identities": draw_block_identity,
    "six_is_sharp": lambda: draw_flow(minimal_depth(sympy.diag(-1, -1, 1, 1)).flow),
    "five_is_generic": lambda: draw_flow(minimal_depth(permutation([1, 2, 0, 3])).flow),
    "lower_bound_open_set": draw_open_set,
    "depth_lower_bound": plot_parameters,
    "permutations": lambda: draw_flow(factor(permutation([3, 0, 1, 4, 5, 2, 7, 6]))),
    "partitions": lambda: draw_flow(factor(random_matrix(8, bits=3, seed=1), partition=(2, 6))),
}
