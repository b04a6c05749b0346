"""The order of coordinates, the flips and the pads under which a matrix is factored.

No flow of couplings with positive scales reverses orientation. If det M < 0, then the flow first
negates a coordinate (a flip), or M is extended by two coordinates that it swaps (the pads).
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
"""How a matrix that reverses orientation is treated."""

ORIENTATIONS: tuple[str, ...] = get_args(Orientation)

_NEGATIVE = (
    "expected det > 0, got det < 0: every coupling with positive scales preserves orientation, so "
    "no flow of couplings represents this matrix. Use orientation='flip' to negate coordinate 0 "
    "first, that is, a column of the matrix, or orientation='pad' to append one coordinate to each "
    "half and swap these two"
)


@dataclass(frozen=True)
class CoordinateLayout:
    """The halves of the layers, the order of the coordinates, and the flips or pads.

    The layers act on x[order[0]], x[order[1]], .., after the coordinates in `flips` are negated.
    The coordinates in `pads` are appended to the halves, one to each, and swapped; with pads the
    order is the natural one.
    """

    partition: tuple[int, int]
    order: tuple[int, ...]
    flips: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()

    @property
    def sentence(self) -> str:
        """Sentences of a claim about M: its halves if not the default, its flips and pads."""
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

    def padded(self, M: DomainMatrix) -> DomainMatrix:
        """Return the matrix with its pads, if there are any."""
        return linalg.append_swapped_coordinate_pair(M, self.pads[0]) if self.pads else M

    def matrix_of_layers(self, M: DomainMatrix) -> DomainMatrix:
        """Return the matrix that the layers compose to, given the padded matrix."""
        M = linalg.scale_columns(M, flip_signs(self.flips, range(M.shape[0]), M.domain))
        is_natural = list(self.order) == sorted(self.order)
        return M if is_natural else M.extract(list(self.order), list(self.order))

    def permutation_of_layers(
        self, perm: "np.ndarray", signs: "np.ndarray"
    ) -> "tuple[np.ndarray, np.ndarray]":
        """Apply `matrix_of_layers` to a signed permutation, ``y[i] = signs[i] * x[perm[i]]``."""
        import numpy as np

        order = np.array(self.order)
        columns, signs = perm[order], signs[order]
        return np.argsort(order)[columns], np.where(np.isin(columns, self.flips), -signs, signs)

    def padded_array_of_layers(self, M: "np.ndarray") -> "np.ndarray":
        """The array under this layout, with its pads: `matrix_of_layers` for NumPy."""
        import numpy as np

        d = len(self.order)
        array = np.zeros((d, d), dtype=M.dtype)
        own = [i for i in range(d) if i not in self.pads]
        array[np.ix_(own, own)] = M
        array[self.pads, self.pads[::-1]] = 1
        array[:, list(self.flips)] *= -1
        return array[np.ix_(self.order, self.order)]


def flip_signs(flips: Collection[int], order: Iterable[int], field: Domain) -> list:
    """Return -1 for each coordinate that is flipped and 1 for the others, in the given order."""
    return [-field.one if i in flips else field.one for i in order]


def layout_for(
    order: tuple[int, ...], partition: tuple[int, int], orientation: Orientation, reverses: bool
) -> CoordinateLayout:
    """Return the layout of a matrix; `reverses` says that its determinant is negative.

    Then `orientation` decides: "flip" negates coordinate 0, "pad" appends two coordinates, and
    "error" raises `OrientationError`. Raises `InvalidInputError` for "pad" with a mask.
    """
    if not reverses:
        return CoordinateLayout(partition, order)
    if orientation == "error":
        raise OrientationError(_NEGATIVE)
    if orientation == "flip":
        return CoordinateLayout(partition, order, flips=(0,))
    if list(order) != sorted(order):
        raise InvalidInputError(
            "expected a partition (p, q) with orientation='pad', got a mask: permute the matrix so "
            "that the first half comes first, or use orientation='flip'"
        )
    p, q = partition
    padded = p + 1, q + 1
    return CoordinateLayout(padded, tuple(range(p + q + 2)), pads=pads_of(padded, p + q))


def pads_of(partition: tuple[int, int], d: int) -> tuple[int, ...]:
    """Return the pads of layers for a d x d matrix: the last coordinate of each half, if p + q > d,
    or none.
    """
    p, q = partition
    return (p - 1, p + q - 1) if p + q > d else ()
