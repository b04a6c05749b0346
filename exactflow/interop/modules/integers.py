"""Lossless flows as modules of PyTorch: integer tensors in, integer tensors out, bit for bit.

The shifts are kept as 64-bit integers, which ``.float()`` and ``.half()`` leave alone, and become
float64 where they are used; there every product is exact, as
`exactflow.floats.lossless.integer_coupling` says. So the bits are those of `Lossless.forward` on
every device that has float64.

What is refused is an error in PyTorch. A graph that is exported or compiled has no errors of its
own: there a value out of range becomes an index out of range, which the runtime refuses.
"""

from math import prod

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.exact.typing import HALVES
from exactflow.floats.lossless import IntegerCoupling, Lossless
from exactflow.interop.modules.flow import Bijection
from exactflow.interop.modules.layers import along, apart, flat, times, together

__all__ = ["IntegerLayer", "LosslessModule"]


class IntegerLayer(nn.Module):
    """The rounded shift of one layer, as `exactflow.floats.lossless.IntegerCoupling` has it."""

    weight: Tensor
    units: Tensor
    radius: Tensor

    def __init__(self, layer: IntegerCoupling):
        super().__init__()
        self.moves = layer.moves
        weight = torch.stack([torch.from_numpy(part.integers) for part in layer.parts])
        self.register_buffer("weight", weight)
        self.register_buffer("units", torch.tensor([2**part.bits for part in layer.parts]))
        self.register_buffer("radius", torch.tensor(layer.radius))

    def forward(self, kept: Tensor) -> Tensor:
        """Return floor(T kept + 1/2) for integers (N, k) or (N, k, pixels) in float64."""
        weights = self.weight.double() / self.units.double()[:, None, None]
        value = times(weights[0], kept)
        whole = torch.zeros_like(value)
        for weight in weights[1:]:
            integers = torch.floor(value)
            whole = whole + integers
            value = (value - integers) + times(weight, kept)
        return whole + torch.floor(value + 0.5)


class LosslessModule(Bijection):
    """A lossless flow: ``forward(x) -> (y, log_det)`` on integer vectors (N, d) or images
    (N, d, ..), in the dtype of x; ``inverse`` returns x, to the last bit.

    The log-determinants, in float64, are those of x -> step * y: d log(step) at each pixel.

    Parameters
    ----------
    result : what `exactflow.floats.lossless.lossless` returned.

    Examples
    --------
    >>> from exactflow.floats.lossless import lossless
    >>> module = LosslessModule(lossless([[0, -2], [2, 0]]))
    >>> y, log_det = module(torch.tensor([[1000, -3]], dtype=torch.int16))
    >>> y, module.inverse(y)[0]
    (tensor([[   3, 1000]], dtype=torch.int16), tensor([[1000,   -3]], dtype=torch.int16))
    """

    order: Tensor
    signs: Tensor
    limit: Tensor
    largest: Tensor
    log_step: Tensor

    def __init__(self, result: Lossless):
        super().__init__()
        self.partition = result.partition
        self.layers = nn.ModuleList(map(IntegerLayer, result.layers))
        signs = torch.ones(result.dimension, dtype=torch.int64)
        signs[list(result.flips)] = -1
        log_step = float(result.log_abs_det()) / result.dimension
        self.register_buffer("order", torch.tensor(result.order))
        self.register_buffer("signs", signs)
        self.register_buffer("limit", torch.tensor(result.limit))
        self.register_buffer("largest", torch.tensor(result.largest))
        self.register_buffer("log_step", torch.tensor([log_step], dtype=torch.float64))

    def image(self, x: Tensor) -> Tensor:
        """Return the image; raise `InvalidInputError` for what is no integer tensor, beyond the
        limit, or has an image that the dtype does not hold.
        """
        values = _refused(self._values(x), self.limit, "inputs")
        halves = apart(self._signed(values), self.order, self.partition)
        for layer in self.couplings():
            i = HALVES.index(layer.moves)
            halves[i] = halves[i] + layer(halves[1 - i])
        return _typed(together(halves, torch.argsort(self.order)), x)

    def preimage(self, y: Tensor) -> Tensor:
        """Return the preimage; raise `InvalidInputError` for what is not the image of an input."""
        values = _refused(self._values(y), self.largest, "images of inputs")
        halves = apart(values, self.order, self.partition)
        for layer in reversed(self.couplings()):
            i = HALVES.index(layer.moves)
            kept = _refused(halves[1 - i], layer.radius, "images of inputs")
            halves[i] = halves[i] - layer(kept)
        x = together(halves, torch.argsort(self.order))
        return _typed(self._signed(_refused(x, self.limit, "images of inputs")), y)

    def log_det(self, x: Tensor) -> Tensor:
        """Return the log-determinant for one member of the batch x, a scalar."""
        return (self.log_step * (sum(self.partition) * prod(x.shape[2:])))[0]

    def _values(self, x: Tensor) -> Tensor:
        """Return integers of shape (N, d) or (N, d, pixels) in float64."""
        d = sum(self.partition)
        if x.is_floating_point() or x.is_complex() or x.dtype == torch.bool:
            raise InvalidInputError(
                f"expected integers (int8 to int64), got {x.dtype}: round first, as in "
                "torch.round(x / h).long(), where h is the grid that is wanted"
            )
        if x.ndim < 2 or x.shape[1] != d:
            raise InvalidInputError(
                f"expected vectors (N, {d}) or images (N, {d}, ..), got shape {tuple(x.shape)}"
            )
        return flat(x.double())

    def _signed(self, values: Tensor) -> Tensor:
        return values * along(self.signs.double(), values)


def _typed(values: Tensor, like: Tensor) -> Tensor:
    """Return values in the type and the shape of another tensor; refuse what it does not hold."""
    held = torch.iinfo(like.dtype)
    inside = ((values >= held.min) & (values <= held.max)).all()
    message = (
        f"expected values that {like.dtype} holds, got others: give the tensor in a longer type"
    )
    return _guarded(values, inside, message).to(like.dtype).reshape(like.shape)


def _refused(values: Tensor, largest: Tensor, what: str) -> Tensor:
    """Return values that are refused beyond a bound."""
    inside = (values.abs() <= largest).all()
    remedy = "" if what == "inputs" else ": only what forward returned has an inverse"
    return _guarded(values, inside, f"expected {what} within a limit, got others{remedy}")


def _guarded(values: Tensor, condition: Tensor, message: str) -> Tensor:
    """Return values, or refuse: in a graph by an index of 1 into one element."""
    if torch.onnx.is_in_onnx_export() or torch.compiler.is_compiling():
        return values + values.new_zeros(1)[(~condition).long()]
    if not condition:
        raise InvalidInputError(message)
    return values
