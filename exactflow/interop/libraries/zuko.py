"""zuko, where a lazy transform is a module whose call returns a transform of the last axis."""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn
from torch.distributions import Transform, constraints
from zuko import flows, lazy, transforms
from zuko.distributions import NormalizingFlow

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap, permutation_map, read_affine_map
from exactflow.interop.library import (
    CallConvention,
    Library,
    ModelCall,
    Reader,
    list_class_and_subclasses_in_namespace,
)
from exactflow.interop.modules import BijectionModule

FLOWS = (lazy.Flow, *list_class_and_subclasses_in_namespace(flows, lazy.Flow))


class CouplingsTransform(Transform):
    """Couplings as a transform of the last axis of a tensor."""

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, couplings: BijectionModule):
        super().__init__()
        self.couplings = couplings

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the log-determinants, one for each vector."""
        return self.couplings.log_det_shared_by_members(self._check_and_reshape_to_rows(x)).expand(
            x.shape[:-1]
        )

    def _call(self, x: Tensor) -> Tensor:
        return self.couplings.map_unchecked(self._check_and_reshape_to_rows(x)).reshape(x.shape)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.couplings.invert_unchecked(self._check_and_reshape_to_rows(y)).reshape(y.shape)

    def _check_and_reshape_to_rows(self, x: Tensor) -> Tensor:
        """Return the vectors along the last axis of x as the rows of a matrix.

        Raises `InvalidInputError` if these vectors do not have the dimension of the couplings.
        """
        rows = x.reshape(-1, x.shape[-1]) if isinstance(x, Tensor) and x.ndim else x
        self.couplings.check_batch(rows)
        return rows


class Couplings(lazy.LazyTransform):
    """Couplings as a lazy transform that ignores the context."""

    def __init__(self, couplings: BijectionModule):
        super().__init__()
        self.couplings = couplings

    def forward(self, c: Tensor | None = None) -> CouplingsTransform:
        """Return the couplings as a transform."""
        return CouplingsTransform(self.couplings)


class StepModule(nn.Module):
    """A module that applies one transform of a model; a lazy transform is built at each call."""

    def __init__(self, transform: Any, path: str):
        super().__init__()
        self.transform, self.path = transform, path

    def _get_name(self) -> str:
        return type(self.transform).__name__

    def forward(
        self, x: Tensor, reverse: bool = False, context: Any = None
    ) -> tuple[Tensor, Tensor]:
        """Return the image, or with `reverse` the preimage, and one log-determinant per vector."""
        is_lazy = isinstance(self.transform, nn.Module)
        made = self.transform(context) if is_lazy else self.transform
        transform = made.transform if isinstance(made, NormalizingFlow) else made
        y, log_det = (transform.inv if reverse else transform).call_and_ladj(x)
        return y, log_det if transform.domain.event_dim else log_det.sum(-1)


class StepSequence(nn.Module):
    """The composition of the steps of a model."""

    def __init__(self, steps: list[StepModule]):
        super().__init__()
        self.steps = nn.ModuleList(steps)

    def forward(
        self, x: Tensor, reverse: bool = False, context: Any = None
    ) -> tuple[Tensor, Tensor]:
        """Map data to latent, or if `reverse` latent to data; return also the log-determinants."""
        total = x.new_zeros(())
        for step in list(self.steps)[:: -1 if reverse else 1]:
            x, log_det = step(x, reverse, context=context)
            total = total + log_det
        return x, total


def _walk_steps_with_paths(model: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the path and the transform of each step of a flow or of a composed transform."""
    if type(model) in FLOWS:
        yield from _walk_steps_with_paths(model.transform, "transform")
    elif type(model) in (lazy.LazyComposedTransform, transforms.ComposedTransform):
        for i, part in enumerate(model.transforms):
            yield from _walk_steps_with_paths(part, f"{path}.transforms.{i}".lstrip("."))
    else:
        yield path, model


def _make_model_call_record(model: Any, context: Any) -> ModelCall:
    steps = [StepModule(part, path) for path, part in _walk_steps_with_paths(model, "")]
    named = {step.path: step for step in steps}
    convention = CallConvention("forward", "forward", "reverse")
    options = {} if context is None else {"context": context}

    def draw(count: int, options: Mapping[str, Any]) -> Any:
        """Draw one latent for each context if the base depends on the context, else `count`."""
        distribution = model.base(options.get("context"))
        return distribution.sample(() if distribution.batch_shape else (count,))

    draw_latents = draw if type(model) in FLOWS else None
    return ModelCall(StepSequence(steps), convention, "", options, named, draw_latents)


TRANSFORMS: dict[type, Reader] = {
    transforms.LULinearTransform: lambda transform: AffineMap(
        read_affine_map(transform.L).matrix @ read_affine_map(transform.U).matrix
    ),
    transforms.RotationTransform: lambda transform: read_affine_map(transform.R),
    transforms.PermutationTransform: lambda transform: permutation_map(transform.order),
}


def _read_lazy_transform(module: Any) -> AffineMap:
    """Read the affine map of the transform that a lazy transform builds."""
    if module.f not in TRANSFORMS:
        name = getattr(module.f, "__name__", repr(module.f))
        raise InvalidInputError(f"{name} is not a type that convert knows")
    return TRANSFORMS[module.f](module())


LIBRARY = Library(
    name="zuko",
    make_module=lambda couplings, shape: Couplings(couplings),
    readers={**TRANSFORMS, lazy.UnconditionalTransform: _read_lazy_transform},
    sequences={lazy.LazyComposedTransform: "transforms"},
    other_containers=dict.fromkeys((*FLOWS, lazy.LazyInverse), "transform"),
    model_call=_make_model_call_record,
    takes_images=False,
)
