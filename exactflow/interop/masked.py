"""One mask for a trained model: its couplings under many masks, as couplings under one.

The theorem and its proof are those of `exactflow.linear.masks`: swaps bring the coordinates that a
coupling moves into the half that moves, and merge with the couplings before and after. The networks
are the model's own, not copies, so that training goes on. What only renames or scales coordinates,
as a permutation or an ActNorm, takes no layer: it goes into the couplings after it, and at most
into one layer at the end.

How it is checked
-----------------
*Numeric*: the new module is run beside the model on the example, both ways.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from sympy.polys.matrices import DomainMatrix
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_matrix
from exactflow.exact.typing import Half, PartitionLike
from exactflow.floats.balancing import balance
from exactflow.flows.float_layers import FloatCoupling
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.nonlinear.merged import MaskedPart
from exactflow.flows.partition import resolve_partition
from exactflow.interop.affine import AffineMap
from exactflow.interop.libraries import layers_of, library_of, whole_of
from exactflow.interop.library import HalfMap, folded
from exactflow.interop.modules.flow import MatrixModule
from exactflow.linear.factor.assembly import opposite
from exactflow.linear.masks.writer import Writer, exact_words

__all__ = ["OneMask", "OneMaskFlow", "one_mask"]


@dataclass(frozen=True)
class OneMask:
    """A model under one mask, and what became of it.

    Attributes
    ----------
    module : ``forward(x) -> (z, log_det)`` from data to latent, ``inverse`` back.
    order, partition : the mask: the coordinates of the first half come first.
    before, after : the numbers of couplings.
    bound : what the theorem gives: 2 N + 4 for N couplings of half of the coordinates, with no
        matrices between them; None elsewhere.
    flip : a coordinate of the latents that is negated at the end, where the model reverses
        orientation, which couplings do not; or None.
    error, log_det_error : the largest differences from the model at the example, of latents and of
        log-determinants.
    """

    module: "OneMaskFlow"
    order: tuple[int, ...]
    partition: tuple[int, int]
    before: int
    after: int
    bound: int | None
    flip: int | None
    error: float
    log_det_error: float

    def __str__(self) -> str:
        text = f"{self.before} couplings are {self.after} under one mask"
        text += "" if self.bound is None else f" (the theorem: at most {self.bound})"
        text += "" if self.flip is None else f", and latent {self.flip} is negated"
        return f"{text}; latents differ by {self.error:.1e}, log-dets by {self.log_det_error:.1e}"


class Seen(nn.Module):
    """A coupling that sees the coordinates in another order, scaled and shifted."""

    scale: Tensor
    bias: Tensor
    places: Tensor
    moves: Tensor

    def __init__(self, half: HalfMap, places: Sequence[int], scale: np.ndarray, bias: np.ndarray):
        super().__init__()
        self.coupling, self.module = half, half.module
        self.register_buffer("places", torch.tensor(places))
        self.register_buffer("moves", torch.tensor(sorted(half.moves)))
        self.register_buffer("scale", torch.tensor(scale))
        self.register_buffer("bias", torch.tensor(bias))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image and the log-determinant."""
        return self._run(z, self.coupling.ahead)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return the preimage and the log-determinant of the inverse."""
        return self._run(z, self.coupling.back)

    def _run(self, z: Tensor, run: Any) -> tuple[Tensor, Tensor]:
        scale, bias = self.scale.to(z), self.bias.to(z)
        y, log_det = run(z[:, self.places] * scale + bias)
        moved = ((y - bias) / scale)[:, self.moves]
        return z.index_copy(1, self.places[self.moves], moved), z.new_zeros(len(z)) + log_det


class LinearHalf(MatrixModule):
    """A linear coupling, as a matrix and its inverse, on vectors of any type of floats."""

    @classmethod
    def of(
        cls, matrix: np.ndarray, inverse: np.ndarray, scale: np.ndarray, *bias: np.ndarray
    ) -> "LinearHalf":
        """Return the coupling that scales what moves like this."""
        return cls(*map(torch.tensor, (matrix, inverse, np.log(abs(scale)).sum(), *bias)))

    def image(self, x: Tensor) -> Tensor:
        """Return the image, in the type of x."""
        return super().image(x.to(self.weight)).to(x)

    def preimage(self, y: Tensor) -> Tensor:
        """Return the preimage, in the type of y."""
        return super().preimage(y.to(self.weight)).to(y)

    def log_det(self, x: Tensor) -> Tensor:
        """Return the log-determinant for one vector, in the type of x."""
        return self.log_abs_det.to(x)


class OneMaskFlow(nn.Module):
    """Couplings under one mask: ``layers`` move the first and the second half in turn.

    Each layer is a list of couplings that move the same half: one coupling, by composition.
    """

    order: Tensor
    back: Tensor

    def __init__(self, layers: list[list[nn.Module]], order: Sequence[int]):
        super().__init__()
        self.layers = nn.ModuleList(nn.ModuleList(parts) for parts in layers)
        self.register_buffer("order", torch.tensor(order))
        self.register_buffer("back", torch.argsort(torch.tensor(order)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map data (N, d) to latents, with log-determinants (N,)."""
        z, total = folded(x[:, self.order], self._parts())
        return z[:, self.back], total

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map latents (N, d) to data, with the log-determinants of the inverse."""
        x, total = folded(z[:, self.order], [part.inverse for part in reversed(self._parts())])
        return x[:, self.back], total

    def _parts(self) -> list[Any]:
        layers: Any = self.layers
        return [part for layer in layers for part in layer]


def one_mask(model: Any, x: Tensor, mask: "PartitionLike | None" = None) -> OneMask:
    """Return an affine-coupling model as couplings under one mask, which equal it up to rounding.

    Parameters
    ----------
    model : of normflows, nflows, glasflow, FrEIA or zuko: affine couplings (RealNVP, NICE, Glow's
        on vectors) with permutations, ActNorms and linear layers between them.
    x : data of shape (N, d), for the comparison; the model is run on it.
    mask : (p, q), or d zeros and ones, 1 for the first half; where it is left out, that of the
        first coupling, where it moves half of the coordinates.

    Raises
    ------
    InvalidInputError
        Layers that are no affine couplings, as splines, which do not merge with shears; couplings
        of halves of other sizes than the mask's; images; no coupling at all, or no data.

    Source: Theorem 17 of `exactflow.linear.masks`.

    Examples
    --------
    >>> import normflows as nf
    >>> mask = torch.tensor([1.0, 0.0, 1.0, 0.0])
    >>> flows = [nf.flows.MaskedAffineFlow(b, nf.nets.MLP([4, 8, 4])) for b in (mask, 1 - mask)]
    >>> model = nf.NormalizingFlow(nf.distributions.DiagGaussian(4), flows)
    >>> found = one_mask(model, torch.randn(5, 4))
    >>> found.before, found.after, found.error < 1e-6
    (2, 2, True)
    """
    if x.ndim != 2 or not len(x):
        raise InvalidInputError(f"expected data of shape (N, d), N > 0, got {tuple(x.shape)}")
    whole, d = whole_of(model), x.shape[1]
    steps = list(_steps(whole.module, d))
    halves = [step for step in steps if isinstance(step, HalfMap)]
    if not halves:
        raise InvalidInputError("expected a model with affine couplings, got none")
    order, partition = _mask(mask, steps, d)
    for half in halves:
        if (count := len(half.moves)) not in partition:
            raise InvalidInputError(
                f"expected couplings that move {partition[0]} or {partition[1]} of {d} coordinates,"
                f" as the mask {partition} has them, got one that moves {count}: give its mask"
            )
    writing = _Writing(order, partition)
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        writing.write(step, after)
    layers, flip = writing.finished()
    module = OneMaskFlow(layers, order).to(x.device)
    has_bound = mask is None and d > 1 and all(2 * len(half.moves) == d for half in halves)
    has_bound &= not any(isinstance(step, AffineMap) and step.entries.ndim == 2 for step in steps)
    bound = 2 * len(halves) + 4 + writing.is_scaled if has_bound else None
    with torch.no_grad():
        wanted, log_det = whole.image(x)
        z, total = module(x)
    errors = (float((one - two).abs().max()) for one, two in ((z, wanted), (total, log_det)))
    return OneMask(module, order, partition, len(halves), len(layers), bound, flip, *errors)


def _mask(
    mask: "PartitionLike | None", steps: Sequence["HalfMap | AffineMap"], d: int
) -> tuple[tuple[int, ...], tuple[int, int]]:
    """Return order and sizes of the mask; by default the first coupling's, in the names of the
    data, where it moves half of them.
    """
    names = np.arange(d)
    for step in steps:
        if isinstance(step, HalfMap):
            if mask is None and 2 * len(step.moves) == d:
                mask = (~np.isin(np.arange(d), names[sorted(step.moves)])).astype(int).tolist()
            break
        names = names[step.entries] if step.is_permutation else names
    return resolve_partition(mask, d)


def _steps(model: Any, d: int) -> Iterator["HalfMap | AffineMap"]:
    """Yield the couplings and the linear maps of a model, from data to latent."""
    for module in layers_of(model):
        library, steps = library_of(module), getattr(module, "steps", None)
        if isinstance(steps, nn.ModuleList):
            for step in steps:
                yield from _steps(getattr(step, "transform", step), d)
        elif (reader := library.reader_of(module)) is not None:
            yield reader(module)
        elif (halves := library.of_base("halves", module)) is not None:
            yield from halves(module, d)
        else:
            raise InvalidInputError(
                f"expected affine couplings and linear layers, got a {type(module).__name__}: a "
                "shear merges with an affine coupling alone, not with a spline"
            )


class _Writing:
    """A `Writer`, with what scales and shifts each coordinate of the model since."""

    def __init__(self, order: tuple[int, ...], partition: tuple[int, int]) -> None:
        self.writer = Writer(order, partition, _balanced_words)
        self.scale, self.bias = np.ones(len(order)), np.zeros(len(order))
        self.is_scaled = False

    def write(self, step: "HalfMap | AffineMap", after: "HalfMap | AffineMap | None") -> None:
        if isinstance(step, HalfMap):
            self.writer.write(self._part(step))
            return
        A, shift = step.entries, step.shift
        self.is_scaled |= not step.is_permutation or bool(shift.any())
        if step.is_permutation:
            rows = np.eye(len(A), dtype=int)[A]
            self.writer.write_matrix(as_matrix(rows), None)
            self.scale, self.bias = self.scale[A], self.bias[A] + shift
        elif step.is_diagonal:
            self.scale, self.bias = A * self.scale, A * self.bias + shift
        else:
            seen = self._part(after) if isinstance(after, HalfMap) else None
            self.writer.write_matrix(as_matrix(A * self.scale), seen)
            self.scale, self.bias = np.ones(len(A)), A @ self.bias + shift

    def _part(self, half: HalfMap) -> MaskedPart:
        """Return a coupling as a part that names the coordinates of the model."""
        d = len(self.scale)
        seen: Any = (half, self.scale.copy(), self.bias.copy())
        moved = tuple((i, 1) for i in range(d) if i in half.moves)
        kept = tuple((i, 1) for i in range(d) if i not in half.moves)
        return MaskedPart(seen, kept, moved)

    def finished(self) -> tuple[list[list[nn.Module]], int | None]:
        """Return the layers, and the latent that is negated, if any."""
        writer, flip = self.writer, None
        if _reverses(writer):
            flip = writer.order[0]
            writer.sign[flip] *= -1
            self.scale[flip] *= -1
        writer.write_rest()
        parts = [(half, _seen(part, writer, half)) for half, part in writer.parts]
        parts += self._scales(parts[-1][0] if parts else "first")
        runs = groupby(parts, key=itemgetter(0))
        return [[part for _, part in run] for _, run in runs], flip

    def _scales(self, last: Half) -> Iterator[tuple[Half, nn.Module]]:
        """Yield what scales and shifts the latents: with the last layer, and in one more."""
        order, p = list(self.writer.order), self.writer.partition[0]
        d, scale, bias = len(order), self.scale[order], self.bias[order]
        for half in (last, opposite(last)):
            places = range(p) if half == "first" else range(p, d)
            if (scale[places] != 1).any() or bias[places].any():
                own, shift = np.ones(d), np.zeros(d)
                own[places], shift[places] = scale[places], bias[places]
                yield half, LinearHalf.of(np.diag(own), np.diag(1 / own), own, shift)


def _seen(part: MaskedPart, writer: Writer, half: Half) -> nn.Module:
    """Return a coupling as it sees the places; signs are scales of -1."""
    held: Any = part.layer
    p, d = writer.partition[0], len(writer.order)
    if isinstance(held, LinearCoupling):
        layer, one = FloatCoupling.of(held).dense(), np.eye(d)
        return LinearHalf.of(layer.forward(one), layer.backward(one), layer.scales)
    coupling, scale, bias = held
    offsets = (p, 0) if half == "first" else (0, p)
    listed = [i for i in range(d) if i not in coupling.moves], sorted(coupling.moves)
    places, signs = [0] * d, np.ones(d)
    for names, views, offset in zip(listed, (part.kept, part.moved), offsets, strict=True):
        for i, view in zip(names, views, strict=True):
            if view is not None:
                places[i], signs[i] = view[0] + offset, view[1]
    return Seen(coupling, places, scale * signs, bias)


def _reverses(writer: Writer) -> bool:
    rows = np.zeros((len(writer.order),) * 2)
    for i in writer.order:
        rows[writer.home[i], writer.place[i]] = writer.sign[i]
    return bool(np.linalg.det(rows) < 0)


def _balanced_words(
    matrix: DomainMatrix, partition: tuple[int, int]
) -> Iterator[Sequence[LinearCoupling]]:
    """Yield exact layers of a signed permutation, and float ones of other matrices."""
    if matrix.nnz() == matrix.shape[0]:
        yield from exact_words(matrix, partition)
        return
    rows = np.array(matrix.to_Matrix().tolist(), dtype=float)
    yield balance(rows, partition=partition).flow.layers
