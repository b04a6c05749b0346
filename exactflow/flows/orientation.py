"""Order of coordinates, flips and pads under which a matrix is factored.

No flow of couplings with positive scales reverses orientation. Where det M < 0 a step that the flow
records negates a coordinate first (flip), or two swapped coordinates are appended (pad).
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
    "no flow of couplings represents this matrix; orientation='flip' negates "
    "coordinate 0 first, that is, a column of the matrix, and records that; orientation='pad' "
    "appends one coordinate to each half and swaps these two"
)


@dataclass(frozen=True)
class CoordinateLayout:
    """The halves of the layers, the coordinates that these list, and a repair or none.

    The layers act on x[order[0]], x[order[1]], .., after the coordinates in `flips` are negated;
    those in `pads` are new ones at the end of each half, in the natural order, and swapped.
    """

    partition: tuple[int, int]
    order: tuple[int, ...]
    flips: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()

    @property
    def sentence(self) -> str:
        """Sentences of a claim about M: halves other than the usual ones, flips and pads."""
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
                "without "
                "their rows and columns, `M` is your matrix."
            ).format(*self.pads)
        return text

    def padded(self, M: DomainMatrix) -> DomainMatrix:
        """Return the matrix with its pads, if there are any."""
        return linalg.append_swapped_pads(M, self.pads[0]) if self.pads else M

    def inner(self, M: DomainMatrix) -> DomainMatrix:
        """Return the matrix that the layers compose to, from the one that is padded."""
        M = linalg.scale_columns(M, flip_signs(self.flips, range(M.shape[0]), M.domain))
        is_natural = list(self.order) == sorted(self.order)
        return M if is_natural else M.extract(list(self.order), list(self.order))

    def inner_signed(
        self, perm: "np.ndarray", signs: "np.ndarray"
    ) -> "tuple[np.ndarray, np.ndarray]":
        """Apply `inner` to a padded signed permutation, ``y[i] = signs[i] * x[perm[i]]``."""
        import numpy as np

        order = np.array(self.order)
        columns, signs = perm[order], signs[order]
        return np.argsort(order)[columns], np.where(np.isin(columns, self.flips), -signs, signs)

    def inner_array(self, M: "np.ndarray") -> "np.ndarray":
        """The array under this layout, with its pads: `inner` for NumPy."""
        import numpy as np

        d = len(self.order)
        posed = np.zeros((d, d), dtype=M.dtype)
        own = [i for i in range(d) if i not in self.pads]
        posed[np.ix_(own, own)] = M
        posed[self.pads, self.pads[::-1]] = 1
        posed[:, list(self.flips)] *= -1
        return posed[np.ix_(self.order, self.order)]


def flip_signs(flips: Collection[int], order: Iterable[int], field: Domain) -> list:
    """Return -1 for each coordinate that is flipped and 1 for the others, in the given order."""
    return [-field.one if i in flips else field.one for i in order]


def layout_for(
    order: tuple[int, ...], partition: tuple[int, int], orientation: Orientation, reverses: bool
) -> CoordinateLayout:
    """Layout of a matrix after the repair that `orientation` names, where the determinant is
    negative.

    Raises `OrientationError` for such a determinant with orientation="error", and
    `InvalidInputError` for orientation="pad" with a mask.
    """
    if not reverses:
        return CoordinateLayout(partition, order)
    if orientation == "error":
        raise OrientationError(_NEGATIVE)
    if orientation == "flip":
        return CoordinateLayout(partition, order, flips=(0,))
    if list(order) != sorted(order):
        raise InvalidInputError(
            "expected a partition (p, q) with orientation='pad', got a mask: list the coordinates "
            "of the first half first, or use orientation='flip'"
        )
    p, q = partition
    padded = p + 1, q + 1
    return CoordinateLayout(padded, tuple(range(p + q + 2)), pads=pads_of(padded, p + q))


def pads_of(partition: tuple[int, int], d: int) -> tuple[int, ...]:
    """Return the coordinates that layers have beside a d x d matrix: the last of each half, or
    none.
    """
    p, q = partition
    return (p - 1, p + q - 1) if p + q > d else ()
