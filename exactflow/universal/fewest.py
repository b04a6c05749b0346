"""The search for the fewest well-conditioned layers within an accuracy, or for the best of some.

A bound of the error is certified for every number of pairs that is tried, so that what is found has
its bound; that one pair less does not do is tried, too.
"""

from dataclasses import dataclass
from math import log
from typing import NamedTuple

from flint import arb
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, upper, upper_root
from exactflow.exact.numbers import format_short, to_element, to_float
from exactflow.exact.typing import Element
from exactflow.nonlinear.piecewise import PiecewiseLinear
from exactflow.universal.drift import cells
from exactflow.universal.last_layers import Rescaling, Unit, rescaling, unit_of
from exactflow.universal.leapfrog import Path, graded_path, shear_norm
from exactflow.universal.line import LineLaw
from exactflow.universal.transport import Transport, transport

__all__ = ["MOST_PAIRS", "Draft", "Found", "best", "fewest"]

MOST_PAIRS = 2**12
_SHARE = 4
_FIRST_TOLERANCE, _LAST_TOLERANCE = QQ(1, 8), QQ(1, 2**18)
_MANY_KNOTS = 128


class Errors(NamedTuple):
    """Enclosures of bounds of the errors of a path, for the data and for the pad, in L^2."""

    path: arb
    pad: arb


@dataclass(frozen=True)
class Draft:
    """What does not depend on the number of pairs."""

    transport: Transport
    unit: Unit
    map: PiecewiseLinear
    scaling: Rescaling
    norm: Element

    @classmethod
    def of(cls, law: LineLaw, tolerance: Element, condition: Element) -> "Draft":
        """Return the draft of a law, its transport within a tolerance."""
        found = transport(law, tolerance)
        unit = unit_of(found.map, condition)
        T = unit.standardized(found.map)
        return cls(found, unit, T, rescaling(T, condition), shear_norm(condition))

    @property
    def others(self) -> int:
        """The number of layers beside four a pair."""
        return 3 + self.scaling.count + self.unit.count

    def path(self, pairs: int) -> Path | None:
        """Return a path within the norm, or None where the pairs are too few."""
        return graded_path(self.map, pairs, self.norm)

    def errors(self, path: Path) -> Errors:
        """Return the bounds of the theorem in `exactflow.universal.well_conditioned`."""
        data, pad = arb(0), arb(0)
        for cell in cells(path):
            moved = ball(cell.slopes[1]) * ball(cell.drift.moved)
            low, high = (None if end is None else path.map.at(end)[0] for end in cell.window)
            off = self.scaling.error(low, high, cell.slopes)
            data += cell.weight * moved * moved
            pad += cell.weight * off * off
        return Errors(upper_root(data) * ball(self.unit.factor), upper_root(pad))


class Found(NamedTuple):
    """A path, the draft that it is of, and its errors."""

    draft: Draft
    path: Path
    errors: Errors

    @property
    def bound(self) -> arb:
        """An enclosure of a bound of W2 for the data."""
        return self.draft.transport.error + self.errors.path


def _tried(draft: Draft, pairs: int) -> Found | None:
    """Return the path of so many pairs with its errors, or None where they are too few."""
    path = draft.path(pairs) if pairs > 0 else None
    return None if path is None else Found(draft, path, draft.errors(path))


def fewest(law: LineLaw, condition: Element, eps: Element, most: int | None) -> Found:
    """Return the shortest path within `eps`, of at most `most` layers in all."""
    draft = Draft.of(law, eps / _SHARE, condition)
    if most is not None:
        reached = _tried(draft, (most - draft.others) // 4)
        if reached is None or not reached.bound <= ball(eps):
            needed = 4 * len(_shortest(draft, eps, condition).path.steps) + draft.others
            raise InvalidInputError(
                f"expected eps in reach of the layers, got eps = {format_short(eps)} and {most} "
                f"layers of condition numbers <= {format_short(condition)}: it takes {needed}; "
                "raise layers, eps or condition"
            )
    return _shortest(draft, eps, condition)


def _shortest(draft: Draft, eps: Element, condition: Element) -> Found:
    """Return the path of the fewest pairs whose bound is within eps: doubling, then bisection, with
    every other cut where a power law through both ends has it.
    """
    low, high, before = 0, 1, None
    while (after := _tried(draft, high)) is None or not after.bound <= ball(eps):
        low, high, before = high, 2 * high, after
        if high > MOST_PAIRS:
            raise InvalidInputError(
                f"expected eps and condition in reach of {4 * MOST_PAIRS} layers, got eps = "
                f"{format_short(eps)} and condition = {format_short(condition)}: raise one of them"
            )
    guessing = True
    while high - low > 1:
        middle = _guess(before, after, eps) if guessing else (low + high) // 2
        middle = min(max(middle, low + 1), high - 1)
        guessing = not guessing
        found = _tried(draft, middle)
        if found is not None and found.bound <= ball(eps):
            high, after = middle, found
        else:
            low, before = middle, found
    return after


def _guess(before: Found | None, after: Found, eps: Element) -> int:
    """Return where a power law through two bounds meets eps."""
    if before is None:
        return 0
    ends = [len(found.path.steps) for found in (before, after)]
    errors = [log(to_float(to_element(upper(found.errors.path)))) for found in (before, after)]
    aim = log(to_float(eps) - float(after.draft.transport.error.upper()))
    share = (errors[0] - aim) / (errors[0] - errors[1])
    return round(ends[0] * (ends[1] / ends[0]) ** share)


def best(law: LineLaw, condition: Element, most: int) -> Found:
    """Return a path of at most `most` layers, to a transport whose error is at most half of its.

    It is refined until then, or until it has more than 128 knots; where a finer one is too steep
    for so few layers, it is the last one that is not.
    """
    scale = law.deviation()
    tolerance, found = _FIRST_TOLERANCE * scale, None
    while tolerance > _LAST_TOLERANCE * scale:
        draft = Draft.of(law, tolerance, condition)
        tried = _tried(draft, min((most - draft.others) // 4, MOST_PAIRS))
        if tried is None:
            break
        found = tried
        if draft.transport.error <= tried.errors.path / 2 or len(draft.map.knots) > _MANY_KNOTS:
            break
        tolerance /= 4
    if found is None:
        raise InvalidInputError(
            f"expected layers enough for condition numbers <= {format_short(condition)}, got "
            f"{most}, of which {draft.others} rescale the pad, begin and end: raise layers or "
            "condition"
        )
    return found
