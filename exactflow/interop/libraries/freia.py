"""FrEIA: modules take and return tuples, and know the shape of the data."""

from collections.abc import Iterable, Sequence
from typing import Any

import FrEIA.modules as fm
import numpy as np
from FrEIA.framework import GraphINN, SequenceINN
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap, dense, matrix_of, order, vector
from exactflow.interop.library import Library, Way, Whole, plain_way
from exactflow.interop.modules.flow import Bijection

__all__ = ["LIBRARY", "CoupledBlock", "CoupledHaar", "Couplings"]


class Couplings(fm.InvertibleModule):
    """Couplings as an ``InvertibleModule``, for a ``SequenceINN`` or a ``GraphINN``:
    ``inn.append(Couplings, couplings=to_module(flow))``.
    """

    def __init__(
        self,
        dims_in: Iterable[tuple[int, ...]],
        dims_c: Iterable[tuple[int, ...]] | None = None,
        *,
        couplings: Bijection,
    ):
        super().__init__(dims_in, dims_c)
        self.couplings = couplings

    def forward(
        self,
        x_or_z: Sequence[Tensor],
        c: Iterable[Tensor] | None = None,
        rev: bool = False,
        jac: bool = True,
    ) -> tuple[tuple[Tensor], Tensor]:
        """Return the image, or the preimage, and the log-determinant of that direction."""
        y, log_det = self.run(x_or_z[0], rev)
        return (y,), log_det

    def run(self, x: Tensor, is_back: bool) -> tuple[Tensor, Tensor]:
        """Return the image of a tensor, or its preimage, and the log-determinant."""
        return self.couplings.inverse(x) if is_back else self.couplings(x)

    def output_dims(self, input_dims: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Return the shapes, unchanged."""
        return input_dims


class CoupledBlock(fm.AllInOneBlock):
    """An ``AllInOneBlock`` whose permutation, hard, soft or learned, is applied by couplings.

    The coupling of the block, its global scale and its offset are as they were.
    """

    couplings: Bijection

    @classmethod
    def of(cls, block: fm.AllInOneBlock, couplings: Bijection) -> "CoupledBlock":
        """Return a block with the modules and parameters of another one."""
        new = cls.__new__(cls)
        gone = "w_perm", "w_perm_inv", "w_0", "vk_householder", "permute_function"
        new.__dict__.update({name: x for name, x in vars(block).items() if name not in gone})
        kept = ((name, p) for name, p in block._parameters.items() if name not in gone)
        new._parameters, new._modules = dict(kept), {**block._modules, "couplings": couplings}
        new.householder, new.w_perm, new.w_perm_inv = 0, False, True
        return new

    def permute_function(self, x: Tensor, is_back: bool) -> Tensor:
        """Return the image of what stands where the block has its matrix, or its inverse."""
        return self.couplings.preimage(x) if is_back else self.couplings.image(x)


class CoupledHaar(Couplings):
    """A ``HaarDownsampling`` or ``HaarUpsampling`` by couplings of the four pixels of a square."""

    order: Tensor | None
    places: Tensor

    def __init__(self, haar: fm.HaarDownsampling, couplings: Bijection):
        super().__init__(haar.dims_in, couplings=couplings)
        self.goes_up = isinstance(haar, fm.HaarUpsampling)
        self.register_buffer("order", haar.perm if haar.permute else None)
        self.register_buffer("places", haar.perm_inv if haar.permute else None)

    def run(self, x: Tensor, is_back: bool) -> tuple[Tensor, Tensor]:
        """Return the wavelets of an image, or the image, and the log-determinant."""
        return self._down(x) if is_back == self.goes_up else self._up(x)

    def _down(self, x: Tensor) -> tuple[Tensor, Tensor]:
        n, c, height, width = x.shape
        y, log_det = self.couplings(_squares(x))
        y = y.reshape(n, 4 * c, height // 2, width // 2)
        y = y if self.order is None else y.index_select(1, self.order)
        return y, log_det.reshape(n, c).sum(1)

    def _up(self, y: Tensor) -> tuple[Tensor, Tensor]:
        n, channels, h, w = y.shape
        c = channels // 4
        y = y if self.order is None else y.index_select(1, self.places)
        x, log_det = self.couplings.inverse(y.reshape(n * c, 4, h, w))
        return _unsquared(x, c), log_det.reshape(n, c).sum(1)

    def output_dims(self, input_dims: list[tuple[int, ...]]) -> Any:
        """Return the shape of what comes out."""
        kind = fm.HaarUpsampling if self.goes_up else fm.HaarDownsampling
        return kind.output_dims(self, input_dims)


def _squares(x: Tensor) -> Tensor:
    """Return images (N, C, H, W) as (N C, 4, H / 2, W / 2): the pixels of each square of 2 x 2."""
    n, c, h, w = x.shape
    x = x.reshape(n * c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3)
    return x.reshape(n * c, 4, h // 2, w // 2)


def _unsquared(y: Tensor, c: int) -> Tensor:
    """Return the images of c channels whose squares these are."""
    n, _, h, w = y.shape
    x = y.reshape(n, 2, 2, h, w).permute(0, 3, 1, 4, 2)
    return x.reshape(n // c, c, 2 * h, 2 * w)


def _way(module: nn.Module) -> Way | None:
    is_layer = isinstance(module, fm.InvertibleModule) and not isinstance(module, SequenceINN)
    if is_layer or isinstance(module, SequenceINN | GraphINN):
        return Way("forward", "forward", "rev", is_listed=is_layer, condition="c")
    return plain_way(module)


def _whole(model: nn.Module, context: Any, y: Any) -> Whole:
    if y is not None:
        raise InvalidInputError("expected no classes y for a model of FrEIA: it takes context")
    conditions = [context] if isinstance(context, Tensor) else context
    return Whole(model, _way(model), options={} if context is None else {"c": conditions})


def _imitation(module: Any, couplings: Bijection) -> Couplings:
    dims = module.dims_in  # an ActNorm keeps the first shape alone
    return Couplings([dims[0] if isinstance(dims, list) else dims], couplings=couplings)


def _linear(module: Any) -> AffineMap:
    found = dense(module.M)
    bias = vector(module.b) if isinstance(module.b, Tensor) else None
    return AffineMap(found.matrix.T, bias)


def _normalization(module: Any) -> AffineMap:
    return AffineMap(np.exp(vector(module.scale)), vector(module.bias))


def _orthogonal(module: Any) -> AffineMap:
    scale = np.exp(vector(module._log_e(module.scaling)))
    return AffineMap(scale[:, None] * dense(module.weights).matrix.T, scale * vector(module.bias))


def _householder(module: Any) -> AffineMap:
    return matrix_of(lambda x: module([x])[0][0], module.width, module.Vs.device, False)


def _haar(module: Any) -> AffineMap:
    weights = module.haar_weights[:4].detach().double().cpu().numpy()
    return AffineMap(module.fac_fwd * weights.reshape(4, 4))


def _block(module: Any) -> AffineMap:
    if module.householder:
        return dense(module._construct_householder_permutation())
    return dense(module.w_perm).simplified()


LIBRARY = Library(
    name="freia",
    couplings=lambda couplings, shape: Couplings([shape], couplings=couplings),
    lists={SequenceINN: "module_list"},
    holders={GraphINN: "module_list"},
    readers={
        fm.Fixed1x1Conv: lambda module: dense(module.M),
        fm.FixedLinearTransform: _linear,
        fm.OrthogonalTransform: _orthogonal,
        fm.HouseholderPerm: _householder,
        fm.ActNorm: _normalization,
        fm.AllInOneBlock: _block,
        fm.HaarDownsampling: _haar,
        fm.HaarUpsampling: _haar,
        fm.PermuteRandom: lambda module: order(module.perm),
    },
    parts={
        fm.AllInOneBlock: (CoupledBlock.of, ("w_perm", "vk_householder")),
        fm.HaarDownsampling: (CoupledHaar, ("haar_weights",)),
        fm.HaarUpsampling: (CoupledHaar, ("haar_weights",)),
    },
    imitation=_imitation,
    way=_way,
    whole=_whole,
)
