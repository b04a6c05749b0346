"""zuko: a lazy transform, a module, which returns the transform of the last axis when called."""

from collections.abc import Callable
from copy import copy

from torch import Tensor
from torch.distributions import Transform, constraints
from zuko.lazy import LazyComposedTransform, LazyTransform

from exactflow.interop.plain import Bijection

__all__ = ["Couplings", "CouplingsTransform", "Given", "lazily"]


class CouplingsTransform(Transform):
    """Couplings as a transform of vectors, the last axis of a tensor."""

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, couplings: Bijection):
        super().__init__()
        self.couplings = couplings

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CouplingsTransform) and self.couplings is other.couplings

    def __hash__(self) -> int:
        return hash((type(self), id(self.couplings)))

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image and the log-determinant, one for each vector."""
        y = self.couplings(x.reshape(-1, x.shape[-1]))[0].reshape(x.shape)
        return y, self.log_abs_det_jacobian(x, y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the log-determinant, one for each vector."""
        return self.couplings.log_det(x.reshape(-1, x.shape[-1])).expand(x.shape[:-1])

    def _call(self, x: Tensor) -> Tensor:
        return self.call_and_ladj(x)[0]

    def _inverse(self, y: Tensor) -> Tensor:
        return self.couplings.inverse(y.reshape(-1, y.shape[-1]))[0].reshape(y.shape)


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
