"""A flow on the user's coordinates, whose layers see them in another order: masks."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.flows.base import Flow
from exactflow.flows.flow import CouplingFlow, LinearFlow

if TYPE_CHECKING:
    from exactflow.exact.sparse import SparseArray

__all__ = ["Relabelled", "relabelled"]


def relabelled(flow: CouplingFlow, order: Iterable[int]) -> LinearFlow:
    """Return the flow on coordinates in the given order: the flow itself in the natural order."""
    order = tuple(order)
    return flow if order == tuple(range(flow.dimension)) else Relabelled(flow, order)


@dataclass(frozen=True, eq=False, repr=False)
class Relabelled(LinearFlow):
    """The flow whose layers act on x[order[0]], x[order[1]], ..

    As a matrix it is ``E^T matrix(flow) E`` with the permutation matrix ``E = eye[order]``. What it
    shows, takes and returns is about the coordinates of x in their own order; the layers and their
    partition are those of the inner flow.

    Parameters
    ----------
    flow : a `CouplingFlow` on d coordinates.
    order : each of 0 .. d - 1 once, those that the first half sees first.

    Raises
    ------
    InvalidInputError
        An order that does not list each coordinate once.

    Examples
    --------
    >>> from exactflow import LinearCoupling
    >>> shear = CouplingFlow([LinearCoupling((1, 1), "first", [[5]])])
    >>> Relabelled(shear, (1, 0)).matrix()
    Matrix([
    [1, 0],
    [5, 1]])
    """

    flow: CouplingFlow
    order: tuple[int, ...]

    def __post_init__(self) -> None:
        d = self.flow.dimension
        if any(type(i) is not int for i in self.order) or sorted(self.order) != list(range(d)):
            raise InvalidInputError(
                f"expected each coordinate from 0 to {d - 1} once as order, got {self.order!r}"
            )
        vars(self).update(
            layers=self.flow.layers,
            partition=self.flow.partition,
            flips=tuple(sorted(self.order[k] for k in self.flow.flips)),
            method=self.flow.method,
            field=self.flow.field,
        )

    @property
    def places(self) -> list[int]:
        """The place of each coordinate in `order`."""
        return sorted(range(self.dimension), key=self.order.__getitem__)

    def _exact(self, columns: DomainMatrix) -> DomainMatrix:
        width = list(range(columns.shape[1]))
        image = self.flow._exact(columns.extract(list(self.order), width))
        return image.extract(self.places, width)

    def _run(self, entries: list, convert: Callable) -> list:
        image = self.flow._run([entries[i] for i in self.order], convert)
        return [image[k] for k in self.places]

    def domain_matrix(self) -> DomainMatrix:
        """Return the d x d matrix of the flow, about the coordinates in their own order."""
        return self.flow.domain_matrix().extract(self.places, self.places)

    def sparse_array(self) -> "SparseArray":
        """Return the matrix of a flow that `has_arrays`, in time linear in entries that meet."""
        return self.flow.sparse_array().relabelled(self.order, self.order)

    def inverse(self) -> "Relabelled":
        """Return the inverse, in the same order."""
        return Relabelled(self.flow.inverse(), self.order)

    def exceptional(self) -> tuple[sympy.Expr, ...]:
        """Return what `CouplingFlow.exceptional` does."""
        return self.flow.exceptional()

    def at(self, values: dict) -> "Relabelled":
        """Return what `CouplingFlow.at` does, in the same order."""
        return Relabelled(self.flow.at(values), self.order)

    def __matmul__(self, other: "Relabelled") -> "Relabelled":
        if not isinstance(other, Flow):
            return NotImplemented
        if self.order != other.order:
            raise InvalidInputError(
                f"expected two flows of one order, got {_shown(self.order)} and "
                f"{_shown(other.order)}"
            )
        return Relabelled(self.flow @ other.flow, self.order)


def _shown(order: Sequence[int]) -> str:
    return str(list(order)) if order else "the natural one"
