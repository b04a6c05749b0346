"""Identities between block matrices in noncommuting symbols, proved for all n.

Main results
------------
The constructions are identities between 2 x 2 block matrices whose blocks are words in symbols and
their inverses. Such an identity holds for matrices of every size n over every field (of
characteristic not 2 where a half occurs) as soon as it holds in the free group ring over QQ, where
a sum of words has one normal form.

How it is checked
-----------------
*For all n*: `Identity.prove` expands both sides and compares normal forms, block by block. A false
identity raises `RefutedError`, which shows the words that survive.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

from exactflow.errors import ExactFlowError, InvalidInputError
from exactflow.explanation.identity import Tree, identities
from exactflow.identities.words import WordMatrix, WordSum, as_sum, symbols

__all__ = ["Identity", "Proof", "RefutedError"]


class RefutedError(ExactFlowError):
    """An identity is false: some words survive in the difference of its sides."""


@dataclass(frozen=True)
class Proof:
    """The result of a successful `Identity.prove`."""

    name: str
    blocks: int
    words: int

    def __str__(self) -> str:
        return f"{self.name}: proved for all n ({self.blocks} blocks, {self.words} words compared)"


@dataclass(frozen=True)
class Identity:
    """An identity between block matrices, to be proved for all n.

    Parameters
    ----------
    name, statement, source : what it is called, says, and comes from.
    text : equations with commas between them, in the language of `exactflow.explanation.identity`,
        with the functions U, L, diag and blocks. One whose left side is a name defines it for those
        after it; the others are claimed. All other names are symbols.
    relations : pairs of neighbouring symbols whose product is assumed to be a number, as
        ("s", "e"): 0 for a row s and a column e.

    Examples
    --------
    >>> print(Identity("sum", "shears add up", "", "Z = X + Y, U(X) U(Y) = U(Z)").prove())
    sum: proved for all n (4 blocks, 4 words compared)
    """

    name: str
    statement: str
    source: str
    text: str
    relations: tuple[tuple[tuple[str, str], int], ...] = ()

    def expanded(self) -> list[tuple[WordMatrix, WordMatrix]]:
        """Return the two sides of each equation that is claimed, in words.

        Raises `InvalidInputError` where the text is none in that language.
        """
        values: dict[str, WordSum | WordMatrix] = {}
        claimed = []
        for equation in identities(self.text):
            if equation.left[0] == "name":
                values[equation.left[1]] = _words(equation.right, values)
            else:
                left, right = (_words(side, values) for side in (equation.left, equation.right))
                claimed.append((_as_matrix(left), _as_matrix(right)))
        return claimed

    def prove(self) -> Proof:
        """Expand both sides and compare normal forms.

        Raises `RefutedError` if they differ, and `InvalidInputError` for sides of two shapes.
        """
        surviving, blocks, words = [], 0, 0
        for left, right in self.expanded():
            shapes = [(len(side.rows), len(side.rows[0])) for side in (left, right)]
            if shapes[0] != shapes[1]:
                raise InvalidInputError(f"expected sides of one shape in blocks, got {shapes}")
            for i, (row, other) in enumerate(zip(left.rows, right.rows, strict=True)):
                for j, (x, y) in enumerate(zip(row, other, strict=True)):
                    difference = (x - y).modulo(dict(self.relations))
                    blocks, words = blocks + 1, words + len(y.terms)
                    if difference.terms:
                        surviving.append(f"block ({i}, {j}): {difference}")
        if surviving:
            raise RefutedError(
                f"expected {self.statement}; the difference of the sides has the surviving words "
                f"{'; '.join(surviving)}"
            )
        return Proof(self.name, blocks, words)


def _words(tree: Tree, values: Mapping[str, WordSum | WordMatrix]) -> WordSum | WordMatrix:
    """Return what an expression says; names without a value are symbols."""
    kind, *parts = tree
    if kind == "name":
        return values[parts[0]] if parts[0] in values else symbols(parts[0])[0]
    if kind == "number":
        return as_sum(parts[0])
    found: list = [_words(part, values) for part in parts]
    is_matrix = [isinstance(part, WordMatrix) for part in found]
    if any(is_matrix) and not (kind == "product" and all(is_matrix)):
        raise InvalidInputError(f"expected block matrices in products of such only, got a {kind}")
    match kind:
        case "bracket":
            return found[0]
        case "neg":
            return -found[0]
        case "inverse":
            return found[0].inverse()
        case "sum":
            return sum(found, start=as_sum(0))
        case "product":
            return reduce(lambda x, y: x @ y if isinstance(x, WordMatrix) else x * y, found)
        case "U":
            return WordMatrix.of([[1, found[0]], [0, 1]])
        case "L":
            return WordMatrix.of([[1, 0], [found[0], 1]])
        case "blocks" if len(found) == 4:
            return WordMatrix.of([found[:2], found[2:]])
        case "diag":
            places = range(len(found))
            return WordMatrix.of([[found[i] if i == j else 0 for j in places] for i in places])
    raise InvalidInputError(f"expected sums, products, U, L, diag and blocks of four, got {kind}")


def _as_matrix(side: WordSum | WordMatrix) -> WordMatrix:
    return side if isinstance(side, WordMatrix) else WordMatrix.of([[side]])
