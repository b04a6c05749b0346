"""FrEIA: modules take and return tuples, and know the shape of the data."""

from collections.abc import Iterable, Sequence
from typing import Any

import FrEIA.modules as fm
import numpy as np
from FrEIA.framework import GraphINN, SequenceINN
from torch import Tensor, nn

from exactflow.interop.affine import AffineMap, dense, diagonal, matrix_of, order, vector
from exactflow.interop.library import Library, Way, Whole, plain_way
from exactflow.interop.modules.flow import BijectionModule


class Couplings(fm.InvertibleModule):
    """Couplings as an ``InvertibleModule``, for a ``SequenceINN`` or a ``GraphINN``:
    ``inn.append(Couplings, couplings=to_module(flow))``.
    """

    def __init__(
        self,
        dims_in: Iterable[tuple[int, ...]],
        dims_c: Iterable[tuple[int, ...]] | None = None,
        *,
        couplings: BijectionModule,
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
        y, log_det = self.couplings.inverse(x_or_z[0]) if rev else self.couplings(x_or_z[0])
        return (y,), log_det

    def output_dims(self, input_dims: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Return the shapes, unchanged."""
        return input_dims


class CoupledBlock(fm.AllInOneBlock):
    """An ``AllInOneBlock`` whose permutation is applied by couplings; all else is as it was."""

    couplings: BijectionModule

    @classmethod
    def of(cls, block: fm.AllInOneBlock, couplings: BijectionModule) -> "CoupledBlock":
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


def _way(module: nn.Module) -> Way | None:
    is_layer = isinstance(module, fm.InvertibleModule) and not isinstance(module, SequenceINN)
    if is_layer or isinstance(module, SequenceINN | GraphINN):
        return Way("forward", "forward", "rev", is_listed=is_layer, condition="c")
    return plain_way(module)


def _whole(model: nn.Module, context: Any) -> Whole:
    conditions = [context] if isinstance(context, Tensor) else context
    return Whole(model, _way(model), options={} if context is None else {"c": conditions})


def _imitation(module: Any, couplings: BijectionModule) -> nn.Module:
    if type(module) is fm.AllInOneBlock:
        return CoupledBlock.of(module, couplings)
    dims = module.dims_in  # an ActNorm keeps the first shape alone
    return Couplings([dims[0] if isinstance(dims, list) else dims], couplings=couplings)


def _linear(module: Any) -> AffineMap:
    found = dense(module.M)
    bias = vector(module.b) if isinstance(module.b, Tensor) else None
    return AffineMap(found.matrix.T, bias)


def _normalization(module: Any) -> AffineMap:
    return diagonal(np.exp(vector(module.scale)), vector(module.bias))


def _orthogonal(module: Any) -> AffineMap:
    scale = np.exp(vector(module._log_e(module.scaling)))
    return AffineMap(scale[:, None] * dense(module.weights).matrix.T, scale * vector(module.bias))


def _householder(module: Any) -> AffineMap:
    return matrix_of(lambda x: module([x])[0][0], module.width, module.Vs.device, False)


def _block(module: Any) -> AffineMap:
    if module.householder:
        return dense(module._construct_householder_permutation())
    found, one = dense(module.w_perm), np.eye(len(module.w_perm))
    is_hard = set(map(tuple, found.matrix)) == set(map(tuple, one))
    return AffineMap(found.matrix, kind="permutation") if is_hard else found


def _renew(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Let the nodes of a graph have the new module, too."""
    for node in getattr(model, "node_list", ()):
        node.module = new if node.module is old else node.module


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
        fm.PermuteRandom: lambda module: order(module.perm),
    },
    parts={fm.AllInOneBlock: ("w_perm", "vk_householder")},
    imitation=_imitation,
    way=_way,
    whole=_whole,
    renew=_renew,
)
