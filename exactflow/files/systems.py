"""Flows as text for other systems: SymPy, Sage and LaTeX.

The SymPy and Sage texts end with a check that the layers multiply to the target.
"""

from collections.abc import Callable
from functools import partial

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_rational
from exactflow.exact.options import check_option
from exactflow.exact.typing import Element
from exactflow.flows.flow import CouplingFlow

__all__ = ["FORMATS", "export"]


def export(flow: CouplingFlow, to: str) -> str:
    """Return a flow over QQ as text.

    Parameters
    ----------
    flow : the flow; its factors are written as d x d matrices on the coordinates in their natural
        order, the first to be applied last. A layer of a mask is no block matrix then.
    to : "sympy" (a Python script), "sage" (a Sage script) or "latex" (an equation).

    Raises
    ------
    InvalidInputError
        An unknown format, or entries that are not rational.

    >>> from exactflow import factor
    >>> print(export(factor([[2, 1], [0, 1]]), "sage").splitlines()[0])
    target = matrix(QQ, [
    """
    check_option("to", to, tuple(FORMATS))
    if not flow.field.is_QQ:
        raise InvalidInputError(f"expected a flow over QQ for {to}, got one over {flow.field}")
    return FORMATS[to](flow)


def _matrices(
    flow: CouplingFlow, entry: Callable[[Element], str], cell: str, row: str, whole: str
) -> tuple[str, list[str]]:
    """Return the flow's matrix, and its factors from left to right, the signs of the flips last.

    `cell` and `row` stand between cells and rows, `whole` around a matrix.
    """
    parts = [CouplingFlow([layer], order=flow.order) for layer in reversed(flow.layers)]
    if flow.flips or not parts:
        parts.append(CouplingFlow([], flow.partition, flow.flips))

    def text(of: CouplingFlow) -> str:
        rows = of.domain_matrix().to_list()
        return whole.format(row.join(cell.join(map(entry, entries)) for entries in rows))

    return text(flow), list(map(text, parts))


def _script(entry: Callable[[Element], str], constructor: str, flow: CouplingFlow) -> str:
    """Return a script of SymPy or Sage."""
    whole = f"{constructor}[\n        [{{}}]])"
    target, factors = _matrices(flow, entry, ", ", "],\n        [", whole)
    listed = ",\n    ".join(factors)
    return (
        f"target = {target}\n"
        f"factors = [\n    {listed}\n]\n"
        "product = factors[0]\n"
        "for factor in factors[1:]:\n"
        "    product = product * factor\n"
        "print(product == target)\n"
    )


def _python(x: Element) -> str:
    """Return a rational as Python source: hexadecimal where decimal digits would hit a limit."""
    parts = int(x.numerator), int(x.denominator)
    return "Rational({}, {})".format(*(hex(n) if n.bit_length() > 14_000 else n for n in parts))


def _sympy(flow: CouplingFlow) -> str:
    return "from sympy import Matrix, Rational\n\n" + _script(_python, "Matrix(", flow)


def _latex(flow: CouplingFlow) -> str:
    def entry(x: Element) -> str:
        numerator, _, denominator = format_rational(abs(x)).partition("/")
        size = f"\\frac{{{numerator}}}{{{denominator}}}" if denominator else numerator
        return f"-{size}" if x < 0 else size

    whole = "\\begin{{pmatrix}} {} \\end{{pmatrix}}"
    target, factors = _matrices(flow, entry, " & ", " \\\\ ", whole)
    return f"{target} = {' '.join(factors)}"


FORMATS: dict[str, Callable] = {
    "sympy": _sympy,
    "sage": partial(_script, format_rational, "matrix(QQ, "),
    "latex": _latex,
}
