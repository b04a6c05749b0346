"""normflows, where ``inverse`` leads from data to latent, and ``forward`` from latent to data."""

from collections.abc import Mapping
from typing import Any

import normflows as nf
import numpy as np
import torch
from torch import Tensor, nn

from exactflow.interop.affine import (
    AffineMap,
    diagonal_map,
    permutation_map,
    read_affine_map,
    read_channel_values,
)
from exactflow.interop.library import CallConvention, Library, ModelCall, infer_convention
from exactflow.interop.modules import BijectionModule


class Couplings(nf.flows.Flow):
    """Couplings as a normflows ``Flow``."""

    def __init__(self, couplings: BijectionModule):
        super().__init__()
        self.couplings = couplings

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map latent to data; return also the log-determinants."""
        return self.couplings.inverse(z)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map data to latent; return also the log-determinants."""
        return self.couplings(z)


def _infer_convention(module: nn.Module) -> CallConvention | None:
    if hasattr(module, "inverse_and_log_det") and hasattr(module, "forward_and_log_det"):
        return CallConvention("inverse_and_log_det", "forward_and_log_det")
    if isinstance(module, nf.flows.Flow):
        return CallConvention("inverse", "forward")
    return infer_convention(module)


def _make_model_call_record(model: Any, context: Any) -> ModelCall:
    has_classes = isinstance(model, nf.ClassCondFlow) or getattr(model, "class_cond", False)
    classes = context if has_classes else None  # only the base takes the classes
    options = {} if context is None or has_classes else {"context": context}
    base: Any = getattr(model, "q0", None)

    def draw(count: int, options: Mapping[str, Any]) -> Any:
        """Draw latents from a base, or a list of latents from a list of bases.

        Classes are repeated cyclically.
        """
        given = [] if classes is None else [classes[torch.arange(count) % len(classes)]]
        if isinstance(base, nn.ModuleList):
            return [one(count, *given, **options)[0] for one in base]
        return base(count, *given, **options)[0]

    if isinstance(model, nf.ClassCondFlow):
        model = nf.NormalizingFlow(model.q0, model.flows)
    draw_latents = None if base is None else draw
    return ModelCall(model, _infer_convention(model), options=options, draw_latents=draw_latents)


def _read_weight(module: Any) -> AffineMap:
    return read_affine_map(module._assemble_W() if module.use_lu else module.W)


def _read_permutation(module: Any) -> AffineMap:
    if module.mode == "shuffle":
        return permutation_map(module.inv_perm)
    d = module.num_channels
    return permutation_map(np.roll(np.arange(d), -((d + 1) // 2)))


def _read_lu_after_permutation(module: Any) -> AffineMap:
    linear = module.linear
    permutation = permutation_map(module.permutation._permutation)
    return read_affine_map(linear.weight(), linear.bias).after(permutation)


def _read_inverted_scale_and_shift(module: Any) -> AffineMap:
    scale = np.exp(-read_channel_values(module.s))
    return diagonal_map(scale, -scale * read_channel_values(module.t))


LIBRARY = Library(
    name="normflows",
    make_module=lambda couplings, shape: Couplings(couplings),
    sequences={
        nf.NormalizingFlow: "flows",
        nf.ConditionalNormalizingFlow: "flows",
        nf.ClassCondFlow: "flows",
        nf.NormalizingFlowVAE: "flows",
        nf.flows.GlowBlock: "flows",
        nf.flows.Composite: "_flows",
    },
    is_latent_first=True,
    other_containers={nf.MultiscaleFlow: "flows", nf.flows.Reverse: "flow"},
    readers={
        nf.flows.Invertible1x1Conv: _read_weight,
        nf.flows.InvertibleAffine: lambda module: AffineMap(_read_weight(module).matrix.T),
        nf.flows.Permute: _read_permutation,
        nf.flows.LULinearPermute: _read_lu_after_permutation,
        nf.flows.ActNorm: _read_inverted_scale_and_shift,
        nf.flows.AffineConstFlow: _read_inverted_scale_and_shift,
    },
    convention=_infer_convention,
    model_call=_make_model_call_record,
)
