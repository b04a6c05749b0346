"""Second step of `convert`: merge neighbouring linear layers, and find data for each group."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise

import torch
from torch import nn

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap
from exactflow.interop.conversion.comparison import LayerInput, run_chain
from exactflow.interop.conversion.reading import ReadLayer
from exactflow.interop.conversion.report import LeftLayer
from exactflow.interop.module_tree import ModulePlace, root_cause_text, tensors_of

SAMPLES = 4
PIXELS = ((), (2, 2))


@dataclass(frozen=True, eq=False)
class LayerGroup:
    """Neighbouring layers that become one map, in the order of the data, and their input."""

    layers: tuple[ReadLayer, ...]
    input: LayerInput

    @property
    def replacement_place(self) -> ModulePlace:
        """The place of the first layer with a matrix, which the replacement takes."""
        return next(layer.place for layer in self.layers if layer.map.kind == "matrix")

    @property
    def identity_places(self) -> list[ModulePlace]:
        """The places of the other layers, which identities take."""
        return [layer.place for layer in self.layers if layer.place is not self.replacement_place]

    @property
    def modules(self) -> list[nn.Module]:
        """The modules, in the order of the data."""
        return [layer.place.module for layer in self.layers]

    @property
    def dtype(self) -> torch.dtype:
        """The dtype in which the replacement is stored."""
        return self.input[0].dtype

    @property
    def is_trained(self) -> bool:
        """Whether the parameters are trained."""
        return any(layer.is_trained for layer in self.layers)

    def as_left(self, reason: str) -> list[LeftLayer]:
        """Report the layers as left, with the reason."""
        return [layer.as_left(reason) for layer in self.layers]

    @cached_property
    def target(self) -> AffineMap:
        """The composed map of all layers."""
        return reduce(lambda before, after: after.after(before), [x.map for x in self.layers])


def group_layers(
    chains: list[list[ReadLayer]], inputs: Mapping[str, LayerInput]
) -> tuple[list[LayerGroup], list[LeftLayer]]:
    """Group the layers of each chain; report layers without a matrix beside them, or without data,
    as left.
    """
    groups: list[LayerGroup] = []
    left: list[LeftLayer] = []
    for part in (part for chain in chains for part in _split_by_training(chain)):
        if not any(layer.map.kind == "matrix" for layer in part):
            left += [x.as_left(f"a {x.map.kind}, with no matrix beside it") for x in part]
            continue
        try:
            groups.append(LayerGroup(tuple(part), _find_input(part, inputs)))
        except InvalidInputError as error:
            left += [layer.as_left(str(error)) for layer in part]
    return groups, left


def _split_by_training(chain: list[ReadLayer]) -> Iterator[list[ReadLayer]]:
    """Yield the parts of a chain that can be merged: within a part, all layers are trained, or
    all are fixed.
    """
    cuts = [k for k, (one, two) in enumerate(pairwise(chain), 1) if one.is_alone or two.is_alone]
    for start, stop in pairwise([0, *cuts, len(chain)]):
        part: list[ReadLayer] = []
        for layer in chain[start:stop]:
            if {True, False} <= {x.is_trained for x in (*part, layer)}:
                yield part
                part = []
            part = [*part, layer]
        yield part


def _find_input(layers: list[ReadLayer], inputs: Mapping[str, LayerInput]) -> LayerInput:
    """Return the input of layers in a run of the model, or else random vectors or images.

    Raises `InvalidInputError` if the layers accept neither.
    """
    path = layers[0].place.path
    if path in inputs and inputs[path][0].numel():
        return inputs[path]
    modules = [layer.place.module for layer in layers]
    held = [t for module in modules for t in tensors_of(module) if t.is_floating_point()]
    reason = ""
    for pixels in PIXELS:
        generator = torch.Generator().manual_seed(0)
        shape = SAMPLES, layers[0].map.dimension, *pixels
        x = torch.randn(shape, dtype=torch.float64, generator=generator).to(held[0])
        try:
            with torch.no_grad():
                run_chain(modules, x, None)
        except Exception as error:  # a layer may raise any error for data of another shape
            reason = reason or root_cause_text(error)
            continue
        return x, None
    raise InvalidInputError(
        f"no data for layer {path or 'the model'}: pass an example whose forward pass reaches it "
        f"(it fails on random vectors and images: {reason})"
    )
