"""The identities behind the constructions, each proved for all n by expanding it.

Main results
------------
The constructions are identities between 2 x 2 block matrices whose blocks are words in symbols and
their inverses. Such an identity holds for matrices of every size n over every field (of
characteristic not 2 where a half occurs) as soon as it holds in the free group ring over QQ, where
a sum of words has one normal form.

`IDENTITIES` is the table, read from ``identities.toml``. In each identity the symbols stand for
n x n matrices (those in relations: also for columns and rows), those whose inverse occurs for
invertible ones; everything else is defined by them, once and before its use. The hypotheses under
which the symbols exist (a commutator, a transvection) are the theorems that the modules of
`exactflow.linear.factor` and `exactflow.floats.balancing` construct.

How it is checked
-----------------
*For all n*: `Identity.prove` evaluates both sides in the free ring of `exactflow.explanation.words`
by the evaluator that instances use, and compares them block by block. A false identity raises
`FalseIdentityError`, which shows the words that survive.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files as resources
from typing import Any

from sympy import QQ

from exactflow.errors import InvalidInputError, VerificationError
from exactflow.exact.typing import Element
from exactflow.explanation.identity import (
    ShownIdentity,
    Tree,
    evaluate,
    identities,
    names_in,
    rename,
)
from exactflow.explanation.words import FreeRing, Words


class FalseIdentityError(VerificationError):
    """An identity is false: some words survive in the difference of its sides."""


@dataclass(frozen=True)
class Proof:
    """The result of a successful `Identity.prove`.

    `hypotheses` are the relations, and which symbols and integers have to be invertible.
    """

    name: str
    blocks: int
    words: int
    hypotheses: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f", where {' and '.join(self.hypotheses)}" if self.hypotheses else ""
        compared = f"{self.blocks} blocks, {self.words} words compared"
        return f"{self.name}: proved for all n{where} ({compared})"


@dataclass(frozen=True)
class Identity:
    """An identity between block matrices, to be proved for all n.

    Parameters
    ----------
    name, statement, source : what it is called, says, and comes from.
    text : equations with commas between them, in the language of `exactflow.explanation.identity`,
        with the functions U, L, diag and blocks. One whose left side is a name defines it, once and
        before its use; the others are claimed. All other names are symbols. A claim about a name
        alone has it in brackets, as "(D) = 1 + Z Y".
    relations : products of two symbols that are assumed to be numbers, in the same language, as
        "s e = 0" for a row s and a column e.

    Examples
    --------
    >>> print(Identity("sum", "shears add up", "", "Z = X + Y, U(X) U(Y) = U(Z)").prove())
    sum: proved for all n (4 blocks, 4 words compared)
    >>> print(Identity("swap", "", "", "U(X) L(-X^-1) U(X) = blocks(0, X, -X^-1, 0)").prove())
    swap: proved for all n, where X is invertible (4 blocks, 2 words compared)
    """

    name: str
    statement: str
    source: str
    text: str
    relations: str = ""

    def prove(self) -> Proof:
        """Expand both sides of what is claimed and compare normal forms.

        Raises `FalseIdentityError` if they differ, and `InvalidInputError` for sides of two shapes,
        for a text that claims nothing or is none in that language, and for a name that is defined
        twice, by itself, or after its use.
        """
        values, ring = self.define()
        surviving, compared, words = [], 0, 0
        for claim in (equation for equation in _equations(self.text) if not _defined(equation)):
            left, right = map(_blocks, claim.sides(values, ring))
            compared += len(right)
            words += sum(len(block.terms) for block in right.values())
            rest = {place: left[place] - block for place, block in right.items()}
            surviving += [f"block {place}: {block}" for place, block in rest.items() if block]
        if not compared:
            raise InvalidInputError(
                f"expected a text that claims something, got definitions only: {self.text!r}; a "
                "claim about a name has it in brackets, as '(D) = 1 + Z Y'"
            )
        if surviving:
            raise FalseIdentityError(
                f"expected {self.statement or self.text}; the difference of the sides has the "
                f"surviving words {'; '.join(surviving)}"
            )
        return Proof(self.name, compared, words, _state_hypotheses(ring, self.relations))

    def define(self) -> tuple[dict[str, Any], FreeRing]:
        """Return the values of all names in the text, defined in order, and their free ring."""
        ring = self._build_ring()
        values = {name: [[ring.symbol(name)]] for pair in ring.numbers for name in pair}
        for equation in _equations(self.text):
            name = _defined(equation)
            for side in (equation.right,) if name else (equation.left, equation.right):
                for used in names_in(side):
                    values.setdefault(used, [[ring.symbol(used)]])
            if name in values:
                raise InvalidInputError(
                    f"expected '{equation}' to define a new name, got {name}, which is defined or "
                    f"used before: define it once, before its use; a claim is '({name}) = ..'"
                )
            if name:
                values[name] = evaluate(equation.right, values, ring)
        return values, ring

    def rename(self, names: Mapping[str, str]) -> "Identity":
        """Return the identity with other names in its text and relations."""
        text, relations = (rename(part, names) for part in (self.text, self.relations))
        return replace(self, text=text, relations=relations)

    def _build_ring(self) -> FreeRing:
        """Return the ring in which each related pair of symbols is its number."""
        numbers: dict[tuple[str, str], Element] = {}
        ring = FreeRing()
        for relation in _equations(self.relations) if self.relations else ():
            match relation.left, [*names_in(relation.right)]:
                case ("product", ("name", a), ("name", b)), [] if (a, b) not in numbers:
                    number = evaluate(relation.right, {}, ring)
                case _:
                    number = None
            if not isinstance(number, Words):
                raise InvalidInputError(
                    "expected two symbols and their number, once, as in 's e = 0', got "
                    f"'{relation}'"
                )
            numbers[a, b] = number.terms.get((), QQ.zero)
        found = FreeRing(numbers)
        found.divisors |= ring.divisors
        return found


def _state_hypotheses(ring: FreeRing, relations: str) -> tuple[str, ...]:
    """Return the hypotheses in words: what was divided by, and the relations."""
    found = [" ".join(relations.split())] if relations else []
    if ring.divisors:
        *others, last = sorted(ring.divisors)
        are = f"{', '.join(others)} and {last} are" if others else f"{last} is"
        found.insert(0, f"{are} invertible")
    return tuple(found)


def _equations(text: str) -> tuple[ShownIdentity, ...]:
    found = identities(text)
    for equation in found:
        if equation.relation != "=" or not all(map(_is_of_words, (equation.left, equation.right))):
            raise InvalidInputError(
                "expected equations in sums, products, inverses, U, L, diag and blocks, got "
                f"'{equation}'"
            )
    return found


def _is_of_words(tree: Tree) -> bool:
    """Whether a tree has no function of a field, such as a determinant or a transpose."""
    kind, *parts = tree
    if kind in ("name", "number", "identity"):
        return True
    operations = "sum", "product", "bracket", "neg", "inverse", "U", "L", "diag", "blocks"
    return kind.rstrip("'") in operations and all(map(_is_of_words, parts))


def _defined(equation: ShownIdentity) -> str:
    """Return the name that an equation defines, "" for a claim."""
    kind, name, *_ = equation.left
    return name if kind == "name" else ""


def _blocks(side: Any) -> dict[tuple[int, int], Words]:
    """Return the blocks of a side, by their places."""
    rows = side if isinstance(side, list) else [[side]]
    return {(i, j): words for i, row in enumerate(rows) for j, words in enumerate(row)}


_KMR = "Koehler, Mehta, Risteski, ICML 2021 (a bounded number of layers)"
_ROWS = tomllib.loads(
    resources("exactflow.explanation").joinpath("identities.toml").read_text("utf-8")
)

IDENTITIES: dict[str, Identity] = {
    name: Identity(name, **row | {"source": row["source"].replace("KMR", _KMR)})
    for name, row in _ROWS.items()
}
