"""Plain PyTorch: ``nn.Linear`` and 1x1 convolutions."""

from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap, dense
from exactflow.interop.library import Library
from exactflow.interop.modules.flow import BijectionModule


class Couplings(nn.Module):
    """Couplings, a `FlowModule` or another bijection, in the place of an ``nn.Linear``, or of a 1x1
    convolution: the shape of its weight is that of `weight` here, its type and device those of an
    identity.
    """

    like: Tensor

    def __init__(self, couplings: BijectionModule, weight: Tensor):
        super().__init__()
        self.couplings, self.shape = couplings, weight.shape
        self.register_buffer("like", weight.detach().new_empty(0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the image."""
        return self.couplings(self._batch(x))[0].reshape(x.shape)

    def inverse(self, y: Tensor) -> Tensor:
        """Return the preimage."""
        return self.couplings.inverse(self._batch(y))[0].reshape(y.shape)

    @property
    def weight(self) -> Tensor:
        """The matrix, in the shape of the weight that was there, for who reads it."""
        one = torch.eye(self.shape[0], dtype=self.like.dtype, device=self.like.device)
        W = self.couplings(one)[0] - self.couplings(torch.zeros_like(one))[0]
        return W.T.reshape(self.shape)

    @property
    def bias(self) -> Tensor | None:
        """The bias, for who reads it."""
        bias = getattr(self.couplings, "bias", None)
        return bias if isinstance(bias, Tensor) else None

    def _batch(self, x: Tensor) -> Tensor:
        if len(self.shape) == 2:  # vectors lie along the last axis
            return x.reshape(prod(x.shape[:-1]), x.shape[-1])
        return x.unsqueeze(0) if x.ndim == 3 else x


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


LIBRARY = Library(
    name="torch",
    couplings=lambda couplings, shape: couplings,
    readers={nn.Linear: _linear, nn.Conv2d: _convolution},
    lists={nn.Sequential: ""},
    imitation=lambda module, couplings: Couplings(couplings, module.weight),
)
