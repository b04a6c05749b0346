"""FrEIA, whose modules take and return tuples, and are built for one shape of data."""

from collections.abc import Iterable, Sequence
from typing import Any

import FrEIA.modules as fm
import numpy as np
from FrEIA.framework import GraphINN, SequenceINN
from torch import Tensor, nn

from exactflow.interop.affine import (
    AffineMap,
    diagonal_map,
    permutation_map,
    probe_affine_map,
    read_affine_map,
    read_channel_values,
)
from exactflow.interop.library import CallConvention, Library, ModelCall, infer_convention
from exactflow.interop.modules import BijectionModule


class Couplings(fm.InvertibleModule):
    """Couplings as an ``InvertibleModule``, for a ``SequenceINN`` or a ``GraphINN``.

    ``inn.append(Couplings, couplings=to_module(flow))`` appends them.
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
        """Apply the couplings, or with `rev` their inverse; return also the log-determinants."""
        y, log_det = self.couplings.inverse(x_or_z[0]) if rev else self.couplings(x_or_z[0])
        return (y,), log_det

    def output_dims(self, input_dims: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Return the shapes unchanged."""
        return input_dims


class CoupledBlock(fm.AllInOneBlock):
    """An ``AllInOneBlock`` with couplings in place of the permutation matrix."""

    couplings: BijectionModule

    @classmethod
    def from_block(cls, block: fm.AllInOneBlock, couplings: BijectionModule) -> "CoupledBlock":
        """Return a copy of a block with couplings in place of its permutation."""
        new = cls.__new__(cls)
        replaced = "w_perm", "w_perm_inv", "w_0", "vk_householder", "permute_function"
        new.__dict__.update({name: x for name, x in vars(block).items() if name not in replaced})
        kept = ((name, p) for name, p in block._parameters.items() if name not in replaced)
        new._parameters, new._modules = dict(kept), {**block._modules, "couplings": couplings}
        # FrEIA calls permute_function with w_perm, and for the inverse with w_perm_inv: these are
        # the two values of the argument `rev` below
        new.householder, new.w_perm, new.w_perm_inv = 0, False, True
        return new

    def permute_function(self, x: Tensor, rev: bool = False) -> Tensor:
        """Apply the couplings that replace the block's permutation matrix, or their inverse."""
        return self.couplings.invert_unchecked(x) if rev else self.couplings.map_unchecked(x)


def _infer_convention(module: nn.Module) -> CallConvention | None:
    is_layer = isinstance(module, fm.InvertibleModule) and not isinstance(module, SequenceINN)
    if is_layer or isinstance(module, SequenceINN | GraphINN):
        return CallConvention("forward", "forward", "rev", is_listed=is_layer, condition="c")
    return infer_convention(module)


def _make_model_call_record(model: nn.Module, context: Any) -> ModelCall:
    conditions = [context] if isinstance(context, Tensor) else context
    options = {} if context is None else {"c": conditions}
    return ModelCall(model, _infer_convention(model), options=options)


def _make_replacement_like(module: Any, couplings: BijectionModule) -> nn.Module:
    if type(module) is fm.AllInOneBlock:
        return CoupledBlock.from_block(module, couplings)
    dims = module.dims_in  # ActNorm stores a shape instead of a list of shapes
    return Couplings([dims[0] if isinstance(dims, list) else dims], couplings=couplings)


def _read_linear(module: Any) -> AffineMap:
    found = read_affine_map(module.M)
    bias = read_channel_values(module.b) if isinstance(module.b, Tensor) else None
    return AffineMap(found.matrix.T, bias)


def _read_orthogonal(module: Any) -> AffineMap:
    scale = np.exp(read_channel_values(module._log_e(module.scaling)))
    return AffineMap(
        scale[:, None] * read_affine_map(module.weights).matrix.T,
        scale * read_channel_values(module.bias),
    )


def _read_block_permutation(module: Any) -> AffineMap:
    if module.householder:
        return read_affine_map(module._construct_householder_permutation())
    found, one = read_affine_map(module.w_perm), np.eye(len(module.w_perm))
    is_hard = set(map(tuple, found.matrix)) == set(map(tuple, one))
    return AffineMap(found.matrix, kind="permutation") if is_hard else found


def _replace_in_graph_nodes(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Replace the old module by the new module in the nodes of a model, if it has nodes."""
    for node in getattr(model, "node_list", ()):
        node.module = new if node.module is old else node.module


LIBRARY = Library(
    name="freia",
    make_module=lambda couplings, shape: Couplings([shape], couplings=couplings),
    sequences={SequenceINN: "module_list"},
    other_containers={GraphINN: "module_list"},
    readers={
        fm.Fixed1x1Conv: lambda module: read_affine_map(module.M),
        fm.FixedLinearTransform: _read_linear,
        fm.OrthogonalTransform: _read_orthogonal,
        fm.HouseholderPerm: lambda module: probe_affine_map(
            lambda x: module([x])[0][0], module.width, module.Vs.device, False
        ),
        fm.ActNorm: lambda module: diagonal_map(
            np.exp(read_channel_values(module.scale)), read_channel_values(module.bias)
        ),
        fm.AllInOneBlock: _read_block_permutation,
        fm.PermuteRandom: lambda module: permutation_map(module.perm),
    },
    replaced_parameters={fm.AllInOneBlock: ("w_perm", "vk_householder")},
    make_like=_make_replacement_like,
    convention=_infer_convention,
    model_call=_make_model_call_record,
    update_references=_replace_in_graph_nodes,
)
