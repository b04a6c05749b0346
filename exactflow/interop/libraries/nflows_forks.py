"""What nflows and its fork in glasflow share: transforms, whose ``forward`` leads to the latent."""

from fractions import Fraction
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap, array, dense, matrix_of, order, triangle
from exactflow.interop.library import (
    Build,
    HalfMap,
    Levels,
    Library,
    Reader,
    Whole,
    plain_way,
)
from exactflow.interop.modules.flow import Bijection
from exactflow.interop.modules.layers import State
from exactflow.interop.modules.steps import Additive, IntegerStep, Squeeze

__all__ = ["Transforming", "fork"]


class Transforming(nn.Module):
    """Couplings with the methods of a ``Transform``, which takes a context."""

    def __init__(self, couplings: Bijection):
        super().__init__()
        self.couplings = couplings

    def forward(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the image and the log-determinant."""
        return self.couplings(inputs)

    def inverse(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the preimage and the log-determinant of the inverse."""
        return self.couplings.inverse(inputs)


def fork(
    name: str, t: ModuleType, flows: tuple[type[nn.Module], ...], kind: type[Transforming]
) -> Library:
    """Return a library from its module of transforms, its classes of flows, and its couplings."""

    def whole(model: Any, context: Any, y: Any) -> Whole:
        if y is not None:
            raise InvalidInputError(f"expected no classes y for a model of {name}, only a context")
        path = ""
        if isinstance(model, flows):
            embedding = _embedding(model)
            context = context if embedding is None else embedding(context)
            model, path = model._transform, "_transform"
        options = {} if context is None else {"context": context}
        return Whole(model, plain_way(model), path, options)

    def levels(model: Any) -> Levels | None:
        held: Any = model
        if not isinstance(model, flows):
            return None
        return [[held._transform]], [held._distribution], _embedding(held)

    return Library(
        name=name,
        couplings=lambda couplings, shape: kind(couplings),
        lists={t.CompositeTransform: "_transforms"},
        holders={
            t.MultiscaleCompositeTransform: "_transforms",
            t.InverseTransform: "_transform",
            **dict.fromkeys(flows, "_transform"),
        },
        levels=levels,
        halves={t.AffineCouplingTransform: _halves, t.AdditiveCouplingTransform: _halves},
        steps={t.AdditiveCouplingTransform: _additive, t.SqueezeTransform: _squeeze},
        readers={getattr(t, name): reader for name, reader in _READERS.items()},
        builders=_builders(t),
        whole=whole,
    )


def _embedding(model: Any) -> nn.Module | None:
    found: nn.Module | None = getattr(model, "_embedding_net", None)
    return None if isinstance(found, nn.Identity) else found


def _features(module: Any) -> tuple[Tensor, Tensor]:
    """Return the coordinates that a coupling keeps, and those that it moves."""
    if module.unconditional_transform is not None:
        raise InvalidInputError(
            "expected couplings that keep a half as it is, got one that maps it"
        )
    return module.identity_features.clone(), module.transform_features.clone()


def _halves(module: Any, d: int) -> list[HalfMap]:
    moves = frozenset(_features(module)[1].tolist())
    return [HalfMap(module, moves, module.forward, module.inverse)]


def _additive(module: Any, grid: Fraction, dtype: torch.dtype) -> IntegerStep:
    parts = _features(module)
    return Additive(module.transform_net, parts, 1, grid, dtype, takes_context=True)


def _squeeze(module: Any, grid: Fraction, dtype: torch.dtype) -> IntegerStep:
    if module.factor != 2:
        raise InvalidInputError(f"expected squeezes by 2, got one by {module.factor}")
    return Squeeze(grid)


def _linear(module: Any) -> AffineMap:
    return dense(module._weight if hasattr(module, "_weight") else module.weight(), module.bias)


def _convolution(module: Any) -> AffineMap:
    return _linear(module).after(order(module.permutation._permutation))


def _factors(module: Any) -> AffineMap:
    device = next(module.parameters()).device
    return matrix_of(lambda x: module(x)[0], module.features, device, hasattr(module, "bias"))


def _normalization(module: Any) -> AffineMap:
    return AffineMap(array(module.scale), array(module.shift))


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


def _builders(t: ModuleType) -> dict[frozenset[str], Build]:
    """Return how the layers of a fork are built: of no more entries than the tensors have."""

    def of(name: str, entries: str, reflections: str = "") -> Build:
        def build(own: State, whole: State) -> nn.Module | None:
            d = triangle(own[entries]) if entries.endswith("_entries") else min(own[entries].shape)
            if not reflections:
                built: nn.Module = getattr(t, name)(d)
                return built
            count, d_of_vectors = own[reflections].shape
            return getattr(t, name)(d, count) if d == d_of_vectors else None

        return build

    lu = ("bias", "lower_entries", "upper_entries", "unconstrained_upper_diag")
    qr = ("bias", "upper_entries", "log_upper_diag", "orthogonal.q_vectors")
    svd = ("bias", "unconstrained_diagonal", "orthogonal_1.q_vectors", "orthogonal_2.q_vectors")
    return {
        frozenset(("_permutation",)): lambda own, whole: t.Permutation(own["_permutation"]),
        frozenset(lu): of("LULinear", "lower_entries"),
        frozenset((*lu, "permutation._permutation")): of("OneByOneConvolution", "lower_entries"),
        frozenset(("bias", "_weight")): of("NaiveLinear", "_weight"),
        frozenset(qr): of("QRLinear", "upper_entries", "orthogonal.q_vectors"),
        frozenset(svd): of("SVDLinear", "bias", "orthogonal_1.q_vectors"),
        frozenset(("q_vectors",)): lambda own, whole: t.HouseholderSequence(
            own["q_vectors"].shape[1], len(own["q_vectors"])
        ),
    }
