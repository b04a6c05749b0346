"""One coupling layer as a module of PyTorch, on halves that stay apart: dense, or gathered.

Scales are ``scale * exp(log_gain)``: the numbers of the flow, bit by bit, times a factor that
training starts at one and that no step of an optimizer can make negative; or, on request, the raw
numbers as parameters.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from exactflow.exact.typing import Half
from exactflow.flows.float_layers import FloatCoupling
from exactflow.flows.linear import LinearCoupling
from exactflow.interop.roundoff import float_layer, most_in_a_row

__all__ = [
    "CouplingModule",
    "DenseCoupling",
    "SparseCoupling",
    "along",
    "coupling",
    "described",
    "scale_of",
]

SPARSE = 4
"""A layer is gathered where no row has more nonzero entries than a fourth of the kept half."""


class CouplingModule(nn.Module):
    """One layer on halves: ``moved = scale * moved + T kept``.

    Parameters
    ----------
    moves : the half that the layer maps.
    scale : of the half that moves; None for an additive layer, which stays additive in training.
    raw : whether the scale is a parameter itself.
    """

    scale: Tensor | None
    log_gain: Tensor | None

    def __init__(self, moves: Half, scale: Tensor | None, raw: bool = False):
        super().__init__()
        self.moves = moves
        if raw and scale is not None:
            self.register_parameter("scale", nn.Parameter(scale))
        else:
            self.register_buffer("scale", scale)
        gain = None if raw or scale is None else nn.Parameter(torch.zeros_like(scale))
        self.register_parameter("log_gain", gain)

    def shifted(self, onto: Tensor, kept: Tensor, sign: int = 1, fresh: bool = False) -> Tensor:
        """Return ``onto + sign T kept``; in the place of `onto` where that is `fresh`."""
        raise NotImplementedError

    def scales(self) -> Tensor | None:
        """Return the scale as training has left it, or None for an additive layer."""
        if self.scale is None or self.log_gain is None:
            return self.scale
        return self.scale * self.log_gain.exp()

    def log_det(self) -> Tensor:
        """Return the log-determinant of one vector."""
        if self.scale is None:
            return torch.zeros(())
        total = self.scale.log().sum()
        return total if self.log_gain is None else total + self.log_gain.sum()

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Return both halves after the layer."""
        if self.moves == "first":
            return self._moved(first, second), second
        return first, self._moved(second, first)

    def inverse(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Return both halves before the layer."""
        if self.moves == "first":
            return self._back(first, second), second
        return first, self._back(second, first)

    def _moved(self, moved: Tensor, kept: Tensor) -> Tensor:
        scale = self.scales()
        if scale is None:
            return self.shifted(moved, kept)
        return self.shifted(along(scale, moved) * moved, kept, fresh=True)

    def _back(self, moved: Tensor, kept: Tensor) -> Tensor:
        scale = self.scales()
        moved = self.shifted(moved, kept, -1)
        return moved if scale is None else moved / along(scale, moved)

    def extra_repr(self) -> str:
        """Return what PyTorch prints of the layer."""
        return f"moves={self.moves!r}, scaled={self.scale is not None}"


class DenseCoupling(CouplingModule):
    """A layer whose shift is a matrix, the parameter ``weight``."""

    def __init__(self, moves: Half, weight: Tensor, scale: Tensor | None, raw: bool = False):
        super().__init__(moves, scale, raw)
        self.weight = nn.Parameter(weight)

    def shifted(self, onto: Tensor, kept: Tensor, sign: int = 1, fresh: bool = False) -> Tensor:
        """Return ``onto + sign weight kept``, in one product."""
        if kept.ndim == 2:
            return torch.addmm(onto, kept, self.weight.T, alpha=sign)
        weight = self.weight.expand(kept.shape[0], *self.weight.shape)
        add = onto.baddbmm_ if fresh else onto.baddbmm
        return add(weight, kept, alpha=sign)


class SparseCoupling(CouplingModule):
    """A layer whose shift has a few entries in each row: channels ``columns`` times ``values``.

    Both have the shape (terms, moved); rows with fewer entries are filled up with zeros.
    """

    columns: Tensor

    def __init__(
        self, moves: Half, columns: Tensor, values: Tensor, scale: Tensor | None, raw: bool = False
    ):
        super().__init__(moves, scale, raw)
        self.register_buffer("columns", columns)
        self.values = nn.Parameter(values)

    def shifted(self, onto: Tensor, kept: Tensor, sign: int = 1, fresh: bool = False) -> Tensor:
        """Return ``onto`` plus the gathered channels, each times its value and the sign."""
        for columns, values in zip(self.columns.unbind(), self.values.unbind(), strict=True):
            onto = onto + along(sign * values, kept) * kept.index_select(1, columns)
        return onto


def along(values: Tensor, like: Tensor) -> Tensor:
    """Return one value per channel, shaped for vectors (N, d) or images (N, d, ..)."""
    return values.reshape(-1, *[1] * (like.ndim - 2))


def coupling(layer: LinearCoupling, raw: bool) -> CouplingModule:
    """Return a layer as a module: gathered where it is sparse and has few entries in each row."""
    held = float_layer(layer)
    scale = None if layer.is_additive else torch.from_numpy(held.scale)
    terms = most_in_a_row(held)
    if layer.is_sparse and SPARSE * terms <= held.shift.shape[1]:
        columns, values = _gathered(held, terms)
        return SparseCoupling(layer.moves, columns, values, scale, raw)
    return DenseCoupling(layer.moves, torch.from_numpy(held.dense().shift), scale, raw)


def _gathered(layer: FloatCoupling, terms: int) -> tuple[Tensor, Tensor]:
    """Return the columns and values of a shift, (terms, moved) each."""
    entries = layer.shift.tocoo()
    places = np.arange(entries.nnz) - layer.shift.indptr[entries.row], entries.row
    columns, values = np.zeros((2, terms, layer.shift.shape[0]))
    columns[places], values[places] = entries.col, entries.data
    return torch.from_numpy(columns).long(), torch.from_numpy(values)


def described(moves: Half, state: Mapping[str, Tensor]) -> CouplingModule:
    """Return the layer whose state this is."""
    scale, raw = scale_of(state)
    if "weight" in state:
        return DenseCoupling(moves, state["weight"].clone(), scale, raw)
    return SparseCoupling(moves, state["columns"].clone(), state["values"].clone(), scale, raw)


def scale_of(state: Mapping[str, Tensor]) -> tuple[Tensor | None, bool]:
    """Return the scale of a layer whose state this is, and whether it is a parameter itself."""
    scale = state.get("scale")
    return None if scale is None else scale.clone(), scale is not None and "log_gain" not in state
