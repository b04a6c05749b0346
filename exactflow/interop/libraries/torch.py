"""Plain PyTorch: ``nn.Linear`` and 1x1 convolutions."""

from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap, read_affine_map
from exactflow.interop.library import Library
from exactflow.interop.modules import BijectionModule


class Couplings(nn.Module):
    """Couplings in place of an ``nn.Linear`` or a 1x1 convolution.

    The argument `weight` is the weight of the replaced layer. The attribute `weight`, computed from
    the couplings, has the same shape, dtype and device.
    """

    like: Tensor

    def __init__(self, couplings: BijectionModule, weight: Tensor):
        super().__init__()
        self.couplings, self.shape = couplings, weight.shape
        self.register_buffer("like", weight.detach().new_empty(0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the image, in the shape of x."""
        batch = self._flatten_vector_batches_or_unsqueeze_image(x)
        return self.couplings(batch)[0].reshape(x.shape)

    def inverse(self, y: Tensor) -> Tensor:
        """Return the preimage, in the shape of y."""
        batch = self._flatten_vector_batches_or_unsqueeze_image(y)
        return self.couplings.inverse(batch)[0].reshape(y.shape)

    @property
    def weight(self) -> Tensor:
        """The matrix of the couplings, in the shape of the replaced weight."""
        one = torch.eye(self.shape[0], dtype=self.like.dtype, device=self.like.device)
        W = self.couplings(one)[0] - self.couplings(torch.zeros_like(one))[0]
        return W.T.reshape(self.shape)

    @property
    def bias(self) -> Tensor | None:
        """The bias; None if the couplings have none."""
        bias = getattr(self.couplings, "bias", None)
        return bias if isinstance(bias, Tensor) else None

    def _flatten_vector_batches_or_unsqueeze_image(self, x: Tensor) -> Tensor:
        """Flatten the leading axes of vectors into one, or add a missing batch axis to an image."""
        if len(self.shape) == 2:  # the replaced layer is an nn.Linear, which acts on the last axis
            return x.reshape(prod(x.shape[:-1]), x.shape[-1])
        return x.unsqueeze(0) if x.ndim == 3 else x


def _read_linear(module: Any) -> AffineMap:
    return read_affine_map(module.weight, module.bias)


def _read_convolution(module: Any) -> AffineMap:
    plain = module.groups == 1 and set(module.stride) == {1}
    if not plain or any(module.padding if isinstance(module.padding, tuple) else ()):
        raise InvalidInputError(
            "expected a 1x1 convolution without groups, stride and padding, got "
            f"groups={module.groups}, stride={module.stride}, padding={module.padding}"
        )
    return _read_linear(module)


LIBRARY = Library(
    name="torch",
    make_module=lambda couplings, shape: couplings,
    readers={nn.Linear: _read_linear, nn.Conv2d: _read_convolution},
    sequences={nn.Sequential: ""},
    make_like=lambda module, couplings: Couplings(couplings, module.weight),
)
