"""Layouts: the order of coordinates, the flips and the pads with which a matrix is factored.

A flow of couplings with positive scales preserves orientation. If det M < 0, then either the flow
first negates a coordinate (a flip), or two coordinates (pads) are added, which M then swaps.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, OrientationError
from exactflow.exact import linalg

if TYPE_CHECKING:
    import numpy as np

Orientation: TypeAlias = Literal["error", "flip", "pad"]
"""The treatment of a matrix with det < 0."""

ORIENTATIONS: tuple[str, ...] = get_args(Orientation)

_NEGATIVE = (
    "expected det > 0, got det < 0: no flow of couplings with positive scales equals this matrix. "
    "Use orientation='flip' to negate coordinate 0 (column 0 of the matrix) before the couplings, "
    "or orientation='pad' to append one coordinate to each half and swap these two"
)


@dataclass(frozen=True)
class CoordinateLayout:
    """The halves of the layers, the order of the coordinates, and the flips or pads.

    The coordinates in `flips` are negated; then the layers act on x[order[0]], x[order[1]], .. One
    coordinate in `pads` is appended to each half, and the two are swapped; with pads, the order is
    natural.
    """

    partition: tuple[int, int]
    order: tuple[int, ...]
    flips: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()

    @property
    def sentences_if_not_default(self) -> str:
        """Sentences about halves, flips and pads that are not the default; "" if there are none."""
        (p, q), order = self.partition, [*self.order]
        text = ""
        if order != sorted(order):
            text += f" The first half has the coordinates {order[:p]}."
        elif p != (p + q) // 2:
            text += f" The halves have {p} and {q} coordinates."
        for flipped in self.flips:
            text += f" Coordinate {flipped} is negated first, since `det(M) < 0`."
        if self.pads:
            text += (
                " `M` is your matrix with two pads, coordinates {} and {}, which `M` swaps: "
                "without their rows and columns, `M` is your matrix."
            ).format(*self.pads)
        return text

    def append_swapped_pads_if_any(self, M: DomainMatrix) -> DomainMatrix:
        """Return M with two pads, which the result swaps; without pads, return M unchanged."""
        return linalg.append_swapped_coordinate_pair(M, self.pads[0]) if self.pads else M

    def flip_and_reorder_matrix(self, padded: DomainMatrix) -> DomainMatrix:
        """Flip and reorder the padded matrix; the product of the layers must equal the result."""
        signs = signs_from_flips(self.flips, range(padded.shape[0]), padded.domain)
        M = linalg.scale_columns(padded, signs)
        is_natural = list(self.order) == sorted(self.order)
        return M if is_natural else M.extract(list(self.order), list(self.order))

    def flip_and_reorder_signed_permutation(
        self, padded_perm: "np.ndarray", padded_signs: "np.ndarray"
    ) -> "tuple[np.ndarray, np.ndarray]":
        """Return the permutation and signs of ``flip_and_reorder_matrix(padded)``.

        Here `padded` is the matrix of the map ``y[i] = padded_signs[i] * x[padded_perm[i]]``.
        """
        import numpy as np

        order = np.array(self.order)
        columns, signs = padded_perm[order], padded_signs[order]
        return np.argsort(order)[columns], np.where(np.isin(columns, self.flips), -signs, signs)

    def pad_flip_and_reorder_square_array(self, unpadded_matrix: "np.ndarray") -> "np.ndarray":
        """Append the pads to a square matrix and swap them; then flip and reorder the matrix."""
        import numpy as np

        d = len(self.order)
        array = np.zeros((d, d), dtype=unpadded_matrix.dtype)
        own = [i for i in range(d) if i not in self.pads]
        array[np.ix_(own, own)] = unpadded_matrix
        array[self.pads, self.pads[::-1]] = 1
        array[:, list(self.flips)] *= -1
        return array[np.ix_(self.order, self.order)]


def signs_from_flips(flips: Collection[int], order: Iterable[int], field: Domain) -> list:
    """Return -1 for each coordinate that is flipped and 1 for the others, in the given order."""
    return [-field.one if i in flips else field.one for i in order]


def choose_plain_flipped_or_padded_layout(
    order: tuple[int, ...],
    partition: tuple[int, int],
    orientation: Orientation,
    has_negative_det: bool,
) -> CoordinateLayout:
    """Return the layout in which a matrix is factored, given the sign of its determinant.

    If the determinant is negative, the layout depends on `orientation`: "flip" negates coordinate
    0, "pad" appends two coordinates, and "error" raises `OrientationError`. Raises
    `InvalidInputError` for "pad" with a mask.
    """
    if not has_negative_det:
        return CoordinateLayout(partition, order)
    if orientation == "error":
        raise OrientationError(_NEGATIVE)
    if orientation == "flip":
        return CoordinateLayout(partition, order, flips=(0,))
    if list(order) != sorted(order):
        raise InvalidInputError(
            "expected a partition (p, q) with orientation='pad', got a mask: permute the matrix so "
            "that the coordinates of the first half come first, or use orientation='flip'"
        )
    p, q = partition
    padded = p + 1, q + 1
    return CoordinateLayout(
        padded, tuple(range(p + q + 2)), pads=pad_coordinates_or_empty(padded, p + q)
    )


def pad_coordinates_or_empty(layer_partition: tuple[int, int], matrix_size: int) -> tuple[int, ...]:
    """Return the pads: the coordinates of the layers that are not coordinates of the matrix.

    If the layers have more coordinates than the matrix, the pads are the last coordinate of each
    half; otherwise there are none, and the result is ().
    """
    p, q = layer_partition
    return (p - 1, p + q - 1) if p + q > matrix_size else ()
