"""Flows as text for other systems: SymPy, Sage and LaTeX.

The SymPy and Sage texts end with a check that the layers multiply to the target.
"""

from collections.abc import Callable

from sympy.polys.matrices import DomainMatrix

from exactflow import linalg
from exactflow.certificate import certificate_text
from exactflow.coerce import format_rational
from exactflow.coupling import CouplingFlow
from exactflow.errors import InvalidInputError

__all__ = ["FORMATS", "export"]


def export(flow: CouplingFlow, to: str) -> str:
    """Return a flow over QQ as text.

    Parameters
    ----------
    flow : the flow; its factors are written as d x d matrices, the first to be applied last.
    to : "sympy" (a Python script), "sage" (a Sage script), "latex" (an equation) or "json" (the
        certificate).

    Raises
    ------
    InvalidInputError
        An unknown format, or entries that are not rational.

    >>> from exactflow import factor
    >>> print(export(factor([[2, 1], [0, 1]]), "sage").splitlines()[0])
    target = matrix(QQ, [
    """
    if to not in FORMATS:
        raise InvalidInputError(f"expected a format of {', '.join(FORMATS)}, got {to!r}")
    if to == "json":
        return certificate_text(flow)
    if not flow.field.is_QQ:
        raise InvalidInputError(f"expected a flow over QQ for {to}, got one over {flow.field}")
    return FORMATS[to](flow)


def _factors(flow: CouplingFlow) -> list[DomainMatrix]:
    """Return the factors of the flow's matrix from left to right, the signs of the flips last."""
    factors = [linalg.join(CouplingFlow([layer]).blocks()) for layer in reversed(flow.layers)]
    if flow.flips or not factors:
        factors.append(linalg.join(CouplingFlow([], flow.partition, flow.flips).blocks()))
    return factors


def _target(flow: CouplingFlow) -> DomainMatrix:
    return linalg.join(flow.blocks())


def _script(flow: CouplingFlow, head: str, entry: Callable, constructor: str) -> str:
    def matrix(M: DomainMatrix) -> str:
        rows = ("[" + ", ".join(map(entry, row)) + "]" for row in M.to_list())
        return f"{constructor}[\n        " + ",\n        ".join(rows) + "])"

    factors = ",\n    ".join(map(matrix, _factors(flow)))
    return (
        f"{head}target = {matrix(_target(flow))}\n"
        f"factors = [\n    {factors}\n]\n"
        "product = factors[0]\n"
        "for factor in factors[1:]:\n"
        "    product = product * factor\n"
        "print(product == target)\n"
    )


def _sympy(flow: CouplingFlow) -> str:
    return _script(flow, "from sympy import Matrix, Rational\n\n", _python, "Matrix(")


def _python(x) -> str:
    """Return a rational as Python source: hexadecimal where decimal digits would hit a limit."""
    parts = int(x.numerator), int(x.denominator)
    return "Rational({}, {})".format(*(hex(n) if n.bit_length() > 14_000 else n for n in parts))


def _sage(flow: CouplingFlow) -> str:
    return _script(flow, "", format_rational, "matrix(QQ, ")


def _latex(flow: CouplingFlow) -> str:
    def entry(x) -> str:
        numerator, _, denominator = format_rational(x).partition("/")
        sign, digits = ("-", numerator[1:]) if numerator[0] == "-" else ("", numerator)
        return f"{sign}\\frac{{{digits}}}{{{denominator}}}" if denominator else numerator

    def matrix(M: DomainMatrix) -> str:
        rows = (" & ".join(map(entry, row)) for row in M.to_list())
        return "\\begin{pmatrix} " + " \\\\ ".join(rows) + " \\end{pmatrix}"

    return f"{matrix(_target(flow))} = {' '.join(map(matrix, _factors(flow)))}"


FORMATS: dict[str, Callable] = {
    "sympy": _sympy,
    "sage": _sage,
    "latex": _latex,
    "json": certificate_text,
}
