"""Layers that act coordinate by coordinate."""

from collections.abc import Sequence

from exactflow.flows.nonlinear import MergedCoupling, PiecewiseCoupling
from exactflow.flows.nonlinear.merged_coupling import MaskedPart

__all__ = ["coordinatewise"]


def coordinatewise(layers: Sequence[PiecewiseCoupling]) -> MergedCoupling:
    """Combine layers of two coordinates into one layer on equal halves: layer i reads coordinate i
    of one half and moves coordinate i of the other.

    >>> from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
    >>> bends = [PiecewiseLinear([0], [0], 1, slope) for slope in (1, 2)]
    >>> layer = coordinatewise([PiecewiseCoupling((1, 1), "second", bend) for bend in bends])
    >>> layer.forward([3, 5, 0, 0]).T
    Matrix([[3, 5, 3, 10]])
    """
    parts = (MaskedPart(layer, ((i, 1),), ((i, 1),)) for i, layer in enumerate(layers))
    return MergedCoupling((len(layers),) * 2, layers[0].moves, tuple(parts))
