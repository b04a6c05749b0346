"""A linear map as a matrix and its inverse, side by side: no solve and no coupling either way."""

from collections.abc import Mapping
from math import prod

from torch import Tensor

from exactflow.interop.modules.flow import Bijection
from exactflow.interop.modules.layers import along

__all__ = ["MatrixModule"]


class MatrixModule(Bijection):
    """The map x -> W x + bias, and the inverse of W as it was stored.

    All are buffers: training, which would part W from its inverse, leaves them alone.

    Parameters
    ----------
    weight, weight_inverse : W and its inverse, (d, d).
    log_abs_det : log |det W|, a scalar.
    bias : d numbers, or None.

    Examples
    --------
    >>> import torch
    >>> W = torch.tensor([[2.0, 1.0], [0.0, 1.0]])
    >>> module = MatrixModule(W, torch.linalg.inv(W), torch.tensor(2.0).log())
    >>> y, log_det = module(torch.tensor([[1.0, 1.0]]))
    >>> y, module.inverse(y)[0]
    (tensor([[3., 1.]]), tensor([[1., 1.]]))
    """

    weight: Tensor
    weight_inverse: Tensor
    log_abs_det: Tensor
    bias: Tensor | None

    def __init__(
        self,
        weight: Tensor,
        weight_inverse: Tensor,
        log_abs_det: Tensor,
        bias: Tensor | None = None,
    ):
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("weight_inverse", weight_inverse)
        self.register_buffer("log_abs_det", log_abs_det)
        self.register_buffer("bias", bias)

    @classmethod
    def of_state(cls, state: Mapping[str, Tensor]) -> "MatrixModule":
        """Return the module that a state dict, as `state_dict` returns it, describes."""
        names = ("weight", "weight_inverse", "log_abs_det", "bias")
        return cls(**{name: state[name].clone() for name in names if name in state})

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image and the log-determinant."""
        y = _times(self.weight, x)
        y = y if self.bias is None else y + along(self.bias, x)
        return y, self.log_det(x).expand(x.shape[0])

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the preimage and the log-determinant of the inverse."""
        x = y if self.bias is None else y - along(self.bias, y)
        return _times(self.weight_inverse, x), -self.log_det(y).expand(y.shape[0])

    def log_det(self, x: Tensor) -> Tensor:
        """Return the log-determinant for one member of the batch x, a scalar."""
        return self.log_abs_det * prod(x.shape[2:])

    def word(self) -> list[int]:
        """Return the dimension alone."""
        return [len(self.weight)]


def _times(weight: Tensor, x: Tensor) -> Tensor:
    """Return weight x, for vectors or at every pixel."""
    if x.ndim == 2:
        return x @ weight.T
    return (weight @ x.flatten(2)).reshape(x.shape)
