"""Exceptional values: polynomials in symbols that an argument takes for nonzero.

Over a field of rational functions an element is zero or not, and ranks are those at almost all
values of the symbols. An argument carries over to every value at which nothing that it took for
nonzero vanishes, numerators and denominators. `recorded` collects the irreducible factors.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sympy import Expr, default_sort_key
from sympy.polys.domains.domain import Domain

from exactflow.exact.assumptions import assumed
from exactflow.exact.typing import Element

_FACTORS: ContextVar[set[Expr] | None] = ContextVar("_FACTORS", default=None)


@contextmanager
def recorded() -> Iterator[set[Expr]]:
    """Collect the factors of what is taken for nonzero within."""
    factors = set[Expr]()
    token = _FACTORS.set(factors)
    try:
        yield factors
    finally:
        _FACTORS.reset(token)


def is_recording(field: Domain) -> bool:
    """Whether factors of elements of a field are collected here."""
    return _FACTORS.get() is not None and field.is_FractionField


def take_nonzero(x: Element, field: Domain) -> None:
    """Record an element that is taken for nonzero."""
    if is_recording(field):
        _record(factors_of([x.numer, x.denom]))


def take_one_nonzero(elements: Iterable[Element], field: Domain) -> None:
    """Record one of some elements, all of one sign, of which one must not vanish."""
    if is_recording(field):
        take_nonzero(min(filter(None, elements), key=lambda x: count_exceptional(x, field)), field)


def take_defined(elements: Iterable[Element], field: Domain) -> None:
    """Record elements that must be defined: their denominators."""
    if is_recording(field):
        _record(factors_of(x.denom for x in elements))


def count_exceptional(x: Element, field: Domain) -> int:
    """Return the number of factors of an element that may vanish, for all that is assumed."""
    factors = factors_of([x.numer, x.denom]) if field.is_FractionField else ()
    return sum(map(assumed().may_vanish, factors))


def factors_of(polynomials: Iterable[Any]) -> set[Expr]:
    """Return the irreducible factors of polynomials, elements of a ring."""
    return {
        factor.as_expr()
        for polynomial in set(polynomials)
        for factor, _ in polynomial.factor_list()[1]
    }


def in_order(factors: Iterable[Expr]) -> tuple[Expr, ...]:
    """Return factors in an order that is always the same."""
    return tuple(sorted(factors, key=default_sort_key))


def _record(factors: set[Expr]) -> None:
    found = _FACTORS.get()
    if found is not None:
        found |= factors
