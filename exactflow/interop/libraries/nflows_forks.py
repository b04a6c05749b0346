"""Common code of nflows and its fork in glasflow: a ``forward`` that leads to the latent."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap, array, dense, diagonal, matrix_of, order
from exactflow.interop.library import Library, Reader, Whole, plain_way
from exactflow.interop.modules.flow import BijectionModule


class Transforming(nn.Module):
    """Couplings with the methods of a ``Transform``, which takes a context."""

    def __init__(self, couplings: BijectionModule):
        super().__init__()
        self.couplings = couplings

    def forward(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the image and the log-determinant."""
        return self.couplings(inputs)

    def inverse(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the preimage and the log-determinant of the inverse."""
        return self.couplings.inverse(inputs)


def fork(name: str, t: ModuleType, flows: Sequence[type], kind: type[Transforming]) -> Library:
    """Return a library from its module of transforms, its classes of flows, and its couplings."""

    def whole(model: Any, context: Any) -> Whole:
        path, draw = "", None
        if isinstance(model, tuple(flows)):
            embedding = _embedding(model)
            context = context if embedding is None else embedding(context)
            draw = partial(_draw, getattr(model, "_distribution"))  # noqa: B009
            model, path = getattr(model, "_transform"), "_transform"  # noqa: B009
        options = {} if context is None else {"context": context}
        return Whole(model, plain_way(model), path, options, draw=draw)

    return Library(
        name=name,
        couplings=lambda couplings, shape: kind(couplings),
        lists={t.CompositeTransform: "_transforms"},
        holders={
            t.MultiscaleCompositeTransform: "_transforms",
            t.InverseTransform: "_transform",
            **dict.fromkeys(flows, "_transform"),
        },
        readers={getattr(t, name): reader for name, reader in _READERS.items()},
        whole=whole,
    )


def _draw(law: Any, count: int, options: Mapping[str, Any]) -> Tensor:
    """Draw latents, one for each context where there is one."""
    context = options.get("context")
    drawn: Tensor = law.sample(count) if context is None else law.sample(1, context)[:, 0]
    return drawn


def _embedding(model: Any) -> nn.Module | None:
    found: nn.Module | None = getattr(model, "_embedding_net", None)
    return None if isinstance(found, nn.Identity) else found


def _linear(module: Any) -> AffineMap:
    return dense(module._weight if hasattr(module, "_weight") else module.weight(), module.bias)


def _convolution(module: Any) -> AffineMap:
    return _linear(module).after(order(module.permutation._permutation))


def _factors(module: Any) -> AffineMap:
    device = next(module.parameters()).device
    return matrix_of(lambda x: module(x)[0], module.features, device, hasattr(module, "bias"))


def _normalization(module: Any) -> AffineMap:
    return diagonal(array(module.scale), array(module.shift))


def _permutation(module: Any) -> AffineMap:
    if module._dim != 1:
        raise InvalidInputError(f"expected a permutation of axis 1, got one of axis {module._dim}")
    return order(module._permutation)


_READERS: dict[str, Reader] = {
    "OneByOneConvolution": _convolution,
    "LULinear": _linear,
    "NaiveLinear": _linear,
    "QRLinear": _factors,
    "SVDLinear": _factors,
    "HouseholderSequence": _factors,
    "ActNorm": _normalization,
    "Permutation": _permutation,
    "RandomPermutation": _permutation,
    "ReversePermutation": _permutation,
}
