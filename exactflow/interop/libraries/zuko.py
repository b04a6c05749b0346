"""zuko: a lazy transform, a module, which returns the transform of the last axis when called."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.distributions import Transform, constraints
from zuko import flows, lazy, transforms
from zuko.distributions import NormalizingFlow

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap, dense, order
from exactflow.interop.library import Library, Reader, Way, Whole, kinds
from exactflow.interop.modules.flow import BijectionModule

FLOWS = (lazy.Flow, *kinds(flows, lazy.Flow))


class CouplingsTransform(Transform):
    """Couplings as a transform of vectors, the last axis of a tensor."""

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, couplings: BijectionModule):
        super().__init__()
        self.couplings = couplings

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the log-determinant, one for each vector."""
        return self.couplings.log_det(x.reshape(-1, x.shape[-1])).expand(x.shape[:-1])

    def _call(self, x: Tensor) -> Tensor:
        return self.couplings.image(x.reshape(-1, x.shape[-1])).reshape(x.shape)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.couplings.preimage(y.reshape(-1, y.shape[-1])).reshape(y.shape)


class Couplings(lazy.LazyTransform):
    """Couplings as a lazy transform: a module, which a context does not change."""

    def __init__(self, couplings: BijectionModule):
        super().__init__()
        self.couplings = couplings

    def forward(self, c: Tensor | None = None) -> CouplingsTransform:
        """Return the transform."""
        return CouplingsTransform(self.couplings)


class LazyStep(nn.Module):
    """One transform of a model, under its path there; a lazy one is built anew at each call."""

    def __init__(self, transform: Any, path: str):
        super().__init__()
        self.transform, self.path = transform, path

    def _get_name(self) -> str:
        return type(self.transform).__name__

    def forward(
        self, x: Tensor, reverse: bool = False, context: Any = None
    ) -> tuple[Tensor, Tensor]:
        """Return the image, or the preimage, and the log-determinant, one for each vector."""
        is_lazy = isinstance(self.transform, nn.Module)
        made = self.transform(context) if is_lazy else self.transform
        transform = made.transform if isinstance(made, NormalizingFlow) else made
        y, log_det = (transform.inv if reverse else transform).call_and_ladj(x)
        return y, log_det if transform.domain.event_dim else log_det.sum(-1)


class Composed(nn.Module):
    """Steps one after the other."""

    def __init__(self, steps: list[LazyStep]):
        super().__init__()
        self.steps = nn.ModuleList(steps)

    def forward(
        self, x: Tensor, reverse: bool = False, context: Any = None
    ) -> tuple[Tensor, Tensor]:
        """Map data to latent, or latent to data."""
        total = x.new_zeros(())
        for step in list(self.steps)[:: -1 if reverse else 1]:
            x, log_det = step(x, reverse, context=context)
            total = total + log_det
        return x, total


def _steps(model: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield path and transform of each step of a flow, a lazy or a composed transform."""
    if type(model) in FLOWS:
        yield from _steps(model.transform, "transform")
    elif type(model) in (lazy.LazyComposedTransform, transforms.ComposedTransform):
        for i, part in enumerate(model.transforms):
            yield from _steps(part, f"{path}.transforms.{i}".lstrip("."))
    else:
        yield path, model


def _whole(model: Any, context: Any) -> Whole:
    steps = [LazyStep(part, path) for path, part in _steps(model, "")]
    named = {step.path: step for step in steps}
    way = Way("forward", "forward", "reverse")
    options = {} if context is None else {"context": context}
    draw = partial(_draw, model.base) if type(model) in FLOWS else None
    return Whole(Composed(steps), way, options=options, steps=named, draw=draw)


def _draw(base: Any, count: int, options: Mapping[str, Any]) -> Tensor:
    """Draw latents, one for each condition where the base depends on them."""
    law = base(options.get("context"))
    drawn: Tensor = law.sample(() if law.batch_shape else (count,))
    return drawn


def _lu(transform: Any) -> AffineMap:
    return AffineMap(dense(transform.L).matrix @ dense(transform.U).matrix)


TRANSFORMS: dict[type, Reader] = {
    transforms.LULinearTransform: _lu,
    transforms.RotationTransform: lambda transform: dense(transform.R),
    transforms.PermutationTransform: lambda transform: order(transform.order),
}


def _made(module: Any) -> AffineMap:
    """Read the transform that a lazy one makes."""
    if module.f not in TRANSFORMS:
        name = getattr(module.f, "__name__", repr(module.f))
        raise InvalidInputError(f"{name} is not a type that convert knows")
    return TRANSFORMS[module.f](module())


LIBRARY = Library(
    name="zuko",
    couplings=lambda couplings, shape: Couplings(couplings),
    readers={**TRANSFORMS, lazy.UnconditionalTransform: _made},
    lists={lazy.LazyComposedTransform: "transforms"},
    holders=dict.fromkeys((*FLOWS, lazy.LazyInverse), "transform"),
    whole=_whole,
    takes_images=False,
)
