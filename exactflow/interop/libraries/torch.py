"""Plain PyTorch, and the layers of a Glow that many copy (rosinality's ``glow-pytorch``)."""

from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap, dense, vector
from exactflow.interop.library import Library, Reader
from exactflow.interop.modules.flow import Bijection
from exactflow.interop.modules.layers import State

__all__ = ["LIBRARY", "Couplings"]

Result = Literal["image", "scalar", "batch"]
"""What a module returns: y alone, or y and the log-determinant, one for all or for each."""


class Couplings(nn.Module):
    """Couplings in the place of ``nn.Linear``, a 1x1 convolution, or a layer of a Glow.

    Parameters
    ----------
    couplings : an `exactflow.interop.modules.flow.FlowModule`.
    last : whether vectors lie along the last axis, as for ``nn.Linear``, rather than along axis 1.
    axes : of a batch, where a tensor with one axis less is one image; 0 if there is no such rule.
    result : what `forward` returns. `inverse` returns as much; `reverse` the preimage alone.
    """

    def __init__(self, couplings: Bijection, last: bool, axes: int, result: Result):
        super().__init__()
        self.couplings = couplings
        self.last, self.axes, self.result = last, axes, result

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return the image, and the log-determinant as `result` says."""
        return self._run(self.couplings, x, 1)

    def inverse(self, y: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return the preimage, and the log-determinant of the inverse as `result` says."""
        return self._run(self.couplings.inverse, y, -1)

    def reverse(self, y: Tensor) -> Tensor:
        """Return the preimage."""
        return self.couplings.inverse(self._batch(y))[0].reshape(y.shape)

    @property
    def weight(self) -> Tensor:
        """The matrix, in the shape of the weight that was there, for who reads it."""
        d, tensors = self.couplings.dimension, self.couplings.state_dict().values()
        like = next(tensor for tensor in tensors if tensor.is_floating_point())
        one = torch.eye(d, dtype=like.dtype, device=like.device)
        W = (self.couplings(one)[0] - self.couplings(torch.zeros_like(one))[0]).T
        return W.reshape(d, d, *[1] * (self.axes - 2))

    @property
    def bias(self) -> Tensor | None:
        """The bias, for who reads it."""
        bias = getattr(self.couplings, "bias", None)
        return bias if isinstance(bias, Tensor) else None

    def _batch(self, x: Tensor) -> Tensor:
        if self.last:
            return x.reshape(prod(x.shape[:-1]), x.shape[-1])
        return x.unsqueeze(0) if x.ndim == self.axes - 1 else x

    def _run(self, run: Any, x: Tensor, sign: int) -> Tensor | tuple[Tensor, Tensor]:
        batch = self._batch(x)
        y, each = run(batch)
        y, one = y.reshape(x.shape), sign * self.couplings.log_det(batch)
        return y if self.result == "image" else (y, one if self.result == "scalar" else each)


def _imitation(module: nn.Module, couplings: Bijection, x: Tensor | None) -> Couplings:
    """Return couplings with the interface of a module that takes data x; where x is None, an
    unknown module is run on zeros.
    """
    if isinstance(module, nn.Linear):
        return Couplings(couplings, True, 0, "image")
    if isinstance(module, nn.Conv2d):
        return Couplings(couplings, False, 4, "image")
    if type(module).__name__ in _CONVOLUTIONS or getattr(module, "logdet", None) is True:
        return Couplings(couplings, False, 0, "scalar")
    returned = _returned(module, couplings, x)
    if not isinstance(returned, tuple):
        return Couplings(couplings, False, 0, "image")
    result: Result = "batch" if torch.as_tensor(returned[1]).ndim else "scalar"
    return Couplings(couplings, False, 0, result)


def _returned(module: nn.Module, couplings: Bijection, x: Tensor | None) -> Any:
    with torch.no_grad():
        if x is not None:
            return module(x)
        d, like = couplings.dimension, next(module.parameters(), None)
        for shape in ((1, d), (1, d, 1, 1)):
            try:
                return module(torch.zeros(shape, dtype=None if like is None else like.dtype))
            except RuntimeError:  # a module for data of another shape
                continue
    return None


def _linear(module: Any) -> AffineMap:
    return dense(module.weight, module.bias)


def _convolution(module: Any) -> AffineMap:
    plain = module.groups == 1 and set(module.stride) == {1}
    if not plain or any(module.padding if isinstance(module.padding, tuple) else ()):
        raise InvalidInputError(
            "expected a 1x1 convolution without groups, stride and padding, got "
            f"groups={module.groups}, stride={module.stride}, padding={module.padding}"
        )
    return _linear(module)


def _normalization(module: Any) -> AffineMap:
    scale, loc = vector(module.scale), vector(module.loc)
    return AffineMap(scale, scale * loc)


_CONVOLUTIONS = ("InvConv2d", "InvConv2dLU")
_COPIED: dict[str, tuple[tuple[str, ...], Reader]] = {
    "InvConv2d": (("weight",), lambda module: dense(module.weight)),
    "InvConv2dLU": (("calc_weight",), lambda module: dense(module.calc_weight())),
    "ActNorm": (("loc", "scale", "initialized"), _normalization),
}
"""The layers of glow-pytorch, which is copied rather than installed: known by their attributes."""


def _built(own: State, whole: State) -> nn.Module | None:
    shape = own["weight"].shape
    if len(shape) not in (2, 4) or shape[0] != shape[1] or set(shape[2:]) - {1}:
        return None
    d, bias = shape[0], "bias" in own
    return nn.Linear(d, d, bias) if len(shape) == 2 else nn.Conv2d(d, d, 1, bias=bias)


def _copied(module: Any) -> Reader | None:
    attributes, reader = _COPIED.get(type(module).__name__, ((), None))
    return reader if all(hasattr(module, name) for name in attributes) else None


LIBRARY = Library(
    name="torch",
    couplings=lambda couplings, shape: couplings,
    lists={nn.Sequential: ""},
    readers={nn.Linear: _linear, nn.Conv2d: _convolution},
    reader=_copied,
    builders={frozenset(("weight",)): _built, frozenset(("weight", "bias")): _built},
    imitation=_imitation,
)
