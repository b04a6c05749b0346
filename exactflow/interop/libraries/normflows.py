"""normflows: a flow's ``inverse`` leads from data to latent, so that is where the layers act."""

from fractions import Fraction
from typing import Any

import normflows as nf
import numpy as np
import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap, dense, order, triangle, vector
from exactflow.interop.library import HalfMap, Levels, Library, Way, Whole, plain_way
from exactflow.interop.modules.flow import Bijection
from exactflow.interop.modules.layers import State
from exactflow.interop.modules.steps import Additive, IntegerStep, Shift, Squeeze

__all__ = ["LIBRARY", "Couplings"]


class Couplings(nf.flows.Flow):
    """Couplings as a normflows ``Flow``."""

    def __init__(self, couplings: Bijection):
        super().__init__()
        self.couplings = couplings

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map latent to data."""
        return self.couplings.inverse(z)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map data to latent."""
        return self.couplings(z)


def _way(module: nn.Module) -> Way | None:
    if hasattr(module, "inverse_and_log_det") and hasattr(module, "forward_and_log_det"):
        return Way("inverse_and_log_det", "forward_and_log_det")
    return Way("inverse", "forward") if isinstance(module, nf.flows.Flow) else plain_way(module)


def _whole(model: nn.Module, context: Any, y: Any) -> Whole:
    if y is not None and not isinstance(model, nf.ClassCondFlow | nf.MultiscaleFlow):
        raise InvalidInputError(
            "expected classes y for a ClassCondFlow or a MultiscaleFlow, got them for a "
            f"{type(model).__name__}"
        )
    if isinstance(model, nf.ClassCondFlow):  # classes change its distribution alone
        model = nf.NormalizingFlow(model.q0, model.flows)
    return Whole(model, _way(model), options={} if context is None else {"context": context})


def _weight(module: Any) -> AffineMap:
    return dense(module._assemble_W() if module.use_lu else module.W)


def _affine(module: Any) -> AffineMap:
    return AffineMap(_weight(module).matrix.T)


def _permutation(module: Any) -> AffineMap:
    if module.mode == "shuffle":
        return order(module.inv_perm)
    d = module.num_channels
    return AffineMap(np.roll(np.arange(d), -((d + 1) // 2)))


def _lu(module: Any) -> AffineMap:
    linear = module.linear
    permutation = order(module.permutation._permutation)
    return dense(linear.weight(), linear.bias).after(permutation)


def _constants(module: Any) -> AffineMap:
    scale = np.exp(-vector(module.s))
    return AffineMap(scale, -scale * vector(module.t))


def _built(own: State, whole: State) -> nn.Module:
    has_images = any(tensor.ndim == 4 for tensor in whole.values())
    kind = nf.flows.Invertible1x1Conv if has_images else nf.flows.InvertibleAffine
    return kind(min(own["W" if "W" in own else "L"].shape[:2]), use_lu="L" in own)


def _built_lu(own: State, whole: State) -> nn.Module:
    return nf.flows.LULinearPermute(triangle(own["linear.lower_entries"]))


def _levels(model: Any) -> Levels | None:
    if not isinstance(model, nf.MultiscaleFlow):
        is_flow = isinstance(model, nf.NormalizingFlow | nf.ClassCondFlow)
        return ([list(reversed(model.flows))], [model.q0], None) if is_flow else None
    for merge in model.merges:
        if not isinstance(merge, nf.flows.Merge) or merge.mode != "channel":
            raise InvalidInputError(
                "expected Merge('channel') between levels, got "
                f"{type(merge).__name__}({getattr(merge, 'mode', '')!r})"
            )
    modules = [list(reversed(flows)) for flows in reversed(model.flows)]
    if model.transform is not None:
        modules[0].insert(0, model.transform)
    return modules, list(model.q0), None


def _masked(module: Any, d: int) -> list[HalfMap]:
    moves = frozenset(torch.nonzero(module.b.flatten() == 0).flatten().tolist())
    return [HalfMap(module, moves, module.inverse, module.forward)]


def _split(block: Any, d: int) -> list[HalfMap]:
    """Return the coupling of a block, which moves what its own split puts second."""
    (_, second), _ = block.flows[0](torch.arange(float(d))[None])
    moves = frozenset(map(int, second.flatten().tolist()))
    return [HalfMap(block, moves, block.inverse, block.forward)]


def _additive(block: Any, grid: Fraction, dtype: torch.dtype) -> IntegerStep:
    """Return a coupling, which subtracts from data to latent."""
    split, coupling, _ = block.flows
    if split.mode not in ("channel", "channel_inv"):
        raise InvalidInputError(
            f"expected couplings that split channels, got split_mode={split.mode!r}"
        )
    if coupling.scale:
        raise InvalidInputError(
            "expected additive couplings (scale=False), got one with scales: only a shift can be "
            "rounded without loss"
        )
    return Additive(coupling.param_map, int(split.mode == "channel_inv"), -1, grid, dtype)


LIBRARY = Library(
    name="normflows",
    couplings=lambda couplings, shape: Couplings(couplings),
    lists={
        nf.NormalizingFlow: "flows",
        nf.ClassCondFlow: "flows",
        nf.NormalizingFlowVAE: "flows",
        nf.flows.GlowBlock: "flows",
        nf.flows.Composite: "_flows",
    },
    is_from_latent=True,
    holders={nf.MultiscaleFlow: "flows", nf.flows.Reverse: "flow"},
    readers={
        nf.flows.Invertible1x1Conv: _weight,
        nf.flows.InvertibleAffine: _affine,
        nf.flows.Permute: _permutation,
        nf.flows.LULinearPermute: _lu,
        nf.flows.ActNorm: _constants,
        nf.flows.AffineConstFlow: _constants,
    },
    builders={
        frozenset(("perm", "inv_perm")): lambda own, whole: nf.flows.Permute(len(own["perm"])),
        frozenset(("W",)): _built,
        frozenset(("P", "L", "U", "sign_S", "log_S", "eye")): _built,
        frozenset(
            (
                "permutation._permutation",
                "linear.bias",
                "linear.lower_entries",
                "linear.upper_entries",
                "linear.unconstrained_upper_diag",
            )
        ): _built_lu,
    },
    levels=_levels,
    halves={nf.flows.MaskedAffineFlow: _masked, nf.flows.AffineCouplingBlock: _split},
    steps={
        nf.flows.AffineCouplingBlock: _additive,
        nf.flows.Squeeze: lambda module, grid, dtype: Squeeze(grid),
        nf.transforms.Shift: lambda module, grid, dtype: Shift(Fraction(float(module.shift)), grid),
    },
    way=_way,
    whole=_whole,
)
