"""Uniform measures on segments, and mixtures of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_short
from exactflow.laws.universal.boxes import PointPair, UniformMixture, as_point_pairs
from exactflow.laws.universal.measures import as_valid_weights

__all__ = ["Segments"]


@dataclass(frozen=True, init=False, repr=False)
class Segments(UniformMixture):
    """A mixture of uniform measures on segments, in d >= 2 coordinates.

    Parameters
    ----------
    segments : pairs of different end points, d rationals each.
    weights : one positive rational for each segment, of sum exactly one; equal where left out.

    Examples
    --------
    >>> Segments([([0, 0, 0, 0], [1, 1, 0, 0]), ([1, 1, 0, 0], [1, 1, 1, 2])])
    <Segments: 2 in dimension 4>
    """

    ends: tuple[PointPair, ...]
    weights: tuple
    is_singular = True

    def __init__(self, segments: Sequence, weights: Sequence | None = None) -> None:
        ends = as_point_pairs("segment", "end points", segments)
        if len(ends[0][0]) < 2 or any(a == b for a, b in ends):
            raise InvalidInputError(
                "expected segments of different end points with as many coordinates, two or more, "
                f"got {format_short(segments)}: Atoms and Boxes have atoms and intervals"
            )
        weights = as_valid_weights(weights, len(ends))
        vars(self).update(ends=ends, weights=weights, dimension=len(ends[0][0]))

    def factor_box_or_segment_into_sides(
        self, corner_or_end: tuple, opposite: tuple
    ) -> list[PointPair]:
        """Return the segment itself."""
        return [(corner_or_end, opposite)]
