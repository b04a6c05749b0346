"""Flows of coupling layers with a piecewise-linear shift.

A `PiecewiseCoupling` keeps one half of the coordinates and maps the other,
``moved = scale * moved + conditioner(kept[reads])``, where the conditioner is a
`exactflow.nonlinear.piecewise.PiecewiseLinear` function of one kept coordinate: a Real NVP layer (Dinh,
Sohl-Dickstein and Bengio 2017) whose shift is a ReLU network and whose scale is constant.

A `PiecewiseFlow` composes such layers, and linear ones. It is no matrix, as a
`exactflow.flows.flow.CouplingFlow` is; its derivative at a point is a `CouplingFlow`. It computes in
the arithmetic of its input: exactly, with mpmath at any precision, or in float64; `evaluate` does
the same for linear flows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod

import sympy
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_vectors
from exactflow.exact.numbers import to_element
from exactflow.flows.flow import CouplingFlow, LinearCoupling
from exactflow.nonlinear.arithmetic import evaluate, inexact_entries, is_inexact, orbit, run
from exactflow.nonlinear.layer import PiecewiseCoupling

__all__ = ["PiecewiseCoupling", "PiecewiseFlow", "evaluate"]


@dataclass(frozen=True, init=False, repr=False)
class PiecewiseFlow:
    """Layers, piecewise linear or linear over QQ, in the order in which data meets them.

    Parameters
    ----------
    layers : at least one `PiecewiseCoupling` or `LinearCoupling`, all of one partition.

    Raises
    ------
    InvalidInputError
        No layer, or layers of different partitions.

    Examples
    --------
    >>> import numpy as np
    >>> from exactflow.nonlinear.piecewise import PiecewiseLinear
    >>> ramp = PiecewiseCoupling((1, 1), "second", PiecewiseLinear([0, 1], [0, 6]), scale="1/2")
    >>> flow = PiecewiseFlow([ramp, LinearCoupling((1, 1), "first", [["1/3"]])])
    >>> flow.forward(["1/2", 4]).T, flow.forward(np.array([0.5, 4.0]))
    (Matrix([[13/6, 5]]), array([2.16666667, 5.        ]))
    >>> flow.inverse().forward(["13/6", 5]).T
    Matrix([[1/2, 4]])
    >>> flow.jacobian(["1/2", 4]), flow.log_abs_det()
    (Matrix([
    [3, 1/6],
    [6, 1/2]]), -log(2))
    """

    layers: tuple[PiecewiseCoupling | LinearCoupling, ...]

    def __init__(self, layers: Iterable[PiecewiseCoupling | LinearCoupling]):
        layers = tuple(layers)
        for i, layer in enumerate(layers):
            if not isinstance(layer, PiecewiseCoupling | LinearCoupling):
                raise InvalidInputError(
                    f"expected piecewise-linear or linear couplings, got {type(layer).__name__} as "
                    f"layer {i}"
                )
        if len({layer.partition for layer in layers}) != 1:
            raise InvalidInputError(
                "expected at least one layer, and layers of one partition, got "
                f"{[layer.partition for layer in layers]}"
            )
        for layer in layers:
            if isinstance(layer, LinearCoupling) and not layer.field.is_QQ:
                raise InvalidInputError(f"expected rational weights, got weights in {layer.field}")
        object.__setattr__(self, "layers", layers)

    @property
    def partition(self) -> tuple[int, int]:
        """The sizes (p, q) of the two halves."""
        return self.layers[0].partition

    @property
    def depth(self) -> int:
        """The number of layers."""
        return len(self.layers)

    @property
    def dimension(self) -> int:
        """The number d = p + q of coordinates."""
        return sum(self.partition)

    def forward(self, x):
        """Return the image of `x`, in the arithmetic of `x`.

        Rational numbers (d of them, or d x N: in columns, in any exact form but an array of floats)
        give a SymPy matrix, exactly. What `evaluate` takes, mpmath numbers and arrays of floats, is
        computed as it does.
        """
        if is_inexact(x):
            return evaluate(self, x)
        columns = self._vectors(x).transpose().to_dense().to_list()
        images = [run(self.layers, column, self.partition[0], to_element) for column in columns]
        rows = [list(row) for row in zip(*images, strict=True)]
        return linalg.from_entries(rows, (self.dimension, len(columns)), QQ).to_Matrix()

    def _vectors(self, x) -> DomainMatrix:
        columns = as_vectors(x, self.dimension)
        if not columns.domain.is_QQ:
            raise InvalidInputError(f"expected rational numbers, got elements of {columns.domain}")
        return columns

    def inverse(self) -> "PiecewiseFlow":
        """Return the inverse: the inverse layers in reverse order."""
        return PiecewiseFlow(layer.inverse() for layer in reversed(self.layers))

    def log_abs_det(self) -> sympy.Expr:
        """Return ``log|det|`` of the Jacobian, exactly: it is the same at every point."""
        scales = (s for layer in self.layers for s in layer.scale_elements)
        return sympy.log(QQ.to_sympy(prod(scales, start=QQ.one)))

    def tangent(self, x) -> CouplingFlow:
        """Return the derivative at a point, as a flow of linear couplings.

        It is exact: the slopes of the pieces that the orbit of `x` passes through, on a knot those
        to the right of it. The orbit is computed in the arithmetic of `x`: d rational numbers, or d
        numbers with an ``mpf`` among them.
        """
        if is_inexact(x):
            entries, convert = inexact_entries(x, self.dimension)
        else:
            entries, convert = self._vectors(x).to_list_flat(), to_element
        layers = []
        for layer, kept in orbit(self.layers, entries, self.partition[0], convert):
            piecewise = isinstance(layer, PiecewiseCoupling)
            layers.append(layer.tangent(kept) if piecewise else layer)
        return CouplingFlow(layers)

    def jacobian(self, x) -> sympy.Matrix:
        """Return the d x d Jacobian at a point, exactly: the matrix of its `tangent`."""
        return self.tangent(x).matrix()

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[PiecewiseCoupling | LinearCoupling]:
        return iter(self.layers)

    def __repr__(self) -> str:
        lines = (f"  {i}. {layer.summary()}" for i, layer in enumerate(self.layers, 1))
        return "\n".join([f"<PiecewiseFlow {self.partition}, depth {self.depth}>", *lines])
