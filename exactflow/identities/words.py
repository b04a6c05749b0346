"""Words in noncommuting symbols: the free group ring over the rational numbers.

A sum of words has one normal form: cancel X X^-1 and X^-1 X, apply the relations that a
construction assumes, collect equal words. Matrices of blocks have sums of words as blocks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_short, to_fraction

__all__ = ["Relations", "WordMatrix", "WordSum", "as_sum", "from_sympy", "symbols"]

Letter = tuple[str, int]
Letters = tuple[Letter, ...]
Relations = Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class WordSum:
    """An element of the free group ring over QQ: words in symbols, with rational coefficients.

    >>> X, Y = symbols("X Y")
    >>> print((X + Y) * X.inverse() - 1, X**-2 * (X + 1) ** 2)
    Y X^-1 1 + 2 X^-1 + X^-1 X^-1
    >>> X * Y
    <WordSum X Y>
    """

    terms: tuple[tuple[Letters, Fraction], ...]

    @classmethod
    def collect(cls, terms: Iterable[tuple[Letters, Fraction]]) -> "WordSum":
        """Return the sum of the terms: words reduced, equal words collected."""
        total: dict[Letters, Fraction] = {}
        for word, coefficient in terms:
            reduced = _reduced(word)
            total[reduced] = total.get(reduced, Fraction(0)) + coefficient
        return cls(tuple(sorted((w, c) for w, c in total.items() if c)))

    def __add__(self, other: object) -> "WordSum":
        return WordSum.collect(self.terms + as_sum(other).terms)

    def __mul__(self, other: object) -> "WordSum":
        return WordSum.collect(
            (u + v, c * d) for u, c in self.terms for v, d in as_sum(other).terms
        )

    def __neg__(self) -> "WordSum":
        return self * -1

    def __sub__(self, other: object) -> "WordSum":
        return self + -as_sum(other)

    def __radd__(self, other: object) -> "WordSum":
        return as_sum(other) + self

    def __rmul__(self, other: object) -> "WordSum":
        return as_sum(other) * self

    def __rsub__(self, other: object) -> "WordSum":
        return as_sum(other) - self

    def inverse(self) -> "WordSum":
        """Return the inverse of a single word; a sum of words has none in the free group ring, and
        `InvalidInputError` is raised.
        """
        if len(self.terms) != 1:
            raise InvalidInputError(
                f"expected a single word, got {self}: the inverse of a sum is not a sum of words; "
                "name it by a symbol of its own and solve for another symbol"
            )
        ((word, coefficient),) = self.terms
        inverse = tuple((name, -sign) for name, sign in reversed(word))
        return WordSum(((inverse, 1 / coefficient),))

    def __pow__(self, exponent: int) -> "WordSum":
        base = self if exponent >= 0 else self.inverse()
        return _product([base] * abs(exponent))

    def modulo(self, relations: Relations) -> "WordSum":
        """Apply relations (x, y): c, which say that the neighbours x y are the number c."""
        terms = []
        for word, coefficient in self.terms:
            pairs = ((i, _pair(word, i)) for i in range(len(word) - 1))
            found = next(((i, pair) for i, pair in pairs if pair and pair in relations), None)
            if found is not None:
                place, pair = found
                coefficient *= relations[pair]
                word = word[:place] + word[place + 2 :]
            terms.append((word, coefficient))
        result = WordSum.collect(terms)
        return result if result == self else result.modulo(relations)

    def to_sympy(self) -> sympy.Expr:
        """Return the sum as an expression in noncommutative SymPy symbols."""
        total = sympy.Integer(0)
        for word, c in self.terms:
            factors = [sympy.Symbol(name, commutative=False) ** sign for name, sign in word]
            total += sympy.Rational(c.numerator, c.denominator) * sympy.Mul(*factors)
        return total

    def __str__(self) -> str:
        return " + ".join(map(_shown, self.terms)).replace("+ -", "- ") or "0"

    def __repr__(self) -> str:
        return f"<WordSum {self}>"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {sympy.latex(self.to_sympy())}$"


def _pair(word: Letters, i: int) -> tuple[str, str] | None:
    (x, first), (y, second) = word[i : i + 2]
    return (x, y) if first == second == 1 else None


def _reduced(word: Letters) -> Letters:
    stack: list[Letter] = []
    for name, sign in word:
        if stack and stack[-1] == (name, -sign):
            stack.pop()
        else:
            stack.append((name, sign))
    return tuple(stack)


def as_sum(value: object) -> WordSum:
    """Return a rational number of any kind, or a sum of words, as a sum of words."""
    if isinstance(value, WordSum):
        return value
    return WordSum.collect([((), to_fraction(value))])


def _shown(term: tuple[Letters, Fraction]) -> str:
    word, coefficient = term
    letters = " ".join(name if sign == 1 else f"{name}^-1" for name, sign in word)
    if abs(coefficient) == 1 and word:
        return letters if coefficient > 0 else f"-{letters}"
    return f"{coefficient} {letters}".strip()


def symbols(names: str) -> list[WordSum]:
    """Return one symbol for each name in a text."""
    return [WordSum(((((name, 1),), Fraction(1)),)) for name in names.split()]


def from_sympy(expression: sympy.Expr) -> WordSum:
    """Return the normal form of an expression in noncommutative SymPy symbols.

    Raises `InvalidInputError` for anything but rational numbers, noncommutative symbols, sums,
    products and integer powers (negative ones of single words only).

    >>> X, Y = sympy.symbols("X Y", commutative=False)
    >>> print(from_sympy((X + Y) ** 2 - X**2 - Y * X * Y**-1 * Y))
    X Y + Y Y
    """
    match expression:
        case sympy.Rational():
            return as_sum(expression)
        case sympy.Symbol(is_commutative=False):
            return symbols(expression.name)[0]
        case sympy.Add():
            return sum(map(from_sympy, expression.args), start=as_sum(0))
        case sympy.Mul():
            return _product(map(from_sympy, expression.args))
        case sympy.Pow() if expression.exp.is_Integer:
            base = from_sympy(expression.base)
            base = base.inverse() if expression.exp < 0 else base
            return _product([base] * abs(int(expression.exp)))
        case sympy.Basic():
            raise InvalidInputError(
                "expected sums, products and integer powers of noncommutative symbols and rational "
                f"numbers, got {format_short(expression)}"
            )
    return as_sum(expression)


def _product(factors: Iterable[WordSum]) -> WordSum:
    result = as_sum(1)
    for factor in factors:
        result = result * factor
    return result


@dataclass(frozen=True)
class WordMatrix:
    """A matrix of blocks, each a sum of words."""

    rows: tuple[tuple[WordSum, ...], ...]

    @classmethod
    def of(cls, rows: Iterable[Iterable]) -> "WordMatrix":
        """Return the block matrix with the given rows of sums of words and numbers."""
        return cls(tuple(tuple(as_sum(entry) for entry in row) for row in rows))

    def __matmul__(self, other: "WordMatrix") -> "WordMatrix":
        columns = list(zip(*other.rows, strict=True))
        return WordMatrix.of(
            [
                sum((x * y for x, y in zip(row, column, strict=True)), start=as_sum(0))
                for column in columns
            ]
            for row in self.rows
        )
