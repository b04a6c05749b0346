"""A flow of additive layers as shears for `lossless`, and the step of a scaling behind them."""

from fractions import Fraction

import numpy as np
from sympy.polys.matrices import DomainMatrix

from exactflow.balancing.target import Target, entries_of
from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import to_fraction
from exactflow.flows.float_layers import FloatCoupling
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.orientation import Pose

__all__ = ["shears_of", "target_of"]


def shears_of(flow: CouplingFlow) -> tuple[list[FloatCoupling], Fraction]:
    """Return the layers in float64, and the step: 1, or the scale that all coordinates have in
    layers without shifts at the end.

    Raises `InvalidInputError` for other scales, or shifts beyond float64.
    """
    layers = list(flow.layers)
    scales: dict[str, set] = {"first": set(), "second": set()}
    while layers and not layers[-1].is_additive and not layers[-1].shift_matrix.nnz():
        layer = layers.pop()
        scales[layer.moves] |= set(layer.scale_elements)
    steps = scales["first"] | scales["second"]
    common = not steps or (len(steps) == 1 and scales["first"] == scales["second"])
    if not (flow.field.is_QQ and common and all(layer.is_additive for layer in layers)):
        raise InvalidInputError(
            "expected additive layers over QQ (and one scale for all coordinates after them, or "
            "none), got other scales: give the flow's matrix instead"
        )
    found = [FloatCoupling.of(layer).dense() for layer in layers]
    if not all(np.isfinite(layer.shift).all() for layer in found):
        raise InvalidInputError("expected shifts within the range of float64, got larger ones")
    p, q = flow.partition
    return found or [FloatCoupling("second", np.zeros((q, p)))], to_fraction(*steps or {1})


def target_of(W: DomainMatrix, flow: CouplingFlow) -> Target:
    """Return the target of W for the layers of a flow, after its flips and in its order."""
    order = flow.order or tuple(range(flow.dimension))
    return Target.under(Pose(flow.partition, order, flow.flips), entries_of(W))
