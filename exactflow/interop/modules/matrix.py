"""A linear map as a matrix and its inverse, side by side: no solve and no coupling either way."""

from math import prod

from torch import Tensor

from exactflow.interop.modules.flow import Bijection
from exactflow.interop.modules.layers import State, along, flat, times

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
    def of_state(cls, state: State) -> "MatrixModule":
        """Return the module that a state dict, as `state_dict` returns it, describes."""
        return cls(**{name: t.clone() for name, t in state.items() if name != "_extra_state"})

    def image(self, x: Tensor) -> Tensor:
        """Return W x + bias."""
        y = times(self.weight, flat(x)).reshape(x.shape)
        return y if self.bias is None else y + along(self.bias, x)

    def preimage(self, y: Tensor) -> Tensor:
        """Return the inverse of W, times y - bias."""
        x = y if self.bias is None else y - along(self.bias, y)
        return times(self.weight_inverse, flat(x)).reshape(y.shape)

    def log_det(self, x: Tensor) -> Tensor:
        """Return the log-determinant for one member of the batch x, a scalar."""
        return self.log_abs_det * prod(x.shape[2:])

    def word(self) -> list[int]:
        """Return the dimension alone."""
        return [len(self.weight)]
