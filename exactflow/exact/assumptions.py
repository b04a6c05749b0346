"""Signs of quotients of polynomials: what SymPy knows of the symbols, and what a caller assumes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import sympy
from sympy.core.relational import GreaterThan, LessThan, StrictGreaterThan, StrictLessThan
from sympy.polys.domains.domain import Domain

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import Element

_ASSUMED: ContextVar[tuple[sympy.Expr, ...]] = ContextVar("_ASSUMED", default=())


@contextmanager
def assuming(relations: Iterable) -> Iterator[None]:
    """Let some strict inequalities of SymPy, as ``t > 1`` or ``s < t``, hold within."""
    positive = []
    for relation in relations:
        if isinstance(relation, StrictGreaterThan | StrictLessThan):
            positive.append(sympy.expand(relation.gts - relation.lts))
        elif relation is not sympy.true:
            is_weak = isinstance(relation, GreaterThan | LessThan)
            hint = ": a scale must not be zero" if is_weak else ""
            raise InvalidInputError(
                f"expected strict inequalities, as [t > 0, s < 1], got {format_short(relation)}"
                f"{hint}"
            )
    token = _ASSUMED.set((*_ASSUMED.get(), *positive))
    try:
        yield
    finally:
        _ASSUMED.reset(token)


def is_positive_quotient(value: Element, field: Domain) -> bool | None:
    """Whether a quotient of polynomials is positive under what is assumed; None if not known."""
    sign = True
    for polynomial in (value.numer, value.denom):
        coefficient, factors = polynomial.factor_list()
        constant = _sign(field.domain.to_sympy(coefficient))
        signs = [constant, *(_sign(factor.as_expr()) for factor, power in factors if power % 2)]
        if None in signs:
            return None
        sign ^= signs.count(False) % 2 == 1
    return sign


def _sign(factor: sympy.Expr) -> bool | None:
    """Whether an irreducible polynomial, or a number, is positive; None if not known."""
    if factor.is_positive or factor.is_negative:
        return bool(factor.is_positive)
    for assumed in _ASSUMED.get():
        quotient = sympy.cancel(factor / assumed)
        if quotient.is_positive or quotient.is_negative:
            return bool(quotient.is_positive)
    return None
