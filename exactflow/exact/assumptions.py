"""Signs of quotients of polynomials, by SymPy's assumptions on symbols and by inequalities.

Main results
------------
Positive means real and positive. A plain ``Symbol("t")`` is a complex number: neither it nor its
square has a sign. A symbol in a strict inequality is real. Signs are generic: they hold at all
values at which numerators and denominators do not vanish.

The sign of a polynomial in one real symbol with rational coefficients is decided by its values at
one point in each interval between the roots of the polynomial and of all inequalities. For other
polynomials a bound x > b that is linear in x is substituted as x = b + u with u positive, and
positive expressions are divided out. If SymPy then finds no sign, the sign is unknown.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import TypeAlias

import sympy
from sympy import Dummy, Expr, Poly, Rational, Symbol
from sympy.core.relational import GreaterThan, LessThan, StrictGreaterThan, StrictLessThan
from sympy.logic.boolalg import Boolean
from sympy.polys.domains.domain import Domain

from exactflow.errors import InvalidInputError
from exactflow.exact.algebraic import is_positive_if_real_number
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import Element

StrictInequality: TypeAlias = StrictGreaterThan | StrictLessThan
"""A relation of SymPy, such as ``t > 1``."""


@dataclass(frozen=True)
class Assumptions:
    """Strict inequalities between quotients of polynomials in real symbols.

    >>> t = sympy.Symbol("t")
    >>> assumed = Assumptions.from_inequalities([t > 1, t**2 < 9])
    >>> assumed.format_for_and_unless_clauses([t - 1, t - 2])
    ', for t > 1 and t**2 < 9, unless t = 2'
    """

    relations: tuple[Boolean, ...] = ()

    @classmethod
    def from_inequalities(
        cls, relations: Iterable[StrictInequality] | StrictInequality
    ) -> "Assumptions":
        """Return the assumptions of one inequality or of a list such as ``[t > 1, s < t]``.

        Raises `InvalidInputError` for other values, and for inequalities that contradict each
        other.
        """
        if isinstance(relations, Boolean):
            relations = [relations]
        if isinstance(relations, str) or not isinstance(relations, Iterable):
            raise _not_strict_error(relations)
        listed = tuple(relation for relation in relations if relation is not sympy.true)
        for relation in listed:
            is_strict = isinstance(relation, StrictInequality)
            if not is_strict and relation is not sympy.false:
                raise _not_strict_error(relation)
            if relation.has(sympy.Float, sympy.oo, -sympy.oo):
                raise InvalidInputError(
                    f"expected an inequality of exact numbers, got {format_short(relation)}: write "
                    "Rational(1, 2) for 0.5, and omit infinite bounds"
                )
            if not all(side.is_rational_function() for side in relation.args):
                raise InvalidInputError(
                    "expected an inequality of quotients of polynomials, got "
                    f"{format_short(relation)}: replace other functions by symbols"
                )
            if is_strict and not all(f.is_real for f in cls((relation,))._positive_polynomials):
                raise InvalidInputError(
                    f"expected an inequality of real numbers, got {format_short(relation)}: give "
                    "symbols to real and imaginary parts"
                )
        if sympy.false in listed or (found := cls(listed))._is_known_contradictory:
            raise InvalidInputError(
                f"expected inequalities with a common solution, got {format_short([*listed])}, "
                "which have none: omit one"
            )
        return found

    @cached_property
    def _real_replacements(self) -> dict[Expr, Expr]:
        """A dict from each symbol that only the inequalities make real to its real replacement."""
        symbols = set[Symbol]().union(*(relation.free_symbols for relation in self.relations))
        return {
            s: Dummy(s.name, **(s.assumptions0 | {"real": True}))
            for s in symbols
            if s.is_real is None
        }

    @cached_property
    def _positive_polynomials(self) -> tuple[Expr, ...]:
        """The polynomials that the inequalities state to be positive."""
        sides = (relation.gts - relation.lts for relation in self.relations)
        parts = (
            sympy.fraction(sympy.together(side.xreplace(self._real_replacements))) for side in sides
        )
        return tuple(sympy.expand(above * below) for above, below in parts)

    @cached_property
    def _real_symbols(self) -> frozenset[Symbol]:
        """The real symbols in the polynomials that the inequalities state to be positive."""
        return frozenset(s for f in self._positive_polynomials for s in f.free_symbols if s.is_real)

    @cached_property
    def _bound_substitutions_and_other_positives(
        self,
    ) -> tuple[list[tuple[Symbol, Expr]], list[Expr]]:
        """Two lists. The first has pairs (x, b + u), to be substituted in order: the symbol x has a
        linear bound x > b, and u is a positive symbol. The second has the other polynomials that
        are positive by the inequalities, but that SymPy does not know to be positive.
        """
        bounds, rest = list[tuple[Symbol, Expr]](), list(self._positive_polynomials)
        own = {*self._real_symbols}
        while True:
            linear = (
                (f, x, slope)
                for f in rest
                for x in sorted(f.free_symbols & own, key=str)
                if (slope := sympy.diff(f, x)).is_number
            )
            if (found := next(linear, None)) is None:
                return bounds, rest
            f, x, slope = found
            value = (Dummy(positive=True) - (f - slope * x)) / slope
            rest.remove(f)
            rest += [x] * bool(x.is_positive) + [-x] * bool(x.is_negative)
            rest = [sympy.expand(other.subs(x, value)) for other in rest]
            rest = [other for other in rest if not other.is_positive]
            bounds.append((x, value))
            own.discard(x)

    def _interval_signs_or_none_if_excluded(self, f: Expr, x: Symbol) -> list[bool | None] | None:
        """Return for each interval between roots, from left to right, whether the polynomial f in x
        is positive on it; None for an interval that a condition excludes.

        The roots are those of f and of the conditions: SymPy's assumptions on x, and the
        inequalities in x alone. The whole result is None unless f and all conditions are
        polynomials over QQ.
        """
        known = [x] * bool(x.is_nonnegative) + [-x] * bool(x.is_nonpositive)
        stated = [g for g in self._positive_polynomials if g.free_symbols == {x}]
        if not all(g.is_polynomial(x) for g in (f, *known, *stated)):
            return None
        first, *others = polynomials = [Poly(g, x) for g in (f, *known, *stated)]
        if not all(g.domain.is_ZZ or g.domain.is_QQ for g in polynomials):
            return None
        return [
            bool(first.eval(point) > 0) if all(other.eval(point) > 0 for other in others) else None
            for point in _points_in_intervals_cut_by_roots(prod(others, start=first))
        ]

    @property
    def _is_known_contradictory(self) -> bool:
        """Whether the inequalities are known to have no solution."""
        _, other_positives = self._bound_substitutions_and_other_positives
        if any(f.is_nonpositive for f in other_positives):
            return True
        for x in self._real_symbols:
            signs = self._interval_signs_or_none_if_excluded(sympy.Integer(1), x)
            if signs is not None and not any(signs):  # the inequalities exclude every interval
                return True
        return False

    def _substitute_bounds(self, f: Expr) -> Expr:
        """Substitute b + u for each symbol x of `f` with a linear bound x > b. Here u > 0."""
        for x, value in self._bound_substitutions_and_other_positives[0]:
            f = sympy.expand(f.subs(x, value))
        return f

    def is_square_sign_positive_where_nonzero(self, polynomial: Expr) -> bool | None:
        """Whether the square of a polynomial is positive (True) or negative (False) wherever it is
        not 0; None if unknown.
        """
        f = polynomial.xreplace(self._real_replacements)
        return True if f.is_real else False if f.is_imaginary else None

    def is_sign_positive_where_nonzero(
        self, polynomial: Expr, *, tries_quotients: bool = True
    ) -> bool | None:
        """Whether a polynomial is positive (True) or negative (False) wherever it is not 0; None if
        it has both signs, or if its sign is unknown.

        If `tries_quotients`, the signs of its quotients by the polynomials that the inequalities
        make positive are tried, too.
        """
        f = polynomial.xreplace(self._real_replacements)
        if (x := _only_real_symbol(f)) is not None:
            signs = self._interval_signs_or_none_if_excluded(f, x)
            known = {*(signs or ())} - {None}
            if len(known) == 1:
                return True in known
            if known and all(g.free_symbols <= {x} for g in self._positive_polynomials):
                return None
        put = self._substitute_bounds(f) if all(s.is_real for s in f.free_symbols) else f
        if put.is_positive or put.is_negative:
            return bool(put.is_positive)
        for positive in self._positive_polynomials if tries_quotients else ():
            above, below = sympy.fraction(sympy.cancel(f / positive))
            rest = self._without_positive_squares(above * below)
            sign = self.is_sign_positive_where_nonzero(rest, tries_quotients=False)
            if sign is not None:
                return sign
        return None

    def _without_positive_squares(self, polynomial: Expr) -> Expr:
        """Return a polynomial divided by squares that are positive wherever they are not 0. Where
        they are not 0, the quotient has the sign of the polynomial.
        """
        rest, factors = sympy.factor_list(polynomial)
        for f, power in factors:
            is_square_positive = self.is_square_sign_positive_where_nonzero(f)
            rest *= f ** (power % 2 if is_square_positive else power)
        return sympy.expand(rest)

    def format_for_and_unless_clauses(self, exceptional: Iterable[Expr], *, quote: str = "") -> str:
        """Return the end of a sentence, such as ", for t > 1, unless t = 2". It states the
        assumptions, and the roots of the exceptional polynomials, with `quote` around each formula.
        """
        held = [f"{quote}{relation}{quote}" for relation in self.relations]
        avoided = []
        for f in filter(self.may_vanish, exceptional):
            equation = f"{f} = 0"
            if len(f.free_symbols) == 1 and f.is_polynomial() and sympy.degree(f) == 1:
                # a Dummy has no assumptions: for an integer n, solve finds no root of 2 n - 1
                x, plain = f.free_symbols.pop(), Dummy()
                equation = f"{x} = {sympy.solve(f.xreplace({x: plain}), plain)[0]}"
            avoided.append(f"{quote}{equation}{quote}")
        listed = " or ".join([", ".join(avoided[:-1])] * (len(avoided) > 1) + avoided[-1:])
        return f", for {' and '.join(held)}" * bool(held) + f", unless {listed}" * bool(avoided)

    def may_vanish(self, polynomial: Expr) -> bool:
        """Whether an irreducible polynomial has a root under the assumptions; True if unknown."""
        f = polynomial.xreplace(self._real_replacements)
        if (x := _only_real_symbol(f)) is not None:
            signs = self._interval_signs_or_none_if_excluded(f, x)
            is_told = x.is_nonnegative or x.is_nonpositive or x.is_nonzero
            changes = any({*pair} == {True, False} for pair in pairwise(signs or ()))
            if signs is not None and not changes and not (is_told and f.subs(x, 0) == 0):
                return False
        is_factor = any(
            sympy.fraction(sympy.cancel(g / f))[1].is_number for g in self._positive_polynomials
        )
        return (
            not is_factor
            and f.is_zero is not False
            and self._substitute_bounds(f).is_zero is not False
        )


def _not_strict_error(relation: object) -> InvalidInputError:
    is_weak = isinstance(relation, GreaterThan | LessThan)
    hint = ": write > or <, since a scale must not be zero" if is_weak else ""
    return InvalidInputError(
        f"expected strict inequalities, such as [t > 0, s < 1], got {format_short(relation)}{hint}"
    )


def _only_real_symbol(f: Expr) -> Symbol | None:
    """Return the symbol of `f` if `f` has exactly one symbol and this symbol is real, else None."""
    found = f.free_symbols
    return next(iter(found)) if len(found) == 1 and all(s.is_real for s in found) else None


def _points_in_intervals_cut_by_roots(polynomial: Poly) -> list[Rational]:
    """Return rational points from left to right, one in each interval into which the real roots
    divide the line.
    """
    size = Rational(1)
    while True:
        roots = [ends for ends, _ in polynomial.intervals(eps=size)]
        if not roots:
            return [Rational(0)]
        inner = [(left[1] + right[0]) / 2 for left, right in pairwise(roots)]
        if all(polynomial.eval(point) for point in inner):
            return [roots[0][0] - 1, *inner, roots[-1][1] + 1]
        size /= 16


_NONE = Assumptions()
_ASSUMED: ContextVar[Assumptions] = ContextVar("_ASSUMED", default=_NONE)


def current_assumptions() -> Assumptions:
    """Return the assumptions of the innermost `assuming` block."""
    return _ASSUMED.get()


@contextmanager
def assuming(assumptions: Assumptions) -> Iterator[None]:
    """Context manager: `current_assumptions` returns `assumptions` within the block."""
    token = _ASSUMED.set(assumptions)
    try:
        yield
    finally:
        _ASSUMED.reset(token)


def is_quotient_sign_positive_where_nonzero(value: Element, field: Domain) -> bool | None:
    """Whether a quotient of polynomials is positive (True) or negative (False) under the current
    assumptions, wherever it is neither 0 nor undefined; None if unknown.
    """
    assumptions, signs, odd = current_assumptions(), list[bool | None](), dict[Expr, bool | None]()
    for polynomial in (value.numer, value.denom):
        coefficient, factors = polynomial.factor_list()
        signs.append(is_positive_if_real_number(coefficient, field.domain))
        for factor, power in factors:
            f = factor.as_expr()
            signs += [assumptions.is_square_sign_positive_where_nonzero(f)] * (power // 2)
            if power % 2:
                odd[f] = assumptions.is_sign_positive_where_nonzero(f)
    known = [sign for sign in odd.values() if sign is not None]
    unknown = [f for f, sign in odd.items() if sign is None]
    sign_of = assumptions.is_sign_positive_where_nonzero
    rest = sign_of(sympy.expand(prod(unknown))) if unknown else True
    signs += [sign_of(sympy.expand(prod(odd)))] if rest is None else [*known, rest]
    return None if None in signs else signs.count(False) % 2 == 0
