"""Couplings in the place of a plain module: same arguments, same axes, same results."""

from math import prod
from typing import Literal

from torch import Tensor, nn

from exactflow.interop.plain import Bijection

__all__ = ["Couplings", "Result", "Transforming"]

Result = Literal["image", "scalar", "batch"]
"""What a module returns: y alone, or y and the log-determinant, one for all or for each."""


class Couplings(nn.Module):
    """Couplings in the place of ``nn.Linear``, a 1x1 convolution, or a layer of a Glow.

    Parameters
    ----------
    couplings : an `exactflow.interop.plain.FlowModule`.
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
        batch = self._batch(x)
        y, each = self.couplings(batch)
        return self._returned(y.reshape(x.shape), self.couplings.log_det(batch), each)

    def inverse(self, y: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return the preimage, and the log-determinant of the inverse as `result` says."""
        batch = self._batch(y)
        x, each = self.couplings.inverse(batch)
        return self._returned(x.reshape(y.shape), -self.couplings.log_det(batch), each)

    def reverse(self, y: Tensor) -> Tensor:
        """Return the preimage."""
        return self.couplings.inverse(self._batch(y))[0].reshape(y.shape)

    def _batch(self, x: Tensor) -> Tensor:
        if self.last:
            return x.reshape(prod(x.shape[:-1]), x.shape[-1])
        return x.unsqueeze(0) if x.ndim == self.axes - 1 else x

    def _returned(self, y: Tensor, one: Tensor, each: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return y if self.result == "image" else (y, one if self.result == "scalar" else each)


class Transforming(nn.Module):
    """Couplings with the methods of an nflows ``Transform``, which takes a context."""

    def __init__(self, couplings: Bijection):
        super().__init__()
        self.couplings = couplings

    def forward(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the image and the log-determinant."""
        return self.couplings(inputs)

    def inverse(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the preimage and the log-determinant of the inverse."""
        return self.couplings.inverse(inputs)
