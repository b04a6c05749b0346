"""The least Lipschitz constant that theorem 16a of `exactflow.conditioning.forced` leaves.

*Certified*: each frame, and the covariance, gives a bound. Which frames are tried is a matter of
taste: the coordinate axes and, for atoms, those that begin with a difference of two centers of a
few clusters; of these the one that is farthest from the tolerance is taken first.
"""

from collections.abc import Sequence
from typing import NamedTuple

from flint import arb, ctx

from exactflow.conditioning.frames import Axis, LawOnAxes, frame_of, reflection, unit_frame
from exactflow.conditioning.pieces import Gaussian, Law, Pieces, is_product
from exactflow.conditioning.slopes import Distance, least_slope
from exactflow.conditioning.tuning import TUNING
from exactflow.conditioning.volume import differences
from exactflow.exact.balls import ball
from exactflow.exact.typing import Element
from exactflow.universal.measures import TargetMeasure

__all__ = ["Slope", "least_lipschitz"]

TINY = 2**64


class Slope(NamedTuple):
    """A slope that is forced, one that does, if known, and the frame that gave it, if one did."""

    forced: Element
    attained: "Element | None"
    frame: "LawOnAxes | None"


def least_lipschitz(
    law: Law,
    pieces: Pieces,
    eps: Element,
    spectrum: Sequence[arb],
    direction: "Sequence[Element] | None",
) -> Slope:
    """Return the best bound for maps within `eps` of a law.

    Parameters
    ----------
    law, pieces : the same.
    spectrum : the roots of the eigenvalues of its covariance, not all within eps of zero.
    direction : where to look for gaps.
    """
    deviation = sum((s * s for s in spectrum), arb(0)).sqrt()
    start = deviation / TINY
    slope = Slope(*least_slope(lambda: _capped(spectrum), start, ball(eps) + pieces.error), None)
    if isinstance(law, Gaussian):
        return slope
    finest = int(eps.numerator).bit_length() - int(eps.denominator).bit_length() - 1
    bits = TUNING.precision + 4 * max(0, pieces.exponent - finest)
    frames = [frame_of(law, pieces, axes, eps) for axes in _axes(law, pieces, direction)]
    enough, rest = None, ball(eps) - frames[0].error
    if direction is None and is_product(law) and rest > 0:
        _, enough = least_slope(frames[0].distance, deviation, rest, bits)
    slope = slope._replace(attained=enough)
    while frames:
        start = ball(slope.forced).max(start)
        with ctx.workprec(bits):
            distances = [frame.distance()(start)[0].sqrt() for frame in frames]
        beyond = [x - ball(eps) - frame.error for x, frame in zip(distances, frames, strict=True)]
        first = max(range(len(frames)), key=lambda i: beyond[i].lower())
        if not beyond[first] > 0:
            break
        frame = frames.pop(first)
        low, _ = least_slope(frame.distance, start, ball(eps) + frame.error, bits)
        slope = Slope(low, enough, frame)
    return slope


def _capped(spectrum: Sequence[arb]) -> Distance:
    """Return the distance of deviations from those that are at most a slope."""

    def squares(slope: arb) -> tuple[arb, arb]:
        total = sum(((s - slope).max(arb(0)) ** 2 for s in spectrum), arb(0))
        return total, total

    return squares


def _axes(
    law: TargetMeasure, pieces: Pieces, direction: "Sequence[Element] | None"
) -> list[list[Axis]]:
    """Return the frames in which to look for gaps."""
    if direction is not None:
        return [reflection(direction)]
    if is_product(law) or pieces.spreads:
        return [unit_frame(pieces.dimension)]
    return [unit_frame(pieces.dimension), *map(reflection, differences(pieces))]
