"""Common code of nflows and its fork in glasflow, where ``forward`` leads from data to latent."""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import (
    AffineMap,
    diagonal_map,
    permutation_map,
    probe_affine_map,
    read_affine_map,
    to_float64,
)
from exactflow.interop.library import Library, ModelCall, Reader, infer_convention
from exactflow.interop.modules import BijectionModule


class CouplingsTransformBase(nn.Module):
    """Couplings with the methods of a ``Transform``; the context is ignored."""

    def __init__(self, couplings: BijectionModule):
        super().__init__()
        self.couplings = couplings

    def forward(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the image, and the log-determinants."""
        return self.couplings(inputs)

    def inverse(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the preimage, and the log-determinants of the inverse."""
        return self.couplings.inverse(inputs)


def make_fork_library(
    name: str,
    transforms_module: ModuleType,
    flow_classes: Sequence[type],
    couplings_class: type[CouplingsTransformBase],
) -> Library:
    """Describe nflows, or a fork of nflows, as a `Library`."""

    def make_model_call_record(model: Any, context: Any) -> ModelCall:
        path, draw_latents = "", None
        if isinstance(model, tuple(flow_classes)):
            embedding = getattr(model, "_embedding_net", None)
            if embedding is not None and not isinstance(embedding, nn.Identity):
                context = embedding(context)
            base = getattr(model, "_distribution")  # noqa: B009

            def draw_latents(count: int, options: Mapping[str, Any]) -> Any:
                """Draw one latent for each member of the context, or `count` without a context."""
                given = options.get("context")
                return base.sample(count) if given is None else base.sample(1, given)[:, 0]

            model, path = getattr(model, "_transform"), "_transform"  # noqa: B009
        options = {} if context is None else {"context": context}
        return ModelCall(model, infer_convention(model), path, options, draw_latents=draw_latents)

    return Library(
        name=name,
        make_module=lambda couplings, shape: couplings_class(couplings),
        sequences={transforms_module.CompositeTransform: "_transforms"},
        other_containers={
            transforms_module.MultiscaleCompositeTransform: "_transforms",
            transforms_module.InverseTransform: "_transform",
            **dict.fromkeys(flow_classes, "_transform"),
        },
        readers={getattr(transforms_module, name): reader for name, reader in _READERS.items()},
        model_call=make_model_call_record,
    )


def _read_linear(module: Any) -> AffineMap:
    return read_affine_map(
        module._weight if hasattr(module, "_weight") else module.weight(), module.bias
    )


def _read_convolution(module: Any) -> AffineMap:
    return _read_linear(module).after(permutation_map(module.permutation._permutation))


def _probe_linear(module: Any) -> AffineMap:
    device = next(module.parameters()).device
    return probe_affine_map(
        lambda x: module(x)[0], module.features, device, hasattr(module, "bias")
    )


def _read_permutation(module: Any) -> AffineMap:
    if module._dim != 1:
        raise InvalidInputError(
            f"expected a permutation of axis 1, got a permutation of axis {module._dim}"
        )
    return permutation_map(module._permutation)


_READERS: dict[str, Reader] = {
    "OneByOneConvolution": _read_convolution,
    "LULinear": _read_linear,
    "NaiveLinear": _read_linear,
    "QRLinear": _probe_linear,
    "SVDLinear": _probe_linear,
    "HouseholderSequence": _probe_linear,
    "ActNorm": lambda module: diagonal_map(to_float64(module.scale), to_float64(module.shift)),
    "Permutation": _read_permutation,
    "RandomPermutation": _read_permutation,
    "ReversePermutation": _read_permutation,
}
