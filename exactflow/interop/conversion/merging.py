"""Second step of `convert`: group the linear layers to merge, and find an input for each group."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce

import torch

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap
from exactflow.interop.conversion.comparison import LayerInput, run_chain_and_sum_log_dets
from exactflow.interop.conversion.reading import ReadLayer
from exactflow.interop.conversion.report import UnconvertedLayer
from exactflow.interop.module_tree import (
    ModulePlace,
    list_state_dict_tensors_with_repeats,
    root_cause_type_and_message,
)

SAMPLES = 4
"""The number of members of random data."""
PIXELS = ((), (2, 2))
"""The axes after the channels in random data, for vectors and for images."""


@dataclass(frozen=True, eq=False)
class LayerGroup:
    """Neighbouring layers to merge, in the order of the data, and the input of the first layer."""

    layers: tuple[ReadLayer, ...]
    input: LayerInput

    @property
    def first_matrix_place(self) -> ModulePlace:
        """The place of the first layer with a matrix, where the replacement is installed."""
        return next(layer.place for layer in self.layers if layer.map.kind == "matrix")

    @property
    def places_to_fill_with_identities(self) -> list[ModulePlace]:
        """The places where identities are installed: all but the place of the first matrix."""
        return [layer.place for layer in self.layers if layer.place is not self.first_matrix_place]

    @property
    def input_dtype(self) -> torch.dtype:
        """The dtype of the input of the group, in which the replacement is stored."""
        return self.input[0].dtype

    @property
    def has_trainable_layer(self) -> bool:
        """Whether some layer of the group has parameters that require gradients."""
        return any(layer.is_trainable for layer in self.layers)

    def report_unconverted(self, reason: str) -> list[UnconvertedLayer]:
        """Return a report for each layer, with the reason why the group is not converted."""
        return [layer.report_unconverted(reason) for layer in self.layers]

    @cached_property
    def composed_map(self) -> AffineMap:
        """The composition of the affine maps of all layers; data meets the first layer first."""
        return reduce(lambda before, after: after.after(before), [x.map for x in self.layers])


def group_layers(
    chains: list[list[ReadLayer]], inputs_by_path: Mapping[str, LayerInput]
) -> tuple[list[LayerGroup], list[UnconvertedLayer]]:
    """Return groups of layers to merge, and reports on the layers that are in no group.

    A group needs a layer with a matrix, and an input on which its layers run.
    """
    groups: list[LayerGroup] = []
    unconverted: list[UnconvertedLayer] = []
    for part in (part for chain in chains for part in _split_into_mergeable_parts(chain)):
        if not any(layer.map.kind == "matrix" for layer in part):
            unconverted += [
                x.report_unconverted(f"a {x.map.kind} without a matrix beside it") for x in part
            ]
            continue
        try:
            groups.append(LayerGroup(tuple(part), _find_or_draw_input(part, inputs_by_path)))
        except InvalidInputError as error:
            unconverted += [layer.report_unconverted(str(error)) for layer in part]
    return groups, unconverted


def _split_into_mergeable_parts(chain: list[ReadLayer]) -> Iterator[list[ReadLayer]]:
    """Split a chain into parts; the layers of a part can be merged with each other.

    A part has no trainable layer beside a frozen one, and a layer that is not mergeable is a part
    of its own.
    """
    part: list[ReadLayer] = []
    for layer in chain:
        is_mixed = {True, False} <= {x.is_trainable for x in (*part, layer)}
        if part and (is_mixed or not (part[-1].is_mergeable and layer.is_mergeable)):
            yield part
            part = []
        part = [*part, layer]
    yield part


def _find_or_draw_input(
    layers: list[ReadLayer], inputs_by_path: Mapping[str, LayerInput]
) -> LayerInput:
    """Return the recorded input of the first layer, or else random data on which all layers run.

    Raises `InvalidInputError` if the layers run neither on random vectors nor on random images.
    """
    path = layers[0].place.path
    if path in inputs_by_path and inputs_by_path[path][0].numel():
        return inputs_by_path[path]
    modules = [layer.place.module for layer in layers]
    held = [
        t
        for module in modules
        for t in list_state_dict_tensors_with_repeats(module)
        if t.is_floating_point()
    ]
    reason = ""
    for pixels in PIXELS:
        generator = torch.Generator().manual_seed(0)
        shape = SAMPLES, layers[0].map.dimension, *pixels
        x = torch.randn(shape, dtype=torch.float64, generator=generator).to(held[0])
        try:
            with torch.no_grad():
                run_chain_and_sum_log_dets(modules, x, None)
        except Exception as error:  # a layer may raise any error for a shape that it does not take
            reason = reason or root_cause_type_and_message(error)
            continue
        return x, None
    raise InvalidInputError(
        f"the layer fails on random vectors and images ({reason}): pass an example of data for "
        "which the model runs the layer"
    )
