"""A whole Glow with additive couplings as a bijection of integers: images come back bit for bit.

ActNorm and 1x1 convolution are merged to one linear layer, which becomes rounded shears with a
certified bound; additive couplings round the shifts of their networks; squeezes and splits move
numbers. Only the grid changes: by |det|^(1/d) at each linear layer, so that log-determinants are
differences of its logarithms.
"""

import copy
import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import to_fraction, to_index
from exactflow.exact.typing import NumberLike
from exactflow.interop.affine import AffineMap
from exactflow.interop.libraries import library_of
from exactflow.interop.modules.steps import Additive, Linear, Shift, Squeeze, Step
from exactflow.interop.reading import is_initialized, reading

__all__ = ["LosslessModel", "lossless"]


class LosslessModel(nn.Module):
    """A model for images of integers: ``forward(images) -> latents``, and `inverse`, bit for bit.

    Latents are one int64 tensor for each level, in the order of the model; `real` are the numbers
    that they stand for.

    Attributes
    ----------
    levels : the steps of each level, in the order in which data meets them.
    bases : the base distributions, in the order of the latents.
    grid, grids : what a unit is of the integers inside, and of the latents, in real numbers.
    fraction : images are multiplied by 2^fraction before the first step.
    """

    def __init__(
        self,
        levels: list[tuple[list[Step], Fraction]],
        bases: list[nn.Module],
        grid: Fraction,
        fraction: int,
    ):
        super().__init__()
        self.levels = nn.ModuleList(nn.ModuleList(steps) for steps, _ in levels)
        self.bases = nn.ModuleList(bases)
        self.grid, self.fraction = grid, fraction
        self.grids = tuple(last for _, last in reversed(levels))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the latents of integer images (N, C, H, W)."""
        if images.is_floating_point() or images.dtype == torch.bool or images.ndim != 4:
            raise InvalidInputError(
                f"expected integer images (N, C, H, W), got {images.dtype} of shape "
                f"{tuple(images.shape)}"
            )
        x = images.long() * 2**self.fraction
        latents = []
        for k in range(len(self.levels)):
            for step in self._steps(k):
                x = step(x)
            if k < len(self.levels) - 1:
                x, z = x.chunk(2, dim=1)
                latents.append(z.contiguous())
        return [x, *reversed(latents)]

    def inverse(self, latents: list[Tensor], dtype: torch.dtype = torch.uint8) -> Tensor:
        """Return the images that have these latents, in a type of integers.

        Raises `InvalidInputError` where some of them belong to no images of this type.
        """
        if len(latents) != len(self.levels):
            raise InvalidInputError(f"expected {len(self.levels)} latents, got {len(latents)}")
        if any(z.dtype != torch.int64 or z.ndim != 4 for z in latents):
            raise InvalidInputError("expected int64 latents (N, C, H, W), as forward returns them")
        x, *others = latents
        for k in reversed(range(len(self.levels))):
            for step in reversed(self._steps(k)):
                x = step.inverse(x)
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

    def _steps(self, level: int) -> list[Any]:
        steps: Any = self.levels[level]
        return list(steps)

    def real(self, latents: list[Tensor]) -> list[Tensor]:
        """Return latents as the real numbers that they stand for, in float64."""
        return [z.double() * float(grid) for z, grid in zip(latents, self.grids, strict=True)]

    def log_det(self, latents: list[Tensor]) -> float:
        """Return the log-determinant of the map of real images to real latents."""
        sizes = [z[0].numel() for z in latents]
        changes = [math.log(grid / self.grid) for grid in self.grids]
        return sum(n * change for n, change in zip(sizes, changes, strict=True))

    def bits_per_dimension(self, images: Tensor, y: Any = None) -> Tensor:
        """Return the model's bits per dimension for each image, at the latents of integers:
        -log2 of the density times the volume of a unit of the images, over C H W.

        Parameters
        ----------
        y : the classes, for a model that has some.
        """
        latents = self(images)
        given = () if y is None else (y,)
        density = torch.full((len(images),), self.log_det(latents), dtype=torch.float64)
        bases: list[Any] = list(self.bases)
        with torch.no_grad():
            for base, z in zip(bases, self.real(latents), strict=True):
                density = density + base.log_prob(z.to(_dtype(base)), *given).double()
        unit = math.log(self.grid * 2**self.fraction)
        return -(density / images[0].numel() + unit) / math.log(2)


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
    bits, limit : of each linear layer, as in `exactflow.lossless.lossless`; integers inside, those
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
    levels: list[tuple[list[Step], Fraction]] = []
    dtype = _dtype(model)
    for modules in _levels(model):
        steps: list[Step] = []
        for part in _merged(modules):
            steps.append(_step(part, grid, dtype, bits, limit))
            grid = steps[-1].grid
        levels.append((steps, grid))
    return LosslessModel(levels, copy.deepcopy(_bases(model)), own, fraction)


def _bases(model: Any) -> list[nn.Module]:
    """Return the base distributions, in the order of the latents."""
    if library_of(model).name == "nflows":
        return [model._distribution]
    return list(model.q0) if isinstance(model.q0, nn.ModuleList) else [model.q0]


def _levels(model: Any) -> Iterator[list[Any]]:
    """Yield the modules of each level, in the order in which data meets them."""
    name = f"{library_of(model).name} {type(model).__name__}"
    if name == "normflows NormalizingFlow":
        yield list(_flat(reversed(model.flows)))
        return
    if name == "nflows Flow":
        yield list(_flat([model._transform]))
        return
    if name != "normflows MultiscaleFlow":
        raise InvalidInputError(
            "expected a MultiscaleFlow or a NormalizingFlow of normflows, or a Flow of nflows, got "
            f"{type(model).__module__}.{type(model).__name__}"
        )
    for merge in model.merges:
        if type(merge).__name__ != "Merge" or merge.mode != "channel":
            raise InvalidInputError(
                "expected Merge('channel') between levels, got "
                f"{type(merge).__name__}({getattr(merge, 'mode', '')!r})"
            )
    first = [] if model.transform is None else [model.transform]
    for flows in reversed(model.flows):
        yield [*first, *_flat(reversed(flows))]
        first = []


def _flat(flows: Iterable[Any]) -> Iterator[Any]:
    """Yield the modules of flows, those in blocks from data to latent."""
    for flow in flows:
        library = library_of(flow)
        attribute = library.of_base("lists", flow)
        if attribute is None:
            yield flow
        else:
            held = getattr(flow, attribute)
            yield from _flat(reversed(held) if library.is_from_latent else held)


def _merged(modules: Iterable[Any]) -> Iterator[Any]:
    """Yield the modules, linear ones that follow each other as one affine map."""
    pending: AffineMap | None = None
    for module in modules:
        if library_of(module).reader_of(module) is None:
            if pending is not None:
                yield pending
            pending = None
            yield module
            continue
        if not is_initialized(module):
            raise InvalidInputError(
                f"expected a trained model, got an {type(module).__name__} that waits for its "
                "first batch: run the model on data first"
            )
        affine = reading(module)
        pending = affine if pending is None else affine.after(pending)
    if pending is not None:
        yield pending


def _step(part: Any, grid: Fraction, dtype: torch.dtype, bits: int | None, limit: int) -> Step:
    """Return the step of an affine map or of a module."""
    kind = type(part).__name__
    if isinstance(part, AffineMap):
        return Linear(part, grid, bits, limit)
    if kind == "Squeeze" or (kind == "SqueezeTransform" and part.factor == 2):
        return Squeeze(grid)
    if kind == "Shift":
        return Shift(Fraction(float(part.shift)), grid)
    if kind == "AffineCouplingBlock":
        return _of_normflows(part, grid, dtype)
    if kind == "AdditiveCouplingTransform" and part.unconditional_transform is None:
        parts = part.identity_features.clone(), part.transform_features.clone()
        return Additive(_frozen(part.transform_net), parts, 1, grid, dtype, (None,))
    raise InvalidInputError(
        "expected additive couplings, squeezes by 2, shifts and linear layers that linear_map "
        f"reads, got {type(part).__module__}.{kind}: only a shift can be rounded without loss"
    )


def _of_normflows(part: Any, grid: Fraction, dtype: torch.dtype) -> Additive:
    """Return a coupling of normflows, which subtracts from data to latent."""
    split, coupling, _ = part.flows
    if split.mode not in ("channel", "channel_inv"):
        raise InvalidInputError(
            f"expected couplings that split channels, got split_mode={split.mode!r}"
        )
    if coupling.scale:
        raise InvalidInputError(
            "expected additive couplings (scale=False), got one with scales: only a shift can be "
            "rounded without loss"
        )
    network = _frozen(coupling.param_map)
    return Additive(network, int(split.mode == "channel_inv"), -1, grid, dtype)


def _frozen(network: nn.Module) -> nn.Module:
    """Return a copy of a network in evaluation mode."""
    return copy.deepcopy(network).eval().requires_grad_(False)


def _dtype(module: nn.Module) -> torch.dtype:
    """Return the type of floats of a module."""
    floats = (t.dtype for t in module.state_dict().values() if t.is_floating_point())
    return next(floats, torch.float32)
