"""The search for the fewest well-conditioned layers within an accuracy, or for the best of some.

A bound of the error is certified for every number of pairs that is tried, so that what is found has
its bound; that one pair less does not do is tried, too.
"""

from dataclasses import dataclass

from flint import arb

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, upper_root
from exactflow.exact.least import least
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import Element
from exactflow.nonlinear.piecewise import PiecewiseLinear
from exactflow.universal.last_layers import Rescaling, Unit
from exactflow.universal.measures import LineLaw
from exactflow.universal.path import Path, graded_path, regions, shear_norm
from exactflow.universal.transport import Transport, transport
from exactflow.universal.tuning import TUNING

__all__ = ["Draft", "best", "fewest"]


@dataclass(frozen=True)
class Draft:
    """What does not depend on the number of pairs; `scaling` is None where no pad is to be N(0, 1).

    `map` is the transport to the law brought to scale, `norm` the largest one of a shear.
    """

    transport: Transport
    unit: Unit
    map: PiecewiseLinear
    scaling: Rescaling | None
    norm: Element

    @classmethod
    def of(cls, law: LineLaw, tolerance: Element, condition: Element, pad: bool) -> "Draft":
        """Return the draft of a law, its transport within a tolerance."""
        found = transport(law, tolerance)
        unit = Unit.of(found.map, condition)
        T = unit.standardized(found.map)
        scaling = Rescaling.of(T, condition) if pad else None
        return cls(found, unit, T, scaling, shear_norm(condition))

    def depth(self, pairs: int) -> int:
        """Return the number of layers: the last of the path is for the pad only."""
        last = 0 if self.scaling is None else 1 + self.scaling.count
        return 4 * pairs + 2 + last + self.unit.count

    def path(self, pairs: int) -> Path | None:
        """Return a path within the norm, or None where the pairs are too few."""
        return graded_path(self.map, pairs, self.norm) if pairs > 0 else None

    def error(self, path: Path) -> arb:
        """Return the bound of the error of the data that a path makes, in L^2."""
        total = arb(0)
        for region in regions(path):
            moved = ball(region.slopes[1]) * ball(region.moved)
            total += region.weight * moved * moved
        return upper_root(total) * ball(self.unit.factor)

    def bound(self, path: Path) -> arb:
        """Return a bound of W2 for the data."""
        return self.transport.error + self.error(path)


def fewest(
    law: LineLaw, condition: Element, eps: Element, most: int | None, pad: bool
) -> tuple[Draft, Path]:
    """Return the shortest path within `eps`, of at most `most` layers in all, and its draft."""
    draft = Draft.of(law, eps / TUNING.transport_part, condition, pad)

    def suffices(pairs: int) -> bool:
        path = draft.path(pairs)
        return path is not None and bool(draft.bound(path) <= ball(eps))

    pairs = least(lambda pairs: pairs > TUNING.most_pairs or suffices(pairs))
    if pairs > TUNING.most_pairs:
        raise InvalidInputError(
            f"expected eps and condition in reach of {4 * TUNING.most_pairs} layers, got eps = "
            f"{format_short(eps)} and condition = {format_short(condition)}: raise one of them"
        )
    needed, path = draft.depth(pairs), draft.path(pairs)
    if path is None or (most is not None and needed > most):
        raise InvalidInputError(
            f"expected eps in reach of the layers, got eps = {format_short(eps)} and {most} layers "
            f"of condition numbers <= {format_short(condition)}: it takes {needed}; raise layers, "
            "eps or condition"
        )
    return draft, path


def best(law: LineLaw, condition: Element, most: int, pad: bool) -> tuple[Draft, Path]:
    """Return a path of at most `most` layers, to a transport whose error is at most half of its.

    It is refined until then, or until it has many knots; where a finer one is too steep for so few
    layers, it is the last one that is not.
    """
    tolerance, found = law.deviation(), None
    while True:
        draft = Draft.of(law, tolerance, condition, pad)
        path = draft.path(min((most - draft.depth(0)) // 4, TUNING.most_pairs))
        if path is None:
            break
        found = draft, path
        fine = draft.transport.error <= draft.error(path) / 2
        if fine or draft.transport.knots > TUNING.many_knots:
            break
        tolerance /= 4
    if found is None:
        raise InvalidInputError(
            f"expected layers enough for condition numbers <= {format_short(condition)}, got "
            f"{most}: raise layers or condition"
        )
    return found
