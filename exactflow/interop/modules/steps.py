"""The layers of a flow for images as bijections of integers: linear ones, couplings, squeezes.

Every step maps integer tensors (N, C, H, W), which stand for multiples of a grid: forward from data
to latent, `inverse` back, to the last bit.
"""

import copy
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.floats.lossless import lossless
from exactflow.interop.affine import AffineMap
from exactflow.interop.modules.integers import LosslessModule
from exactflow.interop.modules.layers import along

__all__ = [
    "Additive",
    "IntegerStep",
    "PixelMap",
    "Shift",
    "Squeeze",
    "frozen",
    "squares",
    "unsquared",
]

LARGEST = 2**52


def frozen(network: nn.Module) -> nn.Module:
    """Return a copy of a network in evaluation mode."""
    return copy.deepcopy(network).eval().requires_grad_(False)


class IntegerStep(nn.Module):
    """A bijection of integer tensors; `grid` is that of its output."""

    def __init__(self, grid: Fraction):
        super().__init__()
        self.grid = grid

    def forward(self, x: Tensor, context: Any = None) -> Tensor:
        """Return the image."""
        return self.mapped(x, 1, context)

    def inverse(self, y: Tensor, context: Any = None) -> Tensor:
        """Return the preimage."""
        return self.mapped(y, -1, context)

    def mapped(self, x: Tensor, sign: int, context: Any) -> Tensor:
        """Return the image, or for the sign -1 the preimage."""
        raise NotImplementedError

    def key(self) -> tuple[Any, ...]:
        """Return what the integers depend on beside the tensors of the state dict."""
        return (self.grid,)


class PixelMap(IntegerStep):
    """x -> A x + b at every pixel, for one map or for several that follow each other, merged.

    Parameters
    ----------
    affine : in real numbers; of one channel, only a shift.
    grid : of the input. That of the output is larger by |det A|^(1/d).
    bits, limit : as in `exactflow.floats.lossless.lossless`.
    """

    bias: Tensor

    def __init__(self, affine: AffineMap, grid: Fraction, bits: int | None, limit: int):
        super().__init__(grid)
        A = affine.simplified()
        self.module: LosslessModule | None = None
        if A.dimension > 1 and (A.is_permutation or not (A.entries == 1).all()):
            result = lossless(A.exact(), bits=bits, limit=limit, orientation="flip")
            self.module = LosslessModule(result)
            self.grid *= Fraction(int(result.step.p), int(result.step.q))
        elif A.dimension == 1 and A.matrix[0, 0] != 1:
            raise InvalidInputError(
                "expected at least two channels where a linear layer scales, got one: squeeze first"
            )
        bias = [round(Fraction(value) / self.grid) for value in A.shift.tolist()]
        if max(map(abs, bias)) > LARGEST:
            raise InvalidInputError("expected a bias of at most 2^52 steps of the grid, got more")
        self.register_buffer("bias", torch.tensor(bias, dtype=torch.int64))

    def mapped(self, x: Tensor, sign: int, context: Any) -> Tensor:
        """Return A x + b, or what it is the image of."""
        if sign > 0:
            y = x if self.module is None else self.module.image(x)
            return y + along(self.bias, y)
        y = x - along(self.bias, x)
        return y if self.module is None else self.module.preimage(y)


class Additive(IntegerStep):
    """Some channels plus what a network says of the others, rounded.

    The network runs in floats: on one machine, with one shape of batch, it says the same in both
    directions. Elsewhere nothing is promised of it.

    Parameters
    ----------
    network : from the kept channels, in real numbers, to the shift; copied, in evaluation mode.
    parts : the channels that are kept and those that move; or the one, 0 or 1, of the two chunks
        that is kept.
    sign : 1 or -1, that of the shift from data to latent.
    dtype : of the network.
    takes_context : whether the network is called with a context, maybe None, behind.
    """

    kept: Tensor | None
    moved: Tensor | None

    def __init__(
        self,
        network: nn.Module,
        parts: tuple[Tensor, Tensor] | int,
        sign: int,
        grid: Fraction,
        dtype: torch.dtype,
        takes_context: bool = False,
    ):
        super().__init__(grid)
        self.network, self.sign, self.dtype = frozen(network), sign, dtype
        self.takes_context = takes_context
        self.kept_chunk = parts if isinstance(parts, int) else 0
        kept, moved = (None, None) if isinstance(parts, int) else parts
        self.register_buffer("kept", kept)
        self.register_buffer("moved", moved)

    def key(self) -> tuple[Any, ...]:
        """Return the grid, the sign, the chunk that is kept, and the type of floats."""
        return self.grid, self.sign, self.kept_chunk, self.dtype, self.takes_context

    def mapped(self, x: Tensor, sign: int, context: Any) -> Tensor:
        """Return x with the shift, or without it."""
        kept, moved = self.kept, self.moved
        if kept is None or moved is None:
            chunks = torch.arange(x.shape[1], device=x.device).chunk(2)
            kept, moved = chunks[self.kept_chunk], chunks[1 - self.kept_chunk]
        shift = self._shift(x.index_select(1, kept), context)
        return x.index_add(1, moved, sign * self.sign * shift)

    def _shift(self, kept: Tensor, context: Any) -> Tensor:
        unit, given = float(self.grid), (context,) if self.takes_context else ()
        values = (kept.double() * unit).to(self.dtype)
        with torch.no_grad():
            shift = torch.round(self.network(values, *given).double() / unit)
        if not (shift.abs() <= LARGEST).all():
            raise InvalidInputError(
                "expected shifts of at most 2^52 steps of the grid, got larger ones, or NaN, from "
                "the network of a coupling"
            )
        return shift.long()


class Shift(IntegerStep):
    """x + a constant, rounded to the grid."""

    def __init__(self, shift: Fraction, grid: Fraction):
        super().__init__(grid)
        self.units = round(shift / grid)

    def key(self) -> tuple[Any, ...]:
        """Return the grid, and the shift in its units."""
        return self.grid, self.units

    def mapped(self, x: Tensor, sign: int, context: Any) -> Tensor:
        """Return x plus the constant, or less it."""
        return x + sign * self.units


class Squeeze(IntegerStep):
    """Squares of 2 x 2 pixels as four channels, as normflows and nflows order them."""

    def forward(self, x: Tensor, context: Any = None) -> Tensor:
        """Return (N, 4 C, H / 2, W / 2)."""
        n, c, h, w = x.shape
        if h % 2 or w % 2:
            raise InvalidInputError(f"expected an even height and width to squeeze, got {h} x {w}")
        return squares(x).reshape(n, 4 * c, h // 2, w // 2)

    def inverse(self, y: Tensor, context: Any = None) -> Tensor:
        """Return (N, C, H, W)."""
        n, c, h, w = y.shape
        return unsquared(y.reshape(n * c // 4, 4, h, w), c // 4)


def squares(x: Tensor) -> Tensor:
    """Return images (N, C, H, W) as (N C, 4, H / 2, W / 2): the pixels of each square of 2 x 2."""
    n, c, h, w = x.shape
    x = x.reshape(n * c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3)
    return x.reshape(n * c, 4, h // 2, w // 2)


def unsquared(y: Tensor, c: int) -> Tensor:
    """Return the images of c channels whose squares these are."""
    n, _, h, w = y.shape
    x = y.reshape(n, 2, 2, h, w).permute(0, 3, 1, 4, 2)
    return x.reshape(n // c, c, 2 * h, 2 * w)
