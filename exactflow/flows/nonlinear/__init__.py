"""Flows of coupling layers with piecewise-linear shifts and scales.

A `PiecewiseCoupling` keeps one half of the coordinates and maps the other half to
``scale * moved + conditioner(r)``. Here r is one kept coordinate or one linear functional of the
kept half, and the conditioner is a function
`exactflow.flows.nonlinear.piecewise.PiecewiseLinear` of r. So the layer is a Real NVP layer (Dinh,
Sohl-Dickstein and Bengio 2017) whose shift is a ReLU network; its scale is constant or a function
of the same kind. A `MergedCoupling` applies several couplings that move the same half. For example,
n couplings of one coordinate each merge to one coupling that acts coordinate by coordinate.

A `PiecewiseFlow` composes such layers and linear layers. Its derivative at a point is a
`exactflow.flows.flow.CouplingFlow`. It computes in the arithmetic of its input: exactly, with
mpmath at any precision, or in float64.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import mpmath
import numpy as np
import sympy
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_vectors
from exactflow.exact.numbers import format_field, to_element, to_float, to_mpf
from exactflow.exact.typing import VectorLike
from exactflow.flows.arithmetic import (
    FromRational,
    as_float_array_keeping_dtype,
    convert_rationals_like,
    inexact_entries_and_conversion,
    is_inexact,
    refuse_tensor,
)
from exactflow.flows.base import (
    Coupling,
    Flow,
    as_layers_and_partition,
    as_order_empty_if_natural,
    refusing_points,
)
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.nonlinear.merged_coupling import MergedCoupling
from exactflow.flows.nonlinear.piecewise_coupling import (
    PiecewiseCoupling,
    RationalMap,
    require_rational,
)
from exactflow.flows.partition import moved_and_kept

__all__ = ["MergedCoupling", "PiecewiseCoupling", "PiecewiseFlow"]


@dataclass(frozen=True, init=False, eq=False, repr=False)
class PiecewiseFlow(RationalMap, Flow):
    """Piecewise-linear layers, and linear layers over QQ, in order of application.

    Parameters
    ----------
    layers : `PiecewiseCoupling`, `MergedCoupling` or `LinearCoupling` values of one partition.
    order : each of 0 .. d - 1 once, the coordinates of the first half first; () for the natural
        order, which is the default.
    partition : (p, q); needed only if there are no layers.
    derivation : the function that `explain` calls with the flow.

    Raises
    ------
    InvalidInputError
        Neither a layer nor a partition, layers of different partitions, or an order that does not
        list each coordinate once.

    Examples
    --------
    >>> from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
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

    layers: tuple[Coupling, ...]
    partition: tuple[int, int]
    order: tuple[int, ...]
    derivation: Callable[["PiecewiseFlow"], Any] | None

    def __init__(
        self,
        layers: Iterable[Coupling],
        *,
        order: Iterable[int] = (),
        partition: tuple[int, int] | None = None,
        derivation: Callable[["PiecewiseFlow"], Any] | None = None,
    ) -> None:
        layers, partition = as_layers_and_partition(
            layers,
            partition,
            (PiecewiseCoupling, MergedCoupling, LinearCoupling),
            "piecewise-linear or linear couplings",
        )
        for layer in layers:
            if isinstance(layer, LinearCoupling) and not layer.field.is_QQ:
                raise InvalidInputError(
                    "expected linear couplings over QQ, got a coupling over "
                    f"{format_field(layer.field)}"
                )
        vars(self).update(
            layers=layers,
            partition=partition,
            order=as_order_empty_if_natural(order, sum(partition)),
            derivation=derivation,
        )

    def explain(self) -> Any:
        """Return an `exactflow.explanation.Explanation` of a flow that
        `exactflow.linear.masks.merge_masks` returned.
        """
        if self.derivation is None:
            raise InvalidInputError(
                "this flow was made from given layers, so there is no construction to explain: use "
                "exactflow.linear.masks.merge_masks([flow]).explain(), which explains how an equal "
                "map is constructed"
            )
        return self.derivation(self)

    @refusing_points
    def inverse(self) -> "PiecewiseFlow":
        """Return the inverse flow, whose layers are the inverse layers in reverse order."""
        layers = (layer.inverse() for layer in reversed(self.layers))
        return PiecewiseFlow(layers, order=self.order, partition=self.partition)

    def __matmul__(self, other: Any) -> "PiecewiseFlow":
        if not isinstance(other, Flow):
            return super().__matmul__(other)
        return _compose(other, self)

    def __rmatmul__(self, other: Any) -> "PiecewiseFlow":
        return _compose(self, other) if isinstance(other, Flow) else NotImplemented

    def tangent(self, x: VectorLike) -> CouplingFlow:
        """Return the derivative at a point, as a flow of linear couplings.

        Each layer maps the image of `x` under the layers before it; the slopes there are exact, and
        at a knot they are the slopes to its right. The images are computed in the arithmetic of
        `x`, which is d rational numbers, d floats, or d numbers with an ``mpf`` among them.
        """
        entries, from_rational = self._entries_and_conversion(x)
        if from_rational is to_float and entries[0].size != 1:
            raise InvalidInputError(
                f"expected one point, got {entries[0].size} columns: pass the points one by one"
            )
        layers = []
        for layer, *halves in self._layers_with_inputs(entries, from_rational):
            if from_rational is to_float:
                halves = [[values.item() for values in half] for half in halves]
            layers.append(layer if isinstance(layer, LinearCoupling) else layer.tangent(*halves))
        return CouplingFlow(layers, self.partition, order=self.order)

    def log_abs_det(self, x: "VectorLike | None" = None) -> Any:
        """Return ``log|det|`` of the Jacobian at the point `x`; it is exact if the point is exact.

        If all scales are constant, it is the same at every point, and `x` may be omitted. An array
        of floats of shape (d,) gives a float; an array of shape (d, N) gives N floats.

        >>> from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
        >>> r = PiecewiseLinear([0, 1], [1, 3])
        >>> bend = PiecewiseCoupling((1, 1), "second", PiecewiseLinear([0], [0]), r)
        >>> PiecewiseFlow([bend]).log_abs_det(["1/2", 7])
        log(2)
        """
        if x is None:
            return super().log_abs_det()
        entries, from_rational = self._entries_and_conversion(x)
        scales = (
            scale
            for layer, _, kept in self._layers_with_inputs(entries, from_rational)
            if not layer.is_additive
            for scale in layer.scales_at(kept, from_rational)
        )
        if from_rational is to_float:
            with np.errstate(all="ignore"):
                total = sum(map(np.log, scales), np.zeros_like(entries[0]))
            array = as_float_array_keeping_dtype(x, self.dimension)
            return total.reshape(array.shape[1:]).astype(array.dtype)[()]
        product = prod(scales, start=from_rational(QQ.one))
        return mpmath.log(product) if from_rational is to_mpf else sympy.log(QQ.to_sympy(product))

    def _layers_with_inputs(self, entries: list, from_rational: FromRational) -> list[tuple]:
        """Return (layer, moved, kept) for each layer: the layer and the two halves of its input.

        If floats overflow, the images are infinite or NaN, without a warning.
        """
        steps = []
        halves: Sequence = [[entries[i] for i in half] for half in self.halves]
        for layer in self.layers:
            moved, kept = moved_and_kept(layer.moves, halves)
            steps.append((layer, moved, kept))
            with np.errstate(all="ignore"):
                image = layer.map_moved_half(moved, kept, from_rational)
            halves = moved_and_kept(layer.moves, (image, kept))
        return steps

    def _entries_and_conversion(self, x: VectorLike) -> tuple[list, FromRational]:
        """Return the d entries of `x`, and a function from QQ to the type of these entries.

        An entry of a d x N array of floats is a row; otherwise `x` must be one point.
        """
        refuse_tensor(x)
        if is_inexact(x):
            return inexact_entries_and_conversion(x, self.dimension)
        column = require_rational(as_vectors(x, self.dimension))
        if column.shape[1] != 1:
            raise InvalidInputError(
                f"expected one exact point, got {column.shape[1]} columns: pass the points one "
                "by one"
            )
        return column.to_list_flat(), to_element

    def jacobian(self, x: VectorLike) -> Any:
        """Return the d x d Jacobian at a point, which is the matrix of `tangent`.

        It is exact if `x` is exact; otherwise its entries are rounded to numbers such as `x` has.
        """
        return convert_rationals_like(self.tangent(x).domain_matrix(), x)


def _compose(first: Flow, second: Flow) -> PiecewiseFlow:
    """Return the flow that applies `first`, and then `second`."""
    for flow in (second, first):
        if isinstance(flow, CouplingFlow) and flow.flips:
            raise InvalidInputError(
                f"expected a flow without flips, got flips {list(flow.flips)}: use "
                "exactflow.linear.masks.merge_masks to compose these flows"
            )
    if second.partition != first.partition:
        raise InvalidInputError(
            f"expected two flows with equal partition, got {second.partition} and {first.partition}"
        )
    if second.order != first.order:
        orders = [list(flow._coordinates_first_half_first()) for flow in (second, first)]
        raise InvalidInputError(
            f"expected two flows with equal order, got {orders[0]} and {orders[1]}: use "
            "exactflow.linear.masks.merge_masks to compose these flows"
        )
    return PiecewiseFlow(
        [*first.layers, *second.layers], order=first.order, partition=first.partition
    )
