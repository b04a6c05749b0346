"""Plain PyTorch: couplings as modules, and the conditioners that the other libraries share."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from exactflow.flows.flow import LinearFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.relabelled import Relabelled
from exactflow.interop.roundoff import float_layer

__all__ = [
    "Coupling",
    "Flip",
    "FlowModule",
    "LinearConditioner",
    "Mean",
    "Select",
    "Shift",
    "build",
    "chained",
]

Mean: TypeAlias = Sequence[float] | None  # subtracted before the flow


def build(
    flow: LinearFlow, library: str, image: tuple[int, int] | None, mean: Mean
) -> "FlowModule":
    """Return the flow as a `FlowModule`."""
    return FlowModule(flow, mean)


def matrix(layer: LinearCoupling) -> Tensor:
    """Return the shift of a layer."""
    return torch.from_numpy(float_layer(layer).shift)


def scales(layer: LinearCoupling) -> Tensor:
    """Return the scale of a layer."""
    return torch.from_numpy(float_layer(layer).scale)


def steps(
    flow: LinearFlow,
    mean: Mean,
    shift: Callable,
    flip: Callable,
    select: Callable,
    layer: Callable,
) -> list:
    """Return what data meets: the mean subtracted, signs, the order of the coordinates, layers,
    the order undone.

    `shift` takes what is added, `flip` a dimension and the flipped coordinates, `select` an order,
    `layer` a layer.
    """
    shifts = [] if mean is None else [shift([-m for m in mean])]
    flips = [flip(flow.dimension, flow.flips)] if flow.flips else []
    layers = list(map(layer, flow.layers))
    if isinstance(flow, Relabelled):
        layers = [select(flow.order), *layers, select(flow.places)]
    return [*shifts, *flips, *layers]


def along_channels(values: Tensor, like: Tensor) -> Tensor:
    """Return one value per channel, shaped for vectors (N, d) or images (N, d, ..)."""
    return values.reshape(-1, *[1] * (like.ndim - 2))


def times_channels(weight: Tensor, x: Tensor) -> Tensor:
    """Return weight x at every pixel."""
    return torch.einsum("ij,nj...->ni...", weight, x)


def total(log_scales: Tensor, x: Tensor) -> Tensor:
    """Return the log-determinant, one for each member of the batch x."""
    pixels = x[0, 0].numel()
    return (log_scales.sum() * pixels).expand(len(x))


def chained(maps: Iterable[Callable], x: Tensor) -> tuple[Tensor, Tensor]:
    """Apply maps x -> (y, log_det) one after the other; return the last y and the sum."""
    log_det = x.new_zeros(len(x))
    for apply in maps:
        x, change = apply(x)
        log_det = log_det + change
    return x, log_det


class LinearConditioner(nn.Module):
    """kept -> [weight kept, constant], joined along channels in the order that a library wants.

    `constant` fills the scales' places; None leaves them out, for additive layers. `interleaved`
    puts it at odd places; `constant_first` before the shift.
    """

    def __init__(
        self,
        weight: Tensor,
        constant: Tensor | None,
        interleaved: bool = False,
        constant_first: bool = False,
    ):
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.constant = None if constant is None else nn.Parameter(constant)
        self.interleaved, self.constant_first = interleaved, constant_first

    def forward(self, kept: Tensor, context: Tensor | None = None) -> Tensor:
        """Return the parameters of the transformation."""
        shift = times_channels(self.weight, kept)
        if self.constant is None:
            return shift
        constant = along_channels(self.constant, kept).expand_as(shift)
        if self.interleaved:
            return torch.stack((shift, constant), 2).flatten(1, 2)
        return torch.cat((constant, shift) if self.constant_first else (shift, constant), 1)


class Coupling(nn.Module):
    """One layer: ``moved = scale * moved + weight kept``; the scale is a raw parameter."""

    def __init__(self, layer: LinearCoupling):
        super().__init__()
        self.partition, self.moves = layer.partition, layer.moves
        self.weight = nn.Parameter(matrix(layer))
        self.scale = nn.Parameter(scales(layer))

    def _halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = torch.split(x, list(self.partition), dim=1)
        return (first, second) if self.moves == "first" else (second, first)

    def _joined(self, moved: Tensor, kept: Tensor) -> Tensor:
        return torch.cat((moved, kept) if self.moves == "first" else (kept, moved), 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image and the log-determinant."""
        moved, kept = self._halves(x)
        moved = along_channels(self.scale, x) * moved + times_channels(self.weight, kept)
        return self._joined(moved, kept), total(self.scale.log(), x)

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the preimage and the log-determinant of the inverse."""
        moved, kept = self._halves(y)
        moved = (moved - times_channels(self.weight, kept)) / along_channels(self.scale, y)
        return self._joined(moved, kept), -total(self.scale.log(), y)


class Flip(nn.Module):
    """Coordinates negated: the orientation that no coupling with positive scales can repair."""

    signs: Tensor

    def __init__(self, dimension: int, flips: tuple[int, ...]):
        super().__init__()
        signs = torch.ones(dimension, dtype=torch.float64)
        signs[list(flips)] = -1
        self.register_buffer("signs", signs)

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the image and the log-determinant, which is zero."""
        return along_channels(self.signs, x) * x, x.new_zeros(len(x))

    inverse = forward


class Shift(nn.Module):
    """A constant added: less the mean of the data."""

    def __init__(self, shift: Sequence[float]):
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(shift, dtype=torch.float64))

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the image and the log-determinant, which is zero."""
        return x + along_channels(self.shift, x), x.new_zeros(len(x))

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the preimage and the log-determinant, which is zero."""
        return y - along_channels(self.shift, y), y.new_zeros(len(y))


class Select(nn.Module):
    """Channels in a given order: y = x[order]."""

    order: Tensor

    def __init__(self, order: Sequence[int]):
        super().__init__()
        self.register_buffer("order", torch.tensor(order))

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the image and the log-determinant, which is zero."""
        return x[:, self.order], x.new_zeros(len(x))

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the preimage and the log-determinant, which is zero."""
        return y[:, torch.argsort(self.order)], y.new_zeros(len(y))


class FlowModule(nn.Module):
    """The layers of a flow in the order in which data meets them; a `Shift` first if there is a
    mean, then a `Flip` if there are flips.
    """

    def __init__(self, flow: LinearFlow, mean: Mean = None):
        super().__init__()
        self.layers = nn.ModuleList(steps(flow, mean, Shift, Flip, Select, Coupling))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image and the log-determinant of vectors (N, d) or images (N, d, H, W)."""
        return chained(self.layers, x)

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the preimage and the log-determinant of the inverse."""
        inverses: list[Any] = [layer.inverse for layer in reversed(self.layers)]
        return chained(inverses, y)
