"""Identities between matrices: one text that is read aloud, typeset, and evaluated.

``"P N = G^-1 P G"`` is what a step of an explanation shows; it is also what its check computes.
So nothing that is shown can differ from what was checked. The language:

- names of matrices and scalars, as ``W0`` or ``C'``; numbers, as ``2`` or ``1/2``, which among
  matrices stand for that multiple of the identity;
- sums, products by juxtaposition, brackets, ``^-1`` and ``^T``;
- ``det(X)``, ``tr(X)``, ``rank(X)``, ``largest(X)`` (the largest absolute value of an entry);
- ``diag(X, Y, ..)``, ``blocks(A, B, C, D)`` = [[A, B], [C, D]], and the shears ``U(X)`` =
  [[I, X], [0, I]] and ``L(Y)`` = [[I, 0], [Y, I]];
- ``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=`` between two of them; several, with commas.

How it is checked
-----------------
*Exact*, by schoolbook arithmetic on lists of elements of the field: no code is shared with the
constructions, which compute in FLINT.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact.typing import Element

__all__ = ["ShownIdentity", "Values", "formula_latex", "identities", "latex_name"]

Values: TypeAlias = Mapping[str, "DomainMatrix | Element"]
Rows: TypeAlias = list[list]
Tree: TypeAlias = tuple

_TOKEN = re.compile(r"\s*(\^-1|\^T|\d+(?:/\d+)?|[A-Za-z][A-Za-z0-9_]*'*|!=|<=|>=|[-+()=<>,])")
_RELATIONS: dict[str, tuple[Callable, str]] = {
    "=": (operator.eq, "="),
    "!=": (operator.ne, "\\neq"),
    "<": (operator.lt, "<"),
    "<=": (operator.le, "\\leq"),
    ">": (operator.gt, ">"),
    ">=": (operator.ge, "\\geq"),
}
_FUNCTIONS = ("det", "tr", "rank", "largest", "diag", "blocks", "U", "L")


@dataclass(frozen=True)
class ShownIdentity:
    """Two sides and the relation between them.

    Parameters
    ----------
    text : as it is read.
    left, right : the sides, as trees.
    relation : one of ``= != < <= > >=``.

    Examples
    --------
    >>> from sympy import QQ
    >>> (identity,) = identities("U(X) L(-1) U(X) = J")
    >>> one = DomainMatrix([[QQ(1)]], (1, 1), QQ)
    >>> J = DomainMatrix([[QQ(0), QQ(1)], [QQ(-1), QQ(0)]], (2, 2), QQ)
    >>> identity.holds({"X": one, "J": J}, QQ), identity.latex()
    (True, 'U\\\\left(X\\\\right) L\\\\left(-1\\\\right) U\\\\left(X\\\\right) = J')
    """

    text: str
    left: Tree
    relation: str
    right: Tree

    def holds(self, values: Values, field: Domain) -> bool:
        """Return whether the identity is so, where the names stand for `values` over `field`."""
        given = {name: _read(value, field) for name, value in values.items()}
        left, right = (_value(side, given, field) for side in (self.left, self.right))
        compare, _ = _RELATIONS[self.relation]
        if isinstance(left, list) or isinstance(right, list):
            left, right = _alike(left, right, field)
        return bool(compare(left, right))

    def latex(self) -> str:
        """Return the identity in LaTeX."""
        return f"{_latex(self.left)} {_RELATIONS[self.relation][1]} {_latex(self.right)}"

    def __str__(self) -> str:
        return self.text


def identities(text: str) -> tuple[ShownIdentity, ...]:
    """Return the identities that a text writes, with commas between them.

    Raises `InvalidInputError` where the text is none: its writer erred, not its reader.
    """
    tokens, place = [], 0
    text = " ".join(text.split())
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise InvalidInputError(f"expected an identity, got {text!r} with {text[place:]!r}")
        tokens.append((match[1], match.start(1)))
        place = match.end()
    parser = _Parser(text, tokens)
    found = [parser.identity()]
    while parser.next == ",":
        parser.take()
        found.append(parser.identity())
    if parser.next:
        raise InvalidInputError(f"expected an identity, got {text!r} with {parser.next!r} too many")
    return tuple(found)


def formula_latex(text: str) -> str:
    """Return an expression or an identity in LaTeX; what is neither, as it is.

    >>> formula_latex("G^-1 P"), formula_latex("det(M) < 0")
    ('G^{-1} P', '\\\\det\\\\left(M\\\\right) < 0')
    """
    try:
        found = identities(text if any(sign in text for sign in "=<>") else f"{text} = 0")
    except InvalidInputError:
        return text
    whole = ", ".join(identity.latex() for identity in found)
    return whole if str(found[0]) == text or len(found) > 1 else _latex(found[0].left)


class _Parser:
    """Recursive descent: identity, sum, product, power, atom."""

    def __init__(self, text: str, tokens: list[tuple[str, int]]) -> None:
        self.text, self.tokens, self.at = text, [*tokens, ("", len(text))], 0

    @property
    def next(self) -> str:
        return self.tokens[self.at][0]

    def take(self, expected: str = "") -> str:
        token = self.next
        if not token or (expected and token != expected):
            raise InvalidInputError(
                f"expected {expected or 'more'} in {self.text!r}, got {token or 'its end'!r}"
            )
        self.at += 1
        return token

    def identity(self) -> ShownIdentity:
        start = self.tokens[self.at][1]
        left = self.sum()
        relation = self.take()
        if relation not in _RELATIONS:
            raise InvalidInputError(f"expected a relation in {self.text!r}, got {relation!r}")
        right = self.sum()
        return ShownIdentity(
            self.text[start : self.tokens[self.at][1]].strip(), left, relation, right
        )

    def sum(self) -> Tree:
        terms = [self.signed()]
        while self.next in ("+", "-"):
            terms.append(self.signed())
        return terms[0] if len(terms) == 1 else ("sum", *terms)

    def signed(self) -> Tree:
        sign = self.take() if self.next in ("+", "-") else "+"
        factors = [self.power()]
        while self.next and self.next[0] not in "+-)=!<>,":
            factors.append(self.power())
        product = factors[0] if len(factors) == 1 else ("product", *factors)
        return ("neg", product) if sign == "-" else product

    def power(self) -> Tree:
        atom = self.atom()
        while self.next in ("^-1", "^T"):
            atom = ("inverse" if self.take() == "^-1" else "transpose", atom)
        return atom

    def atom(self) -> Tree:
        token = self.take()
        if token == "(":
            inner = self.sum()
            self.take(")")
            return ("bracket", inner)
        if token[0].isdigit():
            return ("number", token)
        if token in _FUNCTIONS and self.next == "(":
            self.take("(")
            arguments = [self.sum()]
            while self.next == ",":
                self.take()
                arguments.append(self.sum())
            self.take(")")
            return (token, *arguments)
        if not token[0].isalpha():
            raise InvalidInputError(f"expected a name or a number in {self.text!r}, got {token!r}")
        return ("name", token)


def _read(value: Any, field: Domain) -> Any:
    """Return a matrix as rows of elements of the field, a scalar as an element."""
    if isinstance(value, DomainMatrix):
        return value.convert_to(field).to_dense().to_list()
    return field.convert(value)


def _value(tree: Tree, values: Mapping[str, Any], field: Domain) -> Any:
    """Return what a tree stands for: rows of a matrix, or an element."""
    kind, *rest = tree
    if kind == "name":
        if rest[0] not in values:
            raise InvalidInputError(f"expected a value for {rest[0]!r}, got none")
        return values[rest[0]]
    if kind == "number":
        fraction = Fraction(rest[0])
        return field.convert(fraction.numerator) / field.convert(fraction.denominator)
    parts = [_value(part, values, field) for part in rest]
    return _OPERATIONS[kind](parts, field)


def _sum(parts: list, field: Domain) -> Any:
    total = parts[0]
    for part in parts[1:]:
        if isinstance(total, list) or isinstance(part, list):
            total, part = _alike(total, part, field)
            total = [
                [a + b for a, b in zip(*rows, strict=True)]
                for rows in zip(total, part, strict=True)
            ]
        else:
            total = total + part
    return total


def _product(parts: list, field: Domain) -> Any:
    total = parts[0]
    for part in parts[1:]:
        if isinstance(total, list) and isinstance(part, list):
            columns = list(zip(*part, strict=True))
            total = [
                [
                    sum((a * b for a, b in zip(row, column, strict=True) if a and b), field.zero)
                    for column in columns
                ]
                for row in total
            ]
        elif isinstance(total, list) or isinstance(part, list):
            rows, factor = (total, part) if isinstance(total, list) else (part, total)
            total = [[factor * entry for entry in row] for row in rows]
        else:
            total = total * part
    return total


def _alike(left: Any, right: Any, field: Domain) -> tuple[Rows, Rows]:
    """Return both as matrices of one shape: a scalar is that multiple of the identity."""
    shape = left if isinstance(left, list) else right

    def filled(value: Any) -> Rows:
        if isinstance(value, list):
            return value
        if value and len(shape) != len(shape[0]):
            raise InvalidInputError("expected a square matrix beside a number that is not zero")
        return [
            [value if i == j else field.zero for j in range(len(shape[0]))]
            for i in range(len(shape))
        ]

    return filled(left), filled(right)


def _eliminated(matrix: Rows, field: Domain) -> tuple[Rows, Element, int]:
    """Return the rows after Gauss and Jordan, the product of the pivots with its sign, the rank."""
    rows, det, rank = [list(row) for row in matrix], field.one, 0
    for column in range(len(rows[0])):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        if pivot != rank:
            rows[rank], rows[pivot], det = rows[pivot], rows[rank], -det
        lead = rows[rank][column]
        det = det * lead
        rows[rank] = [entry / lead for entry in rows[rank]]
        for i, row in enumerate(rows):
            if i != rank and (factor := row[column]):
                rows[i] = [a - factor * b for a, b in zip(row, rows[rank], strict=True)]
        rank += 1
        if rank == len(rows):
            break
    return rows, det, rank


def _det(parts: list, field: Domain) -> Element:
    _, det, rank = _eliminated(parts[0], field)
    return det if rank == len(parts[0]) else field.zero


def _inverse(parts: list, field: Domain) -> Any:
    if not isinstance(parts[0], list):
        return field.one / parts[0]
    n = len(parts[0])
    one, _ = _alike(field.one, parts[0], field)
    wide = [row + unit for row, unit in zip(parts[0], one, strict=True)]
    rows, _, _ = _eliminated(wide, field)
    if [row[:n] for row in rows] != one:
        raise InvalidInputError("expected an invertible matrix")
    return [row[n:] for row in rows]


def _diagonal(parts: list, field: Domain) -> Rows:
    blocks = [part if isinstance(part, list) else [[part]] for part in parts]
    width, rows, before = sum(len(block[0]) for block in blocks), [], 0
    for block in blocks:
        after = width - before - len(block[0])
        rows += [[field.zero] * before + row + [field.zero] * after for row in block]
        before += len(block[0])
    return rows


def _blocks(parts: list, field: Domain) -> Rows:
    A, B, C, D = (part if isinstance(part, list) else [[part]] for part in parts)
    return [left + right for left, right in [*zip(A, B, strict=True), *zip(C, D, strict=True)]]


def _shear(parts: list, field: Domain, lower: bool) -> Rows:
    block = parts[0] if isinstance(parts[0], list) else [[parts[0]]]
    p, q = (len(block[0]), len(block)) if lower else (len(block), len(block[0]))
    rows = [[field.one if i == j else field.zero for j in range(p + q)] for i in range(p + q)]
    for i, row in enumerate(block):
        for j, entry in enumerate(row):
            rows[p + i if lower else i][j if lower else p + j] = entry
    return rows


_OPERATIONS: dict[str, Callable[[list, Domain], Any]] = {
    "sum": _sum,
    "product": _product,
    "bracket": lambda parts, _: parts[0],
    "neg": lambda parts, field: _product([-field.one, parts[0]], field),
    "inverse": _inverse,
    "transpose": lambda parts, _: [list(row) for row in zip(*parts[0], strict=True)],
    "det": _det,
    "rank": lambda parts, field: field.convert(_eliminated(parts[0], field)[2]),
    "tr": lambda parts, field: sum((row[i] for i, row in enumerate(parts[0])), field.zero),
    "largest": lambda parts, _: max(abs(entry) for row in parts[0] for entry in row),
    "diag": _diagonal,
    "blocks": lambda parts, field: _blocks(parts, field),
    "U": lambda parts, field: _shear(parts, field, lower=False),
    "L": lambda parts, field: _shear(parts, field, lower=True),
}


def _latex(tree: Tree) -> str:
    """Return a tree in LaTeX."""
    kind, *rest = tree
    if kind == "name":
        return latex_name(rest[0])
    if kind == "number":
        top, _, bottom = rest[0].partition("/")
        return f"\\tfrac{{{top}}}{{{bottom}}}" if bottom else top
    parts = [_latex(part) for part in rest]
    if kind == "sum":
        return "".join(
            part if k == 0 or part.startswith("-") else f"+ {part}"
            for k, part in enumerate(f"{part} " for part in parts)
        ).strip()
    if kind == "product":
        return " ".join(parts)
    if kind == "bracket":
        return f"\\left({parts[0]}\\right)"
    if kind == "blocks":
        return "\\begin{{pmatrix}} {} & {} \\\\ {} & {} \\end{{pmatrix}}".format(*parts)
    if kind in ("neg", "inverse", "transpose"):
        return {"neg": "-{}", "inverse": "{}^{{-1}}", "transpose": "{}^{{\\mathsf T}}"}[
            kind
        ].format(*parts)
    shown = {"det": "\\det", "tr": "\\operatorname{tr}", "U": "U", "L": "L"}
    function = shown.get(kind, f"\\operatorname{{{kind}}}")
    return f"{function}\\left({', '.join(parts)}\\right)"


def latex_name(name: str) -> str:
    """Return a name in LaTeX: ``W0'`` as W_{0}'."""
    stem = name.rstrip("'")
    letters, primes = stem.rstrip("0123456789"), name[len(stem) :]
    digits = stem[len(letters) :]
    base = letters if len(letters) == 1 else f"\\mathrm{{{letters}}}"
    return base + (f"_{{{digits}}}" if digits else "") + primes
