"""A whole Glow with additive couplings as a bijection of integers: images come back bit for bit.

ActNorm and 1x1 convolution are merged to one linear layer, which becomes rounded shears with a
certified bound; additive couplings round the shifts of their networks; squeezes and splits move
numbers. Only the grid changes: by |det|^(1/d) at each linear layer, so that log-determinants are
differences of its logarithms.
"""

import copy
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import reduce
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import to_fraction, to_index
from exactflow.exact.typing import NumberLike
from exactflow.interop.affine import AffineMap
from exactflow.interop.libraries import layers_of, library_of
from exactflow.interop.modules.steps import IntegerStep, PixelMap, frozen
from exactflow.interop.reading import is_initialized, linear_map

__all__ = ["LosslessModel", "lossless"]


class LosslessModel(nn.Module):
    """A model for images of integers: ``forward(images) -> latents``, and `inverse`, bit for bit.

    Latents are one int64 tensor for each level, in the order of the model; `real` are the numbers
    that they stand for. No images have no latents: tensors of length zero. The type of floats stays
    what it is, since networks say something else in another; and a state dict holds a key of all
    that the integers depend on beside tensors, so that the state of another model is refused.

    Attributes
    ----------
    levels : the steps of each level, in the order in which data meets them.
    bases : the base distributions, in the order of the latents.
    embedding : what a context goes through first; None for nothing.
    grid, grids : what a unit is of the integers inside, and of the latents, in real numbers.
    fraction : images are multiplied by 2^fraction before the first step.
    """

    levels: Any
    bases: Any

    def __init__(
        self,
        levels: list[tuple[list[IntegerStep], Fraction]],
        bases: list[nn.Module],
        embedding: nn.Module | None,
        grid: Fraction,
        fraction: int,
    ):
        super().__init__()
        self.levels = nn.ModuleList(nn.ModuleList(steps) for steps, _ in levels)
        self.bases, self.embedding = nn.ModuleList(bases), embedding
        self.grid, self.fraction = grid, fraction
        self.grids = tuple(last for _, last in reversed(levels))

    def forward(self, images: Tensor, context: Any = None) -> list[Tensor]:
        """Return the latents of integer images (N, C, H, W)."""
        if images.is_floating_point() or images.dtype == torch.bool or images.ndim != 4:
            raise InvalidInputError(
                f"expected integer images (N, C, H, W), got {images.dtype} of shape "
                f"{tuple(images.shape)}"
            )
        x, context = images.long() * 2**self.fraction, self._embedded(context)
        latents = []
        for k in range(len(self.levels)):
            for step in self.levels[k]:
                x = step(x, context)
            if k < len(self.levels) - 1:
                x, z = x.chunk(2, dim=1)
                latents.append(z.contiguous())
        return [x, *reversed(latents)]

    def inverse(
        self, latents: list[Tensor], dtype: torch.dtype = torch.uint8, context: Any = None
    ) -> Tensor:
        """Return the images that have these latents, in a type of integers.

        Raises `InvalidInputError` where some of them belong to no images of this type.
        """
        if len(latents) != len(self.levels):
            raise InvalidInputError(f"expected {len(self.levels)} latents, got {len(latents)}")
        if any(z.dtype != torch.int64 or z.ndim != 4 for z in latents):
            raise InvalidInputError("expected int64 latents (N, C, H, W), as forward returns them")
        x, *others = latents
        context = self._embedded(context)
        for k in reversed(range(len(self.levels))):
            for step in reversed(self.levels[k]):
                x = step.inverse(x, context)
            if k:
                x = torch.cat((x, others.pop(0)), 1)
        images, held = x >> self.fraction, torch.iinfo(dtype)
        inside = (images >= held.min) & (images <= held.max) & (images << self.fraction == x)
        if not inside.all():
            raise InvalidInputError(
                f"expected latents of images of {dtype}, as forward returned them for a batch of "
                "the same shape on the same machine, got others"
            )
        return images.to(dtype)

    def _embedded(self, context: Any) -> Any:
        with torch.no_grad():
            return context if self.embedding is None else self.embedding(context)

    def real(self, latents: list[Tensor]) -> list[Tensor]:
        """Return latents as the real numbers that they stand for, in float64."""
        return [z.double() * float(grid) for z, grid in zip(latents, self.grids, strict=True)]

    def log_det(self, latents: list[Tensor]) -> float:
        """Return the log-determinant of the map of real images to real latents."""
        changes = (math.log(grid / self.grid) for grid in self.grids)
        return sum(_size(z) * change for z, change in zip(latents, changes, strict=True))

    def bits_per_dimension(self, images: Tensor, y: Any = None, context: Any = None) -> Tensor:
        """Return what the latents of each image cost, in bits, over C H W: -log2 of the density
        times the volume of a unit of the latents.

        That is `fraction` more than the model's own bits per dimension, for a unit of the images:
        latents are on a grid that is as many bits finer.

        Parameters
        ----------
        y, context : the classes, or the context, for a model that has some.
        """
        latents = self(images, context)
        given = [] if y is None else [y]
        given += [] if context is None else [self._embedded(context)]
        total = torch.zeros(len(images), dtype=torch.float64)
        with torch.no_grad():
            for base, z, grid in zip(self.bases, self.real(latents), self.grids, strict=True):
                density = base.log_prob(z.to(_dtype(base)), *given).double()
                total = total - density - _size(z) * math.log(grid)
        return total / (_size(images) * math.log(2))

    def get_extra_state(self) -> Tensor:
        """Return a hash of what the integers depend on beside tensors."""
        keys = [[step.key() for step in steps] for steps in self.levels]
        text = repr((self.grid, self.fraction, self.grids, keys))
        return torch.tensor(list(hashlib.sha256(text.encode()).digest()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Refuse the state of another model, or of other options."""
        if not torch.equal(state.cpu(), self.get_extra_state()):
            raise ValueError(
                "expected the state of this model, with the same options, got another one, whose "
                "grids are others: call exactflow.interop.lossless on the model that it is of"
            )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "LosslessModel":
        types = {_dtype(module) for module in (*self.levels, *self.bases)}
        if any(fn(torch.zeros(1, dtype=kind)).dtype != kind for kind in types):
            raise InvalidInputError(
                "expected the type of floats in which the latents are made, got another one: call "
                "exactflow.interop.lossless on the model in that type"
            )
        applied: LosslessModel = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return applied


def lossless(
    model: nn.Module,
    *,
    unit: NumberLike = Fraction(1, 256),
    fraction: int = 8,
    bits: int | None = None,
    limit: int = 2**24,
) -> LosslessModel:
    """Return a model with additive couplings as a bijection of integer images.

    ``inverse(forward(images))`` are the images, bit for bit: the linear layers on every machine,
    the networks of the couplings, which run in floats, on one machine for batches of one shape.
    Networks are copied, in evaluation mode; the model is left as it is.

    Parameters
    ----------
    model : a ``MultiscaleFlow`` or ``NormalizingFlow`` of normflows, of additive couplings
        (``scale=False``) that split channels, squeezes, ``Shift``, and linear layers that
        `linear_map` reads, ActNorm among them; or a ``Flow`` of nflows of such transforms.
    unit : what 1 of an image's integers is in the model's real numbers.
    fraction : bits of the grid below a unit, 0 to 24: each more halves the distance to the model.
    bits, limit : of each linear layer, as in `exactflow.floats.lossless.lossless`; integers
    inside, those
        of images times 2^fraction among them, may be as large as the limit.

    Raises
    ------
    InvalidInputError
        Another model, scales, an ActNorm that waits for its first batch, or an option out of its
        range; on images or latents: those that leave the limit.

    Examples
    --------
    >>> import normflows as nf
    >>> flows = [nf.flows.GlowBlock(4, 8, scale=False, use_lu=False), nf.flows.Squeeze()]
    >>> base = nf.distributions.DiagGaussian((4, 2, 2))
    >>> glow = nf.MultiscaleFlow([base], [flows], [], class_cond=False)
    >>> images = torch.arange(32, dtype=torch.uint8).reshape(2, 1, 4, 4)
    >>> _ = glow.inverse_and_log_det(images / 256)  # ActNorm takes its scales from this batch
    >>> codec = lossless(glow)
    >>> torch.equal(codec.inverse(codec(images)), images)
    True
    """
    value = to_fraction(unit)
    if not value > 0:
        raise InvalidInputError(f"expected a unit > 0, got {unit!r}")
    fraction = to_index("fraction", fraction, 0, 24)
    own = grid = value / 2**fraction
    found = library_of(model).levels(model)
    if found is None:
        raise InvalidInputError(
            "expected a MultiscaleFlow, a NormalizingFlow or a ClassCondFlow of normflows, or a "
            f"Flow of nflows, got {type(model).__module__}.{type(model).__name__}"
        )
    levels: list[tuple[list[IntegerStep], Fraction]] = []
    dtype = _dtype(model)
    groups, bases, network = found
    for modules in groups:
        steps: list[IntegerStep] = []
        for part in _merged(layer for module in modules for layer in layers_of(module)):
            steps.append(_step(part, grid, dtype, bits, limit))
            grid = steps[-1].grid
        levels.append((steps, grid))
    embedding = None if network is None else frozen(network)
    return LosslessModel(levels, copy.deepcopy(bases), embedding, own, fraction)


def _size(tensor: Tensor) -> int:
    """Return how many numbers a member of a batch has."""
    return math.prod(tensor.shape[1:])


def _merged(modules: Iterable[Any]) -> Iterator[Any]:
    """Yield the modules, linear ones that follow each other as one affine map."""
    for is_linear, run in groupby(modules, lambda m: library_of(m).reader_of(m) is not None):
        if is_linear:
            yield reduce(lambda before, affine: affine.after(before), map(_affine, run))
        else:
            yield from run


def _affine(module: Any) -> AffineMap:
    if not is_initialized(module):
        raise InvalidInputError(
            f"expected a trained model, got an {type(module).__name__} that waits for its "
            "first batch: run the model on data first"
        )
    return linear_map(module)


def _step(
    part: Any, grid: Fraction, dtype: torch.dtype, bits: int | None, limit: int
) -> IntegerStep:
    """Return the step of an affine map or of a module."""
    if isinstance(part, AffineMap):
        return PixelMap(part, grid, bits, limit)
    kind, steps = type(part), library_of(part).steps
    if kind not in steps:
        raise InvalidInputError(
            "expected additive couplings, squeezes by 2, shifts and linear layers that linear_map "
            f"reads, got {kind.__module__}.{kind.__name__}: only a shift is rounded without loss"
        )
    return steps[kind](part, grid, dtype)


def _dtype(module: nn.Module) -> torch.dtype:
    """Return the type of floats of a module."""
    floats = (p.dtype for p in module.parameters() if p.is_floating_point())
    return next(floats, torch.float32)
