"""First step of `convert`: read the linear layers, group those to merge, report on the others."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property, partial, reduce
from itertools import groupby
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap
from exactflow.interop.conversion.comparison import run_chain_and_sum_log_dets
from exactflow.interop.conversion.report import UnconvertedLayer
from exactflow.interop.libraries import find_library_or_torch, top_level_package_of_class
from exactflow.interop.module_tree import (
    ModulePlace,
    copy_for_float64_evaluation,
    find_layer_chains,
    list_state_dict_tensors_with_repeats,
    root_cause_type_and_message,
    wrapper_attribute,
)
from exactflow.interop.tracing import LayerCall

SAMPLES = 4
"""The number of members of random data."""
PIXELS = ((), (2, 2))
"""The axes after the channels in random data, for vectors and for images."""


@dataclass(frozen=True, eq=False)
class ReadLayer:
    """A linear layer of a model, and the affine map that was read from it.

    Attributes
    ----------
    place : the module of the layer, and its path in the model.
    map : the affine map of the layer, from data to latent.
    is_trainable : whether the parameters require gradients; None without parameters.
    is_mergeable : whether the layer can be merged with its neighbours.
    """

    place: ModulePlace
    map: AffineMap
    is_trainable: bool | None
    is_mergeable: bool


@dataclass(frozen=True, eq=False)
class LayerGroup:
    """Neighbouring layers to merge, in the order of the data.

    Attributes
    ----------
    layers : the layers; at least one of them has a matrix.
    input : the data that the first layer receives, in the dtype in which the replacement is stored;
        and the condition of the layer, or None.
    """

    layers: tuple[ReadLayer, ...]
    input: tuple[Tensor, Any]

    @property
    def places(self) -> list[ModulePlace]:
        """The place of the first matrix, where the replacement is installed, then the other places,
        where identities are installed.
        """
        main = next(layer.place for layer in self.layers if layer.map.kind == "matrix")
        return [main, *(layer.place for layer in self.layers if layer.place is not main)]

    @cached_property
    def composed_map(self) -> AffineMap:
        """The composition of the affine maps of all layers; data meets the first layer first."""
        return reduce(lambda before, after: after.after(before), [x.map for x in self.layers])


def report_unconverted(layers: Iterable[ReadLayer], reason: str) -> list[UnconvertedLayer]:
    """Return a report for each layer, with the reason why the layer is not converted."""
    return [UnconvertedLayer(layer.place.path, layer.place.kind, reason) for layer in layers]


def linear_map(module: Any) -> AffineMap:
    """Return the affine map of a linear module of a flow library, from data to latent.

    The map x -> A x + bias acts on vectors, or on the channels of each pixel. It is computed in
    float64: float32 weights are exact, and products of factors are rounded.

    Parameters
    ----------
    module : ``nn.Linear``, a 1x1 convolution, or a linear layer, permutation or ActNorm of a flow
        library; an instance of a subclass is refused. Of an ``AllInOneBlock`` of FrEIA, which is
        not linear, the permutation is read.

    Raises
    ------
    InvalidInputError
        A module of another type, a matrix that is not square, a kernel larger than a pixel, or a
        module whose forward method or hooks may apply another map than its weights say.

    Examples
    --------
    >>> from normflows.flows import Permute
    >>> linear_map(Permute(3, mode="swap")).matrix
    array([[0., 0., 1.],
           [1., 0., 0.],
           [0., 1., 0.]])
    """
    library = find_library_or_torch(module)
    if type(module) not in library.readers:
        known = ", ".join(kind.__name__ for kind in library.readers)
        wanted = f"a linear layer of {library.name} ({known})"
        if not known:
            wanted = f"a layer of another library (modules of {library.name} are not read)"
        kind = type(module)
        raise InvalidInputError(
            f"expected {wanted}, got {kind.__module__}.{kind.__name__}: pass the matrix of the "
            "module, as an array, to factor or balance"
        )
    obstacle = _find_obstacle_to_map_of_weights(module)
    if obstacle is not None:
        raise InvalidInputError(
            f"expected a layer that applies its weights, got {type(module).__name__} with "
            f"{obstacle} first"
        )
    return read_map_of_weights(module)


def read_map_of_weights(module: Any) -> AffineMap:
    """Return the affine map that the weights of a module of a known type give."""
    reader = find_library_or_torch(module).readers[type(module)]
    return reader(copy_for_float64_evaluation(module))


def _find_obstacle_to_map_of_weights(module: Any) -> str | None:
    """Return a text that says why a module may apply another map than its weights say, and what to
    do first. Return None if it applies the map of its weights.
    """
    if not isinstance(module, nn.Module):
        return None
    is_partial = type(module) in find_library_or_torch(module).replaced_parameters
    parts = [] if is_partial else list(module.modules())
    if any(part._forward_pre_hooks for part in parts):
        return "a forward pre-hook, which may change its weights, as weight_norm does: remove it"
    if any(part._forward_hooks for part in parts):
        return "a forward hook, which may change its result: remove it"
    if any("forward" in vars(part) for part in parts):
        return "a method forward of its own: remove it"
    # nflows initializes an ActNorm in training mode only
    is_fixed_in_evaluation = hasattr(module, "initialized") and not module.training
    if _awaits_initial_data(module) and not is_fixed_in_evaluation:
        return "scales that the first batch of data will change: run it on data"
    return None


def read_linear_layers(
    model: nn.Module, only: Collection[str] | None
) -> tuple[list[list[ReadLayer]], list[UnconvertedLayer]]:
    """Return the linear layers of a model in parts, and reports on the other layers.

    The layers of a part can be merged with each other: they follow each other, and no trainable
    layer is beside a frozen one. A layer that is not mergeable is a part of its own. Raises
    `InvalidInputError` for a pattern in `only` that matches no layer.
    """
    found = (
        find_layer_chains(model) if only is None else _select_chains_matching_patterns(model, only)
    )
    counts = Counter(id(place.module) for chain in found for place in chain)
    holders = defaultdict(list)  # for each parameter, the paths and ids of modules that hold it
    for path, module in model.named_modules():
        for p in module._parameters.values():
            holders[id(p)].append((path, id(module)))
    held = _ids_of_modules_held_outside_of_tree(model)
    parts: list[list[ReadLayer]] = []
    unconverted: list[UnconvertedLayer] = []
    for chain in found:
        parts.append([])
        for place in chain:
            read: ReadLayer | str
            if counts[id(place.module)] > 1:
                read = "the model uses the layer in two places"
            elif id(place.module) in held:
                read = "a list, dictionary or bound method of the model would keep the layer"
            else:
                shared = _describe_shared_parameter(holders, place.module)
                read = shared or _read_layer_or_reason(place, only or ())
            if isinstance(read, str):
                unconverted.append(UnconvertedLayer(place.path, place.kind, read))
                parts.append([])
                continue
            is_mixed = {True, False} <= {layer.is_trainable for layer in (*parts[-1], read)}
            if is_mixed or not all(layer.is_mergeable for layer in (*parts[-1][-1:], read)):
                parts.append([])
            parts[-1].append(read)
    return [part for part in parts if part], unconverted


def _select_chains_matching_patterns(
    model: nn.Module, patterns: Collection[str]
) -> list[list[ModulePlace]]:
    """List the layers that match the patterns, in chains of consecutive layers.

    Raises `InvalidInputError` for a pattern that matches no layer.
    """
    chains = find_layer_chains(model)
    inner = {place.path for chain in chains for place in chain}
    selected = [
        list(part)
        for chain in chains
        for is_named, part in groupby(
            chain, lambda place: _path_matches_any_pattern(place, patterns)
        )
        if is_named
    ]
    for path, module in model.named_modules():
        if path in patterns and path not in inner:
            selected.append([ModulePlace(path, module, is_plain=not path)])
    named = [place.path for chain in selected for place in chain]
    for pattern in patterns:
        if not any(fnmatchcase(path, pattern) for path in named):
            raise InvalidInputError(
                f"expected paths of layers, or patterns, as only=.., got {pattern!r}, which matches"
                f" none of the layers {', '.join(sorted(inner)[:20])}"
            )
    return selected


def _path_matches_any_pattern(place: ModulePlace, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(place.path, pattern) for pattern in patterns)


def _describe_shared_parameter(
    holders: Mapping[int, list[tuple[str, int]]], module: nn.Module
) -> str | None:
    """Describe a parameter that the module shares with another module; None if there is none.

    For the id of each parameter, `holders` has the paths and ids of the modules that hold it.
    """
    own = set(map(id, module.modules()))
    for name, p in module.named_parameters():
        for path, other in holders[id(p)]:
            if other not in own:
                return f"the layer shares its parameter {name} with {path or 'the model'}"
    return None


def _read_layer_or_reason(
    place: ModulePlace, patterns_naming_torch_layers: Collection[str]
) -> ReadLayer | str:
    """Read a layer, or return the reason why the layer is not converted.

    A layer of PyTorch outside of plain containers has to match a pattern, since it may belong to a
    conditioner.
    """
    module, kind = place.module, type(place.module)
    library, package = find_library_or_torch(module), top_level_package_of_class(module)
    is_partial = kind in library.replaced_parameters
    parts = [module] if is_partial else list(module.modules())
    if any(map(is_parametrized, parts)):
        return "the layer has a parametrization, which a replacement would lose"
    if kind not in library.readers:
        if package == "exactflow":
            return "the layer consists of couplings already"
        name = wrapper_attribute(module)
        return f"not a type that convert knows{f': convert its .{name}' if name else ''}"
    if any(part._forward_pre_hooks for part in parts):
        return "the layer has a forward pre-hook, which may change its weights"
    if any(part._forward_hooks for part in parts[1:]):
        return "a module inside the layer has a forward hook, which a replacement would lose"
    if any(part._backward_hooks or part._backward_pre_hooks for part in parts):
        return "the layer has a backward hook, which a replacement would lose"
    if any("forward" in vars(part) for part in parts):
        return "the layer has a method forward of its own, which a replacement would lose"
    if _awaits_initial_data(module):
        return "the scales of the layer are not initialized: run the model on data first"
    trainable = library.requires_grad_of_replaced_parameters(module)
    if len(trainable) > 1:
        return "some parameters of the layer require gradients, and others do not"
    try:
        found = read_map_of_weights(module)
    except InvalidInputError as error:
        return str(error)
    except Exception as error:  # a reader may raise any error for a layer with unknown options
        return f"the layer cannot be read: {root_cause_type_and_message(error)}"
    if found.dimension < 2:
        return "a layer of fewer than two coordinates has no couplings"
    may_be_in_conditioner = package == "torch" and not place.is_plain
    if may_be_in_conditioner and not _path_matches_any_pattern(place, patterns_naming_torch_layers):
        return "the layer may belong to a conditioner: name its path in only=[..] to convert it"
    # a hook, code of the model, or another part of the layer may use the output of the layer, too
    is_mergeable = not (module._forward_hooks or may_be_in_conditioner or is_partial)
    return ReadLayer(place, found, next(iter(trainable), None), is_mergeable)


def _awaits_initial_data(module: Any) -> bool:
    """Whether a module is an ActNorm whose scales still wait for a first batch of data."""
    flags = (getattr(module, name, True) for name in ("data_dep_init_done", "initialized"))
    return not all(map(bool, flags)) or getattr(module, "init_on_next_batch", False)


def _ids_of_modules_held_outside_of_tree(model: nn.Module) -> set[int]:
    """Return the ids of the modules that other attributes of the model than its modules hold: in
    lists, tuples, sets and dictionaries, or by bound methods and partial functions.
    """
    own = vars(nn.Module())
    rest: list[Any] = [
        value
        for module in model.modules()
        for name, value in vars(module).items()
        if name not in own and getattr(value, "__self__", None) is not module
    ]
    found: set[int] = set()
    seen: set[int] = set()
    while rest:
        value = rest.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, nn.Module):
            found.add(id(value))
        elif isinstance(value, dict):
            rest += value.values()
        elif isinstance(value, list | tuple | set | frozenset):
            rest += value
        elif isinstance(value, partial):
            rest += (value.func, *value.args, *value.keywords.values())
        elif isinstance(value, MethodType):
            rest.append(value.__self__)
    return found


def group_layers(
    parts: list[list[ReadLayer]], calls_by_path: Mapping[str, LayerCall]
) -> tuple[list[LayerGroup], list[UnconvertedLayer]]:
    """Return groups of layers to merge, and reports on the layers that are in no group.

    A group needs a layer with a matrix, and an input on which its layers run: the input of a
    recorded call, or else random data.
    """
    groups: list[LayerGroup] = []
    unconverted: list[UnconvertedLayer] = []
    for part in parts:
        if not any(layer.map.kind == "matrix" for layer in part):
            for layer in part:
                reason = f"a {layer.map.kind} without a matrix beside it"
                unconverted += report_unconverted([layer], reason)
            continue
        call = calls_by_path.get(part[0].place.path)
        try:
            if call is None or not call.before[0].numel():
                x, condition = _draw_input(part), None
            else:
                x, name = call.before[0], call.convention.condition
                condition = name and call.other_arguments.get(name)
            groups.append(LayerGroup(tuple(part), (x, condition)))
        except InvalidInputError as error:
            unconverted += report_unconverted(part, str(error))
    return groups, unconverted


def _draw_input(layers: list[ReadLayer]) -> Tensor:
    """Return random data on which all layers run.

    Raises `InvalidInputError` if the layers run neither on random vectors nor on random images.
    """
    modules = [layer.place.module for layer in layers]
    tensors = (t for module in modules for t in list_state_dict_tensors_with_repeats(module))
    like = next(t for t in tensors if t.is_floating_point())
    reason = ""
    for pixels in PIXELS:
        generator = torch.Generator().manual_seed(0)
        shape = SAMPLES, layers[0].map.dimension, *pixels
        x = torch.randn(shape, dtype=torch.float64, generator=generator).to(like)
        try:
            with torch.no_grad():
                run_chain_and_sum_log_dets(modules, x, None)
        except Exception as error:  # a layer may raise any error for a shape that it does not take
            reason = reason or root_cause_type_and_message(error)
            continue
        return x
    raise InvalidInputError(
        f"the layer fails on random vectors and images ({reason}): pass an example of data for "
        "which the model runs the layer"
    )
