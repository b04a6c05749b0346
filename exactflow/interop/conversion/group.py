"""Second step of `convert`: neighbours that become one map, and the data that it meets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise

import torch
from torch import nn

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap
from exactflow.interop.conversion.comparison import Meeting, chained
from exactflow.interop.conversion.read import ReadLayer
from exactflow.interop.conversion.report import LeftLayer
from exactflow.interop.models import Place, cause, tensors_of

SAMPLES = 4
PIXELS = ((), (2, 2))


@dataclass(frozen=True, eq=False)
class Group:
    """Layers that follow each other, in the order of the data, and what they meet: one map."""

    layers: tuple[ReadLayer, ...]
    data: Meeting

    @property
    def main(self) -> Place:
        """The place that is taken: that of the first matrix."""
        return _main(self.layers)

    @property
    def merged(self) -> list[Place]:
        """The places where an identity is left."""
        return [layer.place for layer in self.layers if layer.place is not self.main]

    @property
    def modules(self) -> list[nn.Module]:
        """The modules, in the order of the data."""
        return [layer.place.module for layer in self.layers]

    @property
    def dtype(self) -> torch.dtype:
        """The type of floats in which the couplings are stored."""
        return self.data[0].dtype

    @property
    def is_trained(self) -> bool:
        """Whether the parameters are trained."""
        return any(layer.is_trained for layer in self.layers)

    def left(self, reason: str) -> list[LeftLayer]:
        """Name the layers as left, with a reason."""
        return [LeftLayer(layer.place.path, layer.place.kind, reason) for layer in self.layers]

    @cached_property
    def target(self) -> AffineMap:
        """The map of all layers, one after the other."""
        maps = (layer.map for layer in self.layers)
        return reduce(lambda before, after: after.after(before), maps)


def group(
    runs: list[list[ReadLayer]], met: Mapping[str, Meeting]
) -> tuple[list[Group], list[LeftLayer]]:
    """Merge the layers of each run; name those that have no matrix beside them, or no data."""
    groups: list[Group] = []
    left: list[LeftLayer] = []
    for part in (part for run in runs for part in _alike(run)):
        if not any(layer.map.kind == "matrix" for layer in part):
            for layer in part:
                reason = f"a {layer.map.kind}, with no matrix beside it"
                left.append(LeftLayer(layer.place.path, layer.place.kind, reason))
            continue
        try:
            data = _data(part, met.get(part[0].place.path))
        except InvalidInputError as error:
            left += [LeftLayer(x.place.path, x.place.kind, str(error)) for x in part]
            continue
        groups.append(Group(tuple(part), data))
    return groups, left


def _main(layers: "tuple[ReadLayer, ...] | list[ReadLayer]") -> Place:
    return next(layer.place for layer in layers if layer.map.kind == "matrix")


def _alike(run: list[ReadLayer]) -> Iterator[list[ReadLayer]]:
    """Yield the parts of a run that can be merged: all of them trained, or none of them."""
    cuts = [k for k, (one, two) in enumerate(pairwise(run), 1) if one.is_alone or two.is_alone]
    for start, stop in pairwise([0, *cuts, len(run)]):
        part: list[ReadLayer] = []
        for layer in run[start:stop]:
            whole = [*part, layer]
            if {True, False} <= {x.is_trained for x in whole}:
                yield part
                whole = [layer]
            part = whole
        yield part


def _data(layers: list[ReadLayer], meeting: Meeting | None) -> Meeting:
    """Return the data that layers meet, else random vectors or images, or raise if they take
    neither.
    """
    if meeting is not None and meeting[0].numel():
        return meeting
    modules, main = [layer.place.module for layer in layers], _main(layers)
    held = [t for module in modules for t in tensors_of(module) if t.is_floating_point()]
    shapes = [(layers[0].map.dimension, *pixels) for pixels in PIXELS]
    reason = ""
    for shape in shapes:
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(SAMPLES, *shape, dtype=torch.float64, generator=generator)
        x = x.to(held[0])
        try:
            with torch.no_grad():
                chained(modules, x, None)
        except Exception as error:  # a layer for other data
            reason = reason or cause(error)
            continue
        return x, None
    raise InvalidInputError(
        f"expected an example that {main.path or 'the model'} meets: it takes neither random "
        f"vectors nor random images alone, {reason}"
    )
