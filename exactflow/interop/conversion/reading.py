"""First step of `convert`: read the linear layers, and say why other layers are not converted."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Any

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import DataToLatentMap
from exactflow.interop.conversion.report import UnconvertedLayer
from exactflow.interop.libraries import find_library_or_torch, top_level_package_of_class
from exactflow.interop.module_tree import (
    ModulePlace,
    copy_for_float64_evaluation,
    find_layer_chains,
    find_place,
    root_cause_type_and_message,
    wrapper_attribute,
)


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
    map: DataToLatentMap
    is_trainable: bool | None
    is_mergeable: bool

    def report_unconverted(self, reason: str) -> UnconvertedLayer:
        """Return a report with the reason why the layer is not converted."""
        return UnconvertedLayer(self.place.path, self.place.kind, reason)


def linear_map(module: Any) -> DataToLatentMap:
    """Return the affine map of a linear module of a flow library, from data to latent.

    The map x -> A x + bias acts on vectors, or on the channels of each pixel. It is computed in
    float64: float32 weights are exact, and products of factors are rounded.

    Parameters
    ----------
    module : ``nn.Linear``, a 1x1 convolution, or a linear layer, permutation or ActNorm of a flow
        library; an instance of a subclass is refused.

    Raises
    ------
    InvalidInputError
        A module of another type, a matrix that is not square, or a kernel larger than a pixel.

    Examples
    --------
    >>> from normflows.flows import Permute
    >>> linear_map(Permute(3, mode="swap")).matrix
    array([[0., 0., 1.],
           [1., 0., 0.],
           [0., 1., 0.]])
    """
    library = find_library_or_torch(module)
    reader = library.readers.get(type(module))
    if reader is None:
        known = ", ".join(kind.__name__ for kind in library.readers)
        wanted = f"a linear layer of {library.name} ({known})"
        if not known:
            wanted = f"a layer of another library (modules of {library.name} are not read)"
        kind = type(module)
        raise InvalidInputError(
            f"expected {wanted}, got {kind.__module__}.{kind.__name__}: pass the matrix of the "
            "module, as an array, to factor or balance"
        )
    return reader(copy_for_float64_evaluation(module))


def read_linear_layers(
    model: nn.Module, only: Collection[str] | None
) -> tuple[list[list[ReadLayer]], list[UnconvertedLayer]]:
    """Return the linear layers of a model in chains of neighbours, and reports on the other layers.

    Raises `InvalidInputError` for a pattern in `only` that matches no layer.
    """
    found = (
        find_layer_chains(model) if only is None else _select_chains_matching_patterns(model, only)
    )
    counts = Counter(id(place.module) for chain in found for place in chain)
    holders: HoldersByParameter = defaultdict(list)
    for path, module in model.named_modules():
        for p in module._parameters.values():
            holders[id(p)].append((path, id(module)))
    chains: list[list[ReadLayer]] = []
    unconverted: list[UnconvertedLayer] = []
    for chain in found:
        chains.append([])
        for place in chain:
            read: DataToLatentMap | str
            if counts[id(place.module)] > 1:
                read = "the model uses the layer in two places"
            else:
                shared = _describe_shared_parameter(holders, place.module)
                read = shared or _read_map_or_reason(place, only or ())
            if isinstance(read, str):
                unconverted.append(UnconvertedLayer(place.path, place.kind, read))
                chains.append([])
                continue
            library = find_library_or_torch(place.module)
            trainable = library.requires_grad_of_replaced_parameters(place.module)
            is_trainable = next(iter(trainable), None)
            chains[-1].append(
                ReadLayer(place, read, is_trainable, _is_output_unused_elsewhere(place))
            )
    return [chain for chain in chains if chain], unconverted


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
    paths = (path for path, _ in model.named_modules() if path in patterns and path not in inner)
    selected += [[find_place(model, path)] for path in paths]
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


def _read_map_or_reason(
    place: ModulePlace, patterns_naming_torch_layers: Collection[str]
) -> DataToLatentMap | str:
    """Return the map of a layer, or the reason why the layer is not converted.

    A layer of PyTorch outside of plain containers has to match a pattern, since it may belong to a
    conditioner.
    """
    module = place.module
    reason = _find_type_or_hook_obstacle(module)
    if reason is not None:
        return reason
    if _awaits_initial_data(module):
        return "the scales of the layer are not initialized: run the model on data first"
    if len(find_library_or_torch(module).requires_grad_of_replaced_parameters(module)) > 1:
        return "some parameters of the layer require gradients, and others do not"
    try:
        found = linear_map(module)
    except InvalidInputError as error:
        return str(error)
    except Exception as error:  # a reader may raise any error for a layer with unknown options
        return f"the layer cannot be read: {root_cause_type_and_message(error)}"
    if found.dimension == 1:
        return "a layer of one coordinate has no couplings"
    is_selected = place.is_plain or _path_matches_any_pattern(place, patterns_naming_torch_layers)
    if top_level_package_of_class(module) == "torch" and not is_selected:
        return "the layer may belong to a conditioner: name its path in only=[..] to convert it"
    return found


def _find_type_or_hook_obstacle(module: nn.Module) -> str | None:
    """Return a reason against a replacement in a module's type or hooks; None if there is none."""
    library, kind = find_library_or_torch(module), type(module)
    parts = [module] if kind in library.replaced_parameters else list(module.modules())
    if any(map(is_parametrized, parts)):
        return "the layer has a parametrization, which a replacement would lose"
    if kind not in library.readers:
        if top_level_package_of_class(module) == "exactflow":
            return "the layer consists of couplings already"
        name = wrapper_attribute(module)
        remedy = f": convert its .{name}" if name else ""
        return f"not a type that convert knows{remedy}"
    if any(part._forward_pre_hooks for part in parts):
        return "the layer has a forward pre-hook, which may change its weights"
    if any(part._forward_hooks for part in parts[1:]):
        return "a module inside the layer has a forward hook, which a replacement would lose"
    has_hook = any(part._backward_hooks or part._backward_pre_hooks for part in parts)
    return "the layer has a backward hook, which a replacement would lose" if has_hook else None


def _awaits_initial_data(module: Any) -> bool:
    """Whether a module is an ActNorm whose scales still wait for a first batch of data."""
    flags = (getattr(module, name, True) for name in ("data_dep_init_done", "initialized"))
    return not all(map(bool, flags)) or getattr(module, "init_on_next_batch", False)


HoldersByParameter = dict[int, list[tuple[str, int]]]
"""For each parameter, by its id, the paths and the ids of the modules that hold it."""


def _describe_shared_parameter(holders: HoldersByParameter, module: nn.Module) -> str | None:
    """Describe a parameter that the module shares with another module; None if there is none."""
    own = set(map(id, module.modules()))
    for name, p in module.named_parameters():
        for path, other in holders[id(p)]:
            if other not in own:
                return f"the layer shares its parameter {name} with {path or 'the model'}"
    return None


def _is_output_unused_elsewhere(place: ModulePlace) -> bool:
    """Whether certainly only the next layer uses the output of a layer.

    If a hook, code of the model, or another part of the layer may use it, the layer is not merged
    with its neighbours.
    """
    module = place.module
    may_be_used = top_level_package_of_class(module) == "torch" and not place.is_plain
    is_partial = type(module) in find_library_or_torch(module).replaced_parameters
    return not (module._forward_hooks or may_be_used or is_partial)
