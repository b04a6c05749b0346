"""zuko: a lazy transform, a module, which returns the transform of the last axis when called."""

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any

from torch import Tensor, nn
from torch.distributions import Transform, constraints
from zuko import flows, transforms
from zuko.distributions import NormalizingFlow
from zuko.lazy import (
    Flow,
    LazyComposedTransform,
    LazyInverse,
    LazyTransform,
    UnconditionalTransform,
)

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap, dense, order
from exactflow.interop.library import Library, Reader, Way, Whole, fold, kinds
from exactflow.interop.modules.flow import Bijection

__all__ = ["LIBRARY", "Composed", "Couplings", "CouplingsTransform", "Given", "LazyStep", "lazily"]


FLOWS = (Flow, *kinds(flows, Flow))


class CouplingsTransform(Transform):
    """Couplings as a transform of vectors, the last axis of a tensor."""

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, couplings: Bijection):
        super().__init__()
        self.couplings = couplings

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the log-determinant, one for each vector."""
        return self.couplings.log_det(x.reshape(-1, x.shape[-1])).expand(x.shape[:-1])

    def _call(self, x: Tensor) -> Tensor:
        return self.couplings.image(x.reshape(-1, x.shape[-1])).reshape(x.shape)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.couplings.preimage(y.reshape(-1, y.shape[-1])).reshape(y.shape)


class Couplings(LazyTransform):
    """Couplings as a lazy transform: a module, which a context does not change."""

    def __init__(self, couplings: Bijection):
        super().__init__()
        self.couplings = couplings

    def forward(self, c: Tensor | None = None) -> CouplingsTransform:
        """Return the transform."""
        return CouplingsTransform(self.couplings)


class Given(LazyTransform):
    """A transform as a lazy one, whose tensors follow the type and the device of the module."""

    def __init__(self, transform: Transform):
        super().__init__()
        self.transform = transform

    def forward(self, c: Tensor | None = None) -> Transform:
        """Return the transform."""
        return self.transform

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Given":
        self.transform = copy(self.transform)
        for name, value in list(vars(self.transform).items()):
            if isinstance(value, Tensor):
                setattr(self.transform, name, fn(value))
        return super()._apply(fn, recurse)


def lazily(transform: Transform) -> LazyComposedTransform:
    """Return a transform, or the parts of a composed one, as a lazy one."""
    parts = getattr(transform, "transforms", [transform])
    return LazyComposedTransform(
        *(lazily(part) if hasattr(part, "transforms") else Given(part) for part in parts)
    )


class LazyStep(nn.Module):
    """One transform of a model, under its path there; a lazy one is built anew at each call."""

    def __init__(self, transform: Any, path: str, context: Any):
        super().__init__()
        self.transform, self.path, self.context = transform, path, context

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image and the log-determinant, one for each vector."""
        return self._run(x, lambda transform: transform)

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the preimage and the log-determinant, one for each vector."""
        return self._run(y, lambda transform: transform.inv)

    def _run(self, x: Tensor, way: Callable[[Any], Any]) -> tuple[Tensor, Tensor]:
        is_lazy = isinstance(self.transform, nn.Module)
        made = self.transform(self.context) if is_lazy else self.transform
        transform = way(made.transform if isinstance(made, NormalizingFlow) else made)
        y, log_det = transform.call_and_ladj(x)
        return y, log_det if transform.domain.event_dim else log_det.sum(-1)


class Composed(nn.Module):
    """Steps one after the other."""

    def __init__(self, steps: list[LazyStep]):
        super().__init__()
        self.steps = nn.ModuleList(steps)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latent."""
        return fold(x, self.steps)

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent to data."""
        steps: Any = reversed(self.steps)
        return fold(y, (step.inverse for step in steps))


def _steps(model: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield path and transform of each step of a flow, a lazy or a composed transform."""
    if type(model) in FLOWS:
        yield from _steps(model.transform, "transform")
    elif type(model) in (LazyComposedTransform, transforms.ComposedTransform):
        for i, part in enumerate(model.transforms):
            yield from _steps(part, f"{path}.transforms.{i}".lstrip("."))
    else:
        yield path, model


def _whole(model: Any, context: Any, y: Any) -> Whole:
    if y is not None:
        raise InvalidInputError("expected no classes y for a model of zuko: it takes context")
    steps = [LazyStep(part, path, context) for path, part in _steps(model, "")]
    named = {step.path: step for step in steps}
    return Whole(Composed(steps), Way("forward", "inverse"), steps=named)


def _lu(transform: Any) -> AffineMap:
    return AffineMap(dense(transform.L).matrix @ dense(transform.U).matrix)


TRANSFORMS: dict[type, Reader] = {
    transforms.LULinearTransform: _lu,
    transforms.RotationTransform: lambda transform: dense(transform.R),
    transforms.PermutationTransform: lambda transform: order(transform.order),
}


def _read(kind: Any, transform: Callable[[], Any]) -> AffineMap:
    """Read the transform that a lazy one holds, or makes."""
    if kind not in TRANSFORMS:
        name = getattr(kind, "__name__", repr(kind))
        raise InvalidInputError(f"{name} is not a type that convert knows")
    return TRANSFORMS[kind](transform())


LIBRARY = Library(
    name="zuko",
    couplings=lambda couplings, shape: Couplings(couplings),
    readers=TRANSFORMS
    | {
        Given: lambda module: _read(type(module.transform), lambda: module.transform),
        UnconditionalTransform: lambda module: _read(module.f, module),
    },
    lists={LazyComposedTransform: "transforms"},
    holders=dict.fromkeys((*FLOWS, LazyInverse), "transform"),
    whole=_whole,
    opened=lambda model: lazily(model) if isinstance(model, Transform) else model,
    closed=lambda module: module(),
    takes_images=False,
)
