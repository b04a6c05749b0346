"""Identities between matrices: one text that is displayed, typeset, and evaluated.

A step of an explanation displays a text such as ``"P N = G^-1 P G"``, and the check of the step
evaluates the same text. So a displayed formula cannot differ from the checked formula. The language
has

- names of matrices and scalars, as ``W0`` or ``C'``, and numbers, as ``2`` or ``1/2``; in a sum
  with matrices, a number x stands for x times the identity matrix ``I``;
- sums, products by juxtaposition, brackets, ``^-1`` and ``^T``;
- ``det(X)``, ``tr(X)``, ``rank(X)``, ``largest(X)`` (the largest absolute value of an entry), and
  ``minors(X, k)``, the row of the principal minors of X of size k;
- ``diag(X, Y, ..)``, ``blocks(A, B, C, D)`` = [[A, B], [C, D]], and the shears ``U(X)`` =
  [[I, X], [0, I]] and ``L(Y)`` = [[I, 0], [Y, I]];
- one of ``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=`` between two such expressions; an inequality
  between matrices means that each pair of entries satisfies it;
- commas between several identities.

The name of a function, or ``I``, may have primes, as ``U'(X)``, and then has the same meaning: a
proof adds primes if the user's matrix has a symbol of this name.

How it is checked
-----------------
*Exact*, by schoolbook arithmetic on lists of elements of the field. The constructions compute in
FLINT, and share no code with this arithmetic. Sums, products, inverses and blocks are also correct
for elements that do not commute: `exactflow.explanation.symbolic_identities` evaluates them in a
free ring. The other functions and ``^T`` need a field.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import accumulate, chain, combinations, pairwise
from typing import Any, TypeAlias

import sympy
from flint import fmpz  # reads integers of any length
from sympy import QQ, ZZ, Symbol
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import Element

Rows: TypeAlias = list[list]
"""A matrix, as the list of its rows."""

RowsOrElement: TypeAlias = Rows | Element
Tree: TypeAlias = tuple
"""A parsed expression: its kind, followed by its parts, which are trees or one text."""

_NAME = r"[A-Za-z][A-Za-z0-9_]*'*"
_LETTER = re.compile(rf"(?<!\^){_NAME}")
_TOKEN = re.compile(rf"\^-1(?![0-9])|\^T(?!\w)|[0-9]+(?:/[0-9]+)?|{_NAME}|[!<>=]=|\S")
_FUNCTIONS = {
    "det": 1, "tr": 1, "rank": 1, "largest": 1, "minors": 2, "U": 1, "L": 1, "blocks": 4, "diag": 0,
}  # fmt: skip
"""The functions, each with the number of its arguments; 0 stands for one or more."""
_IDENTITY = "I"
_GREEK = "alpha", "beta", "delta", "tau", "Delta", "Sigma", "Theta"
_SMALL = 12
"""Products over QQ use common denominators only if the left factor has at least this many rows."""

_DEEPEST = 100
"""The greatest depth of brackets, which is far below the limit of Python's recursion."""

_RELATIONS: dict[str, tuple[Callable, str]] = {
    "=": (operator.eq, "="),
    "!=": (operator.ne, "\\neq"),
    "<": (operator.lt, "<"),
    "<=": (operator.le, "\\leq"),
    ">": (operator.gt, ">"),
    ">=": (operator.ge, "\\geq"),
}


_REMEDIES = {
    **dict.fromkeys("*@", "write a product without a sign, as A B"),
    "^": "the exponents are ^-1 and ^T; write a square as A A",
    "/": "write a quotient of matrices as A B^-1",
    "==": "write =",
    ".": "write numbers as 3/2, and a transpose as A^T",
    "[": "write brackets as (A + B), and a block matrix as blocks(A, B, C, D)",
}
"""What to write in place of the signs of other languages."""


@dataclass(frozen=True)
class ParsedIdentity:
    """Two sides, as trees, and the relation between them, one of ``= != < <= > >=``."""

    text: str
    left: Tree
    relation: str
    right: Tree

    def evaluate_sides(
        self, values: Mapping[str, Any], field: Any
    ) -> tuple[RowsOrElement, RowsOrElement]:
        """Return the values of both sides: two numbers, or two matrices of one shape."""
        kind, *arguments = self.left
        # A rank is compared with a number as an integer, also over GF(p).
        if kind.rstrip("'") == "rank" and self.right[0] == "number":
            matrix = evaluate_tree(arguments[0], values, field)
            return _echelon_form_det_rank(matrix, field)[2], QQ(self.right[1])
        left, right = (evaluate_tree(side, values, field) for side in (self.left, self.right))
        return _to_one_shape(left, right, field)

    def holds(self, values: "Mapping[str, DomainMatrix | Element]", field: Any) -> bool:
        """Whether the identity holds with these values of the names, over `field`."""
        compare, _ = _RELATIONS[self.relation]
        left, right = self.evaluate_sides(values, field)
        if self.relation in ("=", "!=") or not isinstance(left, list):
            return bool(compare(left, right))
        pairs = zip(chain(*left), chain(*right), strict=True)
        return all(compare(a, b) for a, b in pairs)

    def latex(self) -> str:
        """Return the identity in LaTeX."""
        return f"{_tree_latex(self.left)} {_RELATIONS[self.relation][1]} {_tree_latex(self.right)}"

    def __str__(self) -> str:
        return self.text


def parse_comma_separated_identities(text: str) -> tuple[ParsedIdentity, ...]:
    """Parse a text of identities with commas between them."""
    text = " ".join(text.split())
    depths = list(accumulate((sign == "(") - (sign == ")") for sign in text))
    if max(depths, default=0) > _DEEPEST or re.search(rf"( ?\^(-1|T)){{{_DEEPEST}}}", text):
        raise InvalidInputError(
            f"an identity can have brackets at most {_DEEPEST} deep, and fewer than {_DEEPEST} "
            "exponents on one factor: introduce a name for a part of the text"
        )
    outside = [k for k, depth in enumerate(depths) if text[k] == "," and not depth]
    places = pairwise([-1, *outside, len(text)])
    return tuple(
        _Parser(text[before + 1 : end].strip()).parse_sides_and_relation() for before, end in places
    )


def is_unreserved_name(text: str) -> bool:
    """Whether a text is a name in the language, other than I and the names of functions."""
    reserved = {*_FUNCTIONS, _IDENTITY}
    return re.fullmatch(_NAME, text) is not None and text.rstrip("'") not in reserved


def rename_in_formula(text: str, names: Mapping[str, str]) -> str:
    """Return a formula in which each key of `names` is replaced by its value.

    >>> rename_in_formula("U(X) Y = X^-1", {"X": "A", "Y": "X"})
    'U(A) X = A^-1'
    """
    return _LETTER.sub(lambda name: names.get(name[0], name[0]), text)


def names_and_functions_in_formula(text: str) -> list[str]:
    """Return all names in a formula in order, with repeats.

    The names of functions, and I, are included.
    """
    return _LETTER.findall(text)


def names_in_tree(tree: Tree) -> Iterator[str]:
    """Yield the names in a tree from left to right, with repeats, without functions and I."""
    kind, *parts = tree
    if kind == "name":
        yield parts[0]
    elif kind not in ("number", "identity"):
        for part in parts:
            yield from names_in_tree(part)


def formula_latex(text: str) -> str:
    """Return a formula in LaTeX. A text that is not in the language is typeset token by token.

    >>> formula_latex("G^-1 P"), formula_latex("det(M) < 0"), formula_latex("w(x) k^r")
    ('G^{-1} P', '\\\\det\\\\left(M\\\\right) < 0', 'w(x) k^{r}')
    """
    is_identity = any(sign in text for sign in "=<>")
    try:
        found = parse_comma_separated_identities(text if is_identity else f"{text} = 0")
    except InvalidInputError:
        return sympy_text_latex(text)
    return (
        ", ".join(map(ParsedIdentity.latex, found)) if is_identity else _tree_latex(found[0].left)
    )


_SIGN = re.compile(
    rf"(\.T)\b|sqrt\((\w+)\)|\*\*\(([^()]+)\)|(?:\*\*|\^)(-?\w+)|({_NAME})|[!<>]=|\.\.+|\*|."
)
_SIGNS = {
    "*": " ", "!=": "\\neq ", "<=": "\\leq ", ">=": "\\geq ",
    "{": "\\{", "}": "\\}", "\\": "\\backslash ",
    "$": "\\$", "&": "\\&", "#": "\\#", "%": "\\%", "_": "\\_", "~": "\\sim ", "^": "\\wedge ",
}  # fmt: skip


def sympy_text_latex(text: str) -> str:
    """Translate an expression from the notation of SymPy into LaTeX, token by token.

    >>> sympy_text_latex("a*t**12 > 1"), sympy_text_latex("QQ<sqrt(2)>"), sympy_text_latex("x_1")
    ('a t^{12} > 1', '\\\\mathbb{Q}<\\\\sqrt{2}>', 'x_{1}')
    """

    def token_latex(token: re.Match) -> str:
        transposed, root, bracket, power, name = token.groups()
        if transposed:
            # The braces {} separate this exponent from a following exponent.
            return "^{\\mathsf T}{}"
        if root:
            return f"\\sqrt{{{user_symbol_latex(root)}}}"
        if bracket or power:
            return f"^{{{sympy_text_latex(bracket or power)}}}"
        if name:
            return user_symbol_latex(name)
        return "\\ldots " if token[0].startswith("..") else _SIGNS.get(token[0], token[0])

    return _SIGN.sub(token_latex, text)


def user_symbol_latex(name: str) -> str:
    """Return a user's symbol in LaTeX, as SymPy typesets it."""
    if name in ("QQ", "ZZ"):
        return f"\\mathbb{{{name[0]}}}"
    if re.fullmatch(r"[A-Za-z0-9_]+'*", name) is None:
        return f"\\mathrm{{{re.sub('.', lambda sign: _SIGNS.get(sign[0], sign[0]), name)}}}"
    stem = name.rstrip("'")
    return sympy.latex(Symbol(stem)) + name[len(stem) :]


class _Parser:
    """A recursive-descent parser of one identity. The methods consume the tokens they parse."""

    def __init__(self, text: str) -> None:
        self.text, self.rest = text, _TOKEN.findall(text)

    @property
    def next_token(self) -> str:
        return self.rest[0] if self.rest else ""

    def take_token(self, expected_in_words: str, is_expected: Callable[[str], Any]) -> str:
        if not self.rest or not is_expected(self.next_token):
            found = repr(self.next_token) if self.rest else "the end of the text"
            remedy = _REMEDIES.get(self.next_token)
            raise InvalidInputError(
                f"expected {expected_in_words} in {self.text!r}, got {found}"
                + (f": {remedy}" if remedy else "")
            )
        return self.rest.pop(0)

    def parse_sides_and_relation(self) -> ParsedIdentity:
        left = self.parse_sum()
        relation = self.take_token("a relation", _RELATIONS.__contains__)
        right = self.parse_sum()
        if self.rest:
            self.take_token("the end of the identity", lambda token: False)
        return ParsedIdentity(self.text, left, relation, right)

    def parse_sum(self) -> Tree:
        terms = [self.parse_signed_product()]
        while self.next_token in ("+", "-"):
            terms.append(self.parse_signed_product())
        return terms[0] if len(terms) == 1 else ("sum", *terms)

    def parse_signed_product(self) -> Tree:
        sign = self.rest.pop(0) if self.next_token in ("+", "-") else "+"
        factors = [self.parse_atom_with_inverses_and_transposes()]
        while self.next_token and self.next_token[0] not in "+-)=!<>,":
            factors.append(self.parse_atom_with_inverses_and_transposes())
        product = factors[0] if len(factors) == 1 else ("product", *factors)
        return ("neg", product) if sign == "-" else product

    def parse_atom_with_inverses_and_transposes(self) -> Tree:
        atom = self.parse_atom()
        while self.next_token in ("^-1", "^T"):
            atom = ("inverse" if self.rest.pop(0) == "^-1" else "transpose", atom)
        return atom

    def parse_atom(self) -> Tree:
        token = self.take_token("a name or a number", re.compile(rf"[0-9]|\(|{_NAME}").match)
        if token[0].isdigit():
            return ("number", token)
        stem = token.rstrip("'")
        if stem == _IDENTITY:
            return ("identity", token)
        is_function = self.next_token == "(" and stem in _FUNCTIONS
        if token != "(" and not is_function:
            return ("name", token)
        if is_function:
            self.rest.pop(0)  # the bracket before the arguments
        parts = [self.parse_sum()]
        while is_function and self.next_token == ",":
            self.rest.pop(0)
            parts.append(self.parse_sum())
        self.take_token(")", ")".__eq__)
        count = _FUNCTIONS.get(stem, 1)
        if count and len(parts) != count:
            shown = "one argument" if count == 1 else f"{count} arguments"
            raise InvalidInputError(f"expected {shown} after {token} in {self.text!r}")
        if stem == "minors" and not (parts[1][0] == "number" and parts[1][1].isdigit()):
            raise InvalidInputError(f"expected minors(X, k) with an integer k in {self.text!r}")
        return (token if is_function else "bracket", *parts)


def evaluate_tree(tree: Tree, values: Mapping[str, Any], field: Any) -> RowsOrElement:
    """Return the value of a tree: the rows of a matrix, or an element of the field.

    `values` are the values of the names. `field` can be a ring whose elements do not commute, if
    the tree has only sums, products, inverses and blocks.
    """
    kind, *rest = tree
    if kind == "number":
        top, _, bottom = rest[0].partition("/")
        return field.convert(int(fmpz(top))) / field.convert(int(fmpz(bottom or 1)))
    if kind == "identity":
        return field.one
    if kind.rstrip("'") == "minors":
        return _row_of_all_principal_minors(
            evaluate_tree(rest[0], values, field), int(fmpz(rest[1][1])), field
        )
    if kind != "name":
        return _OPERATIONS[kind.rstrip("'")](
            field, *(evaluate_tree(part, values, field) for part in rest)
        )
    if rest[0] not in values:
        raise InvalidInputError(
            f"the name {rest[0]!r} in the identity has no value: add it to the values"
        )
    value = values[rest[0]]
    if isinstance(value, DomainMatrix):
        return value.convert_to(field).to_dense().to_list()
    return field.convert(value)


def _add(left: Any, right: Any, field: Domain) -> Any:
    left, right = _to_one_shape(left, right, field)
    if not isinstance(left, list):
        return left + right
    pairs = zip(left, right, strict=True)
    return [[a + b for a, b in zip(*rows, strict=True)] for rows in pairs]


def _multiply(left: Any, right: Any, field: Domain) -> Any:
    if isinstance(left, list) and isinstance(right, list):
        if len(left[0]) != len(right):
            raise InvalidInputError(
                f"expected a right factor with {len(left[0])} rows, as many as the left factor has "
                f"columns, got {len(right)}"
            )
        columns = list(zip(*right, strict=True))
        if len(left) >= _SMALL and field == QQ:
            return _multiply_over_QQ(left, columns)
        return [
            [
                sum((a * b for a, b in zip(row, column, strict=True) if a and b), field.zero)
                for column in columns
            ]
            for row in left
        ]
    if not isinstance(left, list) and not isinstance(right, list):
        return left * right
    if isinstance(left, list):
        return [[entry * right for entry in row] for row in left]
    return [[left * entry for entry in row] for row in right]


def _multiply_over_QQ(rows_of_left: Rows, columns_of_right: list[tuple]) -> Rows:
    """Return the product of two matrices over QQ.

    Each row of the left factor, and each column of the right factor, is brought to a common
    denominator.
    """
    left, right = (
        [*map(_to_numerators_and_common_denominator, lines)]
        for lines in (rows_of_left, columns_of_right)
    )
    return [[QQ(sum(map(operator.mul, x, y)), a * b) for y, b in right] for x, a in left]


def _to_numerators_and_common_denominator(entries: Sequence[Element]) -> tuple[list, Any]:
    common = reduce(ZZ.lcm, (entry.denominator for entry in entries), ZZ.one)
    return [entry.numerator * (common // entry.denominator) for entry in entries], common


def _to_one_shape(left: Any, right: Any, field: Domain) -> tuple[Any, Any]:
    """Return two numbers unchanged, and any other two values as two matrices of one shape.

    If one value is a number x and the other a matrix, x becomes x I.
    """
    if isinstance(left, list) and isinstance(right, list):
        shapes = [f"{len(rows)} x {len(rows[0])}" for rows in (left, right)]
        if shapes[0] != shapes[1]:
            raise InvalidInputError(f"expected matrices of one shape, got {' and '.join(shapes)}")
        return left, right
    if isinstance(left, list) == isinstance(right, list):
        return left, right
    if not isinstance(left, list):
        return _to_one_shape(right, left, field)[::-1]
    if right and len(left) != len(left[0]):
        raise InvalidInputError(
            "a nonzero number cannot be added to or compared with a matrix that is not square, "
            "since a number x stands for x times the identity matrix: use matrices of one shape"
        )
    return left, _rectangular_scalar_matrix(right, len(left), len(left[0]), field)


def _rectangular_scalar_matrix(value: Element, m: int, n: int, field: Domain) -> Rows:
    """Return the m x n matrix with the value in each diagonal entry, and zeros elsewhere."""
    return [[value if i == j else field.zero for j in range(n)] for i in range(m)]


def _echelon_form_det_rank(matrix: Rows, field: Domain) -> tuple[Rows, Element, int]:
    """Return the reduced row echelon form, the determinant, and the rank.

    If the matrix is not square, the second result has no meaning.
    """
    rows, det, rank = [list(row) for row in matrix], field.one, 0
    for column in range(len(rows[0])):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        if pivot != rank:
            rows[rank], rows[pivot], det = rows[pivot], rows[rank], -det
        lead = rows[rank][column]
        det, inverse = det * lead, field.one / lead
        rows[rank] = [inverse * entry for entry in rows[rank]]
        for i, row in enumerate(rows):
            if i != rank and (factor := row[column]):
                rows[i] = [a - factor * b for a, b in zip(row, rows[rank], strict=True)]
        rank += 1
    return rows, det if rank == len(rows) else field.zero, rank


def _row_of_all_principal_minors(matrix: Rows, size: int, field: Domain) -> Rows:
    """Return all principal minors of the given size, as a matrix with one row.

    The minors are in the lexicographic order of their sets of coordinates.
    """
    if not 1 <= size <= len(matrix):
        raise InvalidInputError(
            f"expected minors of a size from 1 to {len(matrix)}, got {format_short(size)}"
        )
    chosen = combinations(range(len(matrix)), size)
    parts = [[[matrix[i][j] for j in kept] for i in kept] for kept in chosen]
    return [[_echelon_form_det_rank(part, field)[1] for part in parts]]


def _invert(field: Domain, value: Any) -> Any:
    if not isinstance(value, list):
        return field.one / value
    n = len(value)
    if len(value[0]) != n:
        raise InvalidInputError(f"expected a square matrix before ^-1, got {n} x {len(value[0])}")
    one = _rectangular_scalar_matrix(field.one, n, n, field)
    rows, _, _ = _echelon_form_det_rank(
        [row + unit for row, unit in zip(value, one, strict=True)], field
    )
    if [row[:n] for row in rows] != one:
        raise InvalidInputError("expected an invertible matrix before ^-1, got a singular matrix")
    return [row[n:] for row in rows]


def _assemble_blocks(field: Domain, grid: list[list]) -> Rows:
    """Return the matrix with the given grid of blocks. A number x in the grid stands for x I."""
    found = [(i, j, part) for i, row in enumerate(grid) for j, part in enumerate(row)]
    high = {i: len(part) for i, _, part in found if isinstance(part, list)}
    wide = {j: len(part[0]) for _, j, part in found if isinstance(part, list)}
    rows = []
    for i, parts in enumerate(grid):
        m = high.get(i, wide.get(i, 1))
        blocks = []
        for j, part in enumerate(parts):
            n = wide.get(j, high.get(j, 1))
            filled = (
                part if isinstance(part, list) else _rectangular_scalar_matrix(part, m, n, field)
            )
            if (len(filled), len(filled[0])) != (m, n) or (filled is not part and part and m != n):
                shown = "a number" if filled is not part else f"{len(part)} x {len(part[0])}"
                raise InvalidInputError(f"expected a block of {m} x {n} at {i, j}, got {shown}")
            blocks.append(filled)
        rows += [list(chain(*row)) for row in zip(*blocks, strict=True)]
    return rows


def _assemble_diagonal_blocks(field: Domain, *parts: Any) -> Rows:
    places = range(len(parts))
    return _assemble_blocks(
        field, [[parts[i] if i == j else field.zero for j in places] for i in places]
    )


_OPERATIONS: dict[str, Callable] = {
    "sum": lambda field, *parts: reduce(partial(_add, field=field), parts),
    "product": lambda field, *parts: reduce(partial(_multiply, field=field), parts),
    "bracket": lambda _, part: part,
    "neg": lambda field, part: _multiply(-field.one, part, field),
    "inverse": _invert,
    "transpose": lambda _, matrix: [list(row) for row in zip(*matrix, strict=True)],
    "det": lambda field, matrix: _echelon_form_det_rank(matrix, field)[1],
    "rank": lambda field, matrix: field.convert(_echelon_form_det_rank(matrix, field)[2]),
    "tr": lambda field, matrix: sum((row[i] for i, row in enumerate(matrix)), field.zero),
    "largest": lambda _, matrix: max(abs(entry) for row in matrix for entry in row),
    "diag": _assemble_diagonal_blocks,
    "blocks": lambda field, A, B, C, D: _assemble_blocks(field, [[A, B], [C, D]]),
    "U": lambda field, X: _assemble_blocks(field, [[field.one, X], [field.zero, field.one]]),
    "L": lambda field, Y: _assemble_blocks(field, [[field.one, field.zero], [Y, field.one]]),
}
_LATEX = {
    "bracket": "\\left({}\\right)",
    "neg": "-{}",
    "inverse": "{}^{{-1}}",
    "transpose": "{}^{{\\mathsf T}}",
    "blocks": "\\begin{{pmatrix}} {} & {} \\\\ {} & {} \\end{{pmatrix}}",
}
_FUNCTION_LATEX = {"det": "\\det", "U": "U", "L": "L"}


def _tree_latex(tree: Tree) -> str:
    """Return a tree in LaTeX."""
    kind, *rest = tree
    if kind in ("name", "identity"):
        return name_latex(rest[0])
    if kind == "number":
        top, _, bottom = rest[0].partition("/")
        return f"\\tfrac{{{top}}}{{{bottom}}}" if bottom else top
    first, *others = parts = [_tree_latex(part) for part in rest]
    if kind == "sum":
        return " ".join([first, *(part if part[0] == "-" else f"+ {part}" for part in others)])
    if kind == "product":
        return " ".join(parts)
    stem = kind.rstrip("'")
    if stem in _LATEX:
        return _LATEX[stem].format(*parts)
    name = _FUNCTION_LATEX.get(stem, f"\\operatorname{{{stem}}}") + kind[len(stem) :]
    return f"{name}\\left({', '.join(parts)}\\right)"


def name_latex(name: str) -> str:
    """Return a name in LaTeX: ``W_{0}'`` for ``W0'``, and the Greek letter for ``alpha``."""
    stem = name.rstrip("'")
    letters, primes = stem.rstrip("0123456789"), name[len(stem) :]
    digits = stem[len(letters) :]
    upright = letters.replace("_", "\\_")
    base = letters if len(letters) == 1 else f"\\mathrm{{{upright}}}"
    base = f"\\{letters}" if letters in _GREEK else base
    return base + (f"_{{{digits}}}" if digits else "") + primes
