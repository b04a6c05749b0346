"""Flows: the composition of coupling layers, as an exact value.

`CouplingFlow` folds layers in the order in which data meets them, after a diagonal of signs that is
the identity unless the flow repairs an orientation.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod

import sympy
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow import linalg
from exactflow.coerce import as_vectors
from exactflow.errors import InvalidInputError
from exactflow.integral import IntegralMatrix
from exactflow.layers import LATEX_DIMENSION, LinearCoupling, checked_partition, layer_latex

__all__ = ["CouplingFlow", "LinearCoupling"]


@dataclass(frozen=True, init=False, eq=False, repr=False)
class CouplingFlow:
    """Coupling layers in the order in which data meets them.

    As a matrix the flow is ``layers[-1] ... layers[1] layers[0] F``, where F is the diagonal that
    negates the coordinates in `flips`; without flips F is the identity. ``f @ g`` applies g first.

    Parameters
    ----------
    layers : `LinearCoupling` values of one partition.
    partition : (p, q); needed only where there is no layer.
    flips : distinct coordinates, 0 .. d - 1, that are negated before the first layer. A flow with
        an odd number of flips reverses orientation, which couplings alone cannot.
    method : how the flow was made, for the record; it plays no part in equality.

    Raises
    ------
    InvalidInputError
        Layers of different partitions, or flips that are no distinct coordinates.

    Examples
    --------
    >>> shear = LinearCoupling((1, 1), "second", [[3]])
    >>> flow = CouplingFlow([shear, LinearCoupling((1, 1), "first", [["1/3"]], scale=[2])])
    >>> flow.matrix()
    Matrix([
    [3, 1/3],
    [3,   1]])
    >>> flow.log_abs_det()
    log(2)
    >>> (flow.inverse() @ flow).matrix() == sympy.eye(2)
    True
    """

    layers: tuple[LinearCoupling, ...]
    partition: tuple[int, int]
    flips: tuple[int, ...]
    method: str

    def __init__(
        self,
        layers: Iterable[LinearCoupling] = (),
        partition: tuple[int, int] | None = None,
        flips: Iterable[int] = (),
        method: str = "",
    ):
        layers = tuple(layers)
        if partition is None:
            if not layers:
                raise InvalidInputError("expected a partition (p, q), since there are no layers")
            partition = layers[0].partition
        partition = checked_partition(partition)
        for i, layer in enumerate(layers):
            if layer.partition != partition:
                raise InvalidInputError(
                    f"expected layers of partition {partition}, got {layer.partition} in layer {i}"
                )
        flips = tuple(sorted(flips))
        if len(set(flips)) < len(flips) or not set(flips) <= set(range(sum(partition))):
            raise InvalidInputError(
                f"expected distinct coordinates from 0 to {sum(partition) - 1} as flips, "
                f"got {list(flips)}"
            )
        object.__setattr__(self, "layers", layers)
        object.__setattr__(self, "partition", partition)
        object.__setattr__(self, "flips", flips)
        object.__setattr__(self, "method", method)

    @property
    def depth(self) -> int:
        """The number of coupling layers."""
        return len(self.layers)

    @property
    def dimension(self) -> int:
        """The number d = p + q of coordinates."""
        return sum(self.partition)

    @cached_property
    def field(self) -> Domain:
        """The least field that holds the entries of all layers; QQ where there are none."""
        field = sympy.QQ
        for i, layer in enumerate(self.layers):
            field = field.unify(layer.field) if i else layer.field
        return field

    @property
    def is_sparse(self) -> bool:
        """Whether all shifts are sparse; then vectors and compositions are, too."""
        return all(layer.shift_matrix.rep.fmt == "sparse" for layer in self.layers)

    @property
    def is_additive(self) -> bool:
        """Whether all scales are one."""
        return all(layer.is_additive for layer in self.layers)

    def _signs(self) -> list:
        signs = [self.field.one] * self.dimension
        for i in self.flips:
            signs[i] = -signs[i]
        return signs

    def _fold(self, columns: DomainMatrix) -> tuple[DomainMatrix, DomainMatrix]:
        columns = columns.to_sparse() if self.is_sparse else columns.to_dense()
        columns = linalg.scale_rows(self._signs(), columns)
        halves = columns[: self.partition[0], :], columns[self.partition[0] :, :]
        if self.field.is_QQ and columns.domain.is_QQ and columns.rep.fmt == "dense":
            first, second = map(IntegralMatrix.of, halves)
            for layer in self.layers:
                first, second = layer.act(first, second)
            return first.to_field(), second.to_field()
        for layer in self.layers:
            halves = layer.act(*halves)
        return halves

    def blocks(self) -> linalg.Blocks:
        """Return the blocks of the flow's matrix; every shear costs at most two block products."""
        p = self.partition[0]
        first, second = self._fold(DomainMatrix.eye(self.dimension, self.field))
        return linalg.Blocks(first[:, :p], first[:, p:], second[:, :p], second[:, p:])

    def matrix(self) -> sympy.Matrix:
        """Return the d x d matrix of the flow, flips included."""
        return linalg.join(self.blocks()).to_Matrix()

    def forward(self, x) -> sympy.Matrix:
        """Return the image of a vector of d entries, or of each column of a matrix.

        The matrix of the flow is not formed: every layer acts on the vector.
        """
        first, second = self._fold(as_vectors(x, self.dimension))
        return first.vstack(second).to_Matrix()

    def inverse(self) -> "CouplingFlow":
        """Return the inverse, a flow with the inverse layers in reverse order."""
        signs = self._signs()
        layers = [layer.inverse().conjugated(signs) for layer in reversed(self.layers)]
        return CouplingFlow(layers, self.partition, self.flips)

    def log_abs_det(self) -> sympy.Expr:
        """Return ``log|det|`` exactly: the log of the product of the scales."""
        elements = (s for layer in self.layers for s in layer.scale_elements)
        return sympy.log(self.field.to_sympy(prod(elements, start=self.field.one)))

    def __matmul__(self, other: "CouplingFlow") -> "CouplingFlow":
        if not isinstance(other, CouplingFlow):
            return NotImplemented
        if self.partition != other.partition:
            raise InvalidInputError(
                f"expected two flows of one partition, got {self.partition} and {other.partition}"
            )
        signs = self._signs()
        layers = [layer.conjugated(signs) for layer in other.layers]
        flips = set(self.flips) ^ set(other.flips)
        return CouplingFlow([*layers, *self.layers], self.partition, flips)

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[LinearCoupling]:
        return iter(self.layers)

    def __eq__(self, other) -> bool:
        if not isinstance(other, CouplingFlow):
            return NotImplemented
        return (self.partition, self.flips, self.layers) == (
            other.partition,
            other.flips,
            other.layers,
        )

    def __hash__(self) -> int:
        return hash((self.partition, self.flips, self.layers))

    def __repr__(self) -> str:
        flips = f", flips={list(self.flips)}" if self.flips else ""
        method = f", method={self.method!r}" if self.method else ""
        head = f"<CouplingFlow {self.partition}, depth {self.depth}{flips}{method}>"
        lines = (f"  {i}. {layer.summary()}" for i, layer in enumerate(self.layers, 1))
        return "\n".join([head, *lines])

    def _repr_latex_(self) -> str:
        factors = [layer_latex(layer) for layer in reversed(self.layers)]
        if self.flips or not factors:
            signs = sympy.diag(*map(self.field.to_sympy, self._signs()))
            factors.append(sympy.latex(signs) if self.dimension <= LATEX_DIMENSION else "F")
        return f"$\\displaystyle {' '.join(factors)}$"
