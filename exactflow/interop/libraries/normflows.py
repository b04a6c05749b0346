"""normflows: a flow's ``inverse`` leads from data to latent, so that is where the layers act."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import normflows as nf
import numpy as np
import torch
from torch import Tensor, nn

from exactflow.interop.affine import AffineMap, dense, diagonal, order, vector
from exactflow.interop.library import Library, Way, Whole, plain_way
from exactflow.interop.modules.flow import BijectionModule


class Couplings(nf.flows.Flow):
    """Couplings as a normflows ``Flow``."""

    def __init__(self, couplings: BijectionModule):
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


def _whole(model: Any, context: Any) -> Whole:
    has_classes = isinstance(model, nf.ClassCondFlow) or getattr(model, "class_cond", False)
    classes = context if has_classes else None  # they change its distribution alone
    options = {} if context is None or has_classes else {"context": context}
    draw = None if getattr(model, "q0", None) is None else partial(_draw, model.q0, classes)
    if isinstance(model, nf.ClassCondFlow):
        model = nf.NormalizingFlow(model.q0, model.flows)
    return Whole(model, _way(model), options=options, draw=draw)


def _draw(base: Any, classes: Any, count: int, options: Mapping[str, Any]) -> Any:
    """Draw latents, of each level where there are several; classes are repeated in turn."""
    given = [] if classes is None else [classes[torch.arange(count) % len(classes)]]
    laws = base if isinstance(base, nn.ModuleList) else [base]
    drawn = [law(count, *given, **options)[0] for law in laws]
    return drawn if isinstance(base, nn.ModuleList) else drawn[0]


def _weight(module: Any) -> AffineMap:
    return dense(module._assemble_W() if module.use_lu else module.W)


def _affine(module: Any) -> AffineMap:
    return AffineMap(_weight(module).matrix.T)


def _permutation(module: Any) -> AffineMap:
    if module.mode == "shuffle":
        return order(module.inv_perm)
    d = module.num_channels
    return order(np.roll(np.arange(d), -((d + 1) // 2)))


def _lu(module: Any) -> AffineMap:
    linear = module.linear
    permutation = order(module.permutation._permutation)
    return dense(linear.weight(), linear.bias).after(permutation)


def _constants(module: Any) -> AffineMap:
    scale = np.exp(-vector(module.s))
    return diagonal(scale, -scale * vector(module.t))


LIBRARY = Library(
    name="normflows",
    couplings=lambda couplings, shape: Couplings(couplings),
    lists={
        nf.NormalizingFlow: "flows",
        nf.ConditionalNormalizingFlow: "flows",
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
    way=_way,
    whole=_whole,
)
