"""First step of `convert`: which layers are linear, their maps, and why the others are left."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Any

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap
from exactflow.interop.conversion.report import LeftLayer
from exactflow.interop.libraries import library_of, package_of
from exactflow.interop.module_tree import (
    ModulePlace,
    copy_for_float64_evaluation,
    find_chains,
    find_place,
    root_cause_text,
    wrapper_attribute,
)


@dataclass(frozen=True, eq=False)
class ReadLayer:
    """A linear layer of a model.

    Attributes
    ----------
    place : where it is.
    map : its affine map from data to latent.
    is_trained : whether its parameters are trained; None without parameters.
    is_alone : it must not be merged with its neighbours.
    """

    place: ModulePlace
    map: AffineMap
    is_trained: bool | None
    is_alone: bool

    def as_left(self, reason: str) -> LeftLayer:
        """Report the layer as left, with the reason."""
        return LeftLayer(self.place.path, self.place.kind, reason)


def linear_map(module: Any) -> AffineMap:
    """Return the map x -> A x + bias, from data to latent, that a linear module of a flow library
    applies to vectors, or to every pixel.

    Parameters are taken in float64: float32 weights exactly, products of factors rounded once.

    Parameters
    ----------
    module : ``nn.Linear``, a 1x1 convolution, or a linear layer, permutation or ActNorm of a flow
        library, of exactly that type.

    Raises
    ------
    InvalidInputError
        A module of another type, or a map that has no inverse in any case: a matrix that is not
        square, or a kernel larger than a pixel.

    Examples
    --------
    >>> from normflows.flows import Permute
    >>> linear_map(Permute(3, mode="swap")).matrix
    array([[0., 0., 1.],
           [1., 0., 0.],
           [0., 1., 0.]])
    """
    library = library_of(module)
    reader = library.readers.get(type(module))
    if reader is None:
        known = ", ".join(kind.__name__ for kind in library.readers)
        wanted = f"a linear layer of {library.name} ({known})"
        if not known:
            wanted = f"a layer of another library (modules of {library.name} are not read)"
        kind = type(module)
        raise InvalidInputError(
            f"expected {wanted}, got {kind.__module__}.{kind.__name__}: give its matrix as an "
            "array instead"
        )
    return reader(copy_for_float64_evaluation(module))


def read_linear_layers(
    model: nn.Module, only: Collection[str] | None
) -> tuple[list[list[ReadLayer]], list[LeftLayer]]:
    """Read the linear layers of a model, in chains of neighbours, and report the others as left.

    Raises `InvalidInputError` for a pattern in `only` that matches no layer.
    """
    found = find_chains(model) if only is None else _select_layers(model, only)
    counts = Counter(id(place.module) for chain in found for place in chain)
    holders = _find_parameter_holders(model)
    chains: list[list[ReadLayer]] = []
    left: list[LeftLayer] = []
    for chain in found:
        chains.append([])
        for place in chain:
            read: AffineMap | str
            if counts[id(place.module)] > 1:
                read = "the model uses it in two places"
            else:
                read = _describe_outside_holder(holders, place.module) or _read_map(
                    place, only or ()
                )
            if isinstance(read, str):
                left.append(LeftLayer(place.path, place.kind, read))
                chains.append([])
                continue
            trained = next(iter(_training_states(place.module)), None)
            chains[-1].append(ReadLayer(place, read, trained, _must_be_alone(place)))
    return [chain for chain in chains if chain], left


def _select_layers(model: nn.Module, only: Collection[str]) -> list[list[ModulePlace]]:
    """List the layers that match the patterns, as chains of consecutive layers; a layer that
    matches no pattern ends a chain.
    """
    chains = find_chains(model)
    inner = {place.path for chain in chains for place in chain}
    selected = [
        list(part)
        for chain in chains
        for is_named, part in groupby(chain, lambda place: _matches_pattern(place, only))
        if is_named
    ]
    paths = (path for path, _ in model.named_modules() if path in only and path not in inner)
    selected += [[find_place(model, path)] for path in paths]
    named = [place.path for chain in selected for place in chain]
    for pattern in only:
        if not any(fnmatchcase(path, pattern) for path in named):
            raise InvalidInputError(
                f"expected paths of layers in only=.., or patterns, got {pattern!r}: the layers "
                f"are {', '.join(sorted(inner)[:20])}"
            )
    return selected


def _matches_pattern(place: ModulePlace, only: Collection[str]) -> bool:
    return any(fnmatchcase(place.path, pattern) for pattern in only)


def _training_states(module: nn.Module) -> set[bool]:
    return {p.requires_grad for p in library_of(module).parameters_of(module)}


def _read_map(place: ModulePlace, only: Collection[str]) -> AffineMap | str:
    """Return the map of a layer, or the reason to leave the layer."""
    module = place.module
    reason = _find_obstacle(module)
    if reason is not None:
        return reason
    if not _is_initialized(module):
        return "its scales wait for the first data"
    if len(_training_states(module)) > 1:
        return "some of its parameters are trained, and others are frozen"
    try:
        found = linear_map(module)
    except InvalidInputError as error:
        return str(error)
    except Exception as error:  # a layer may have options that its reader does not know
        return f"it cannot be read: {root_cause_text(error)}"
    if found.dimension == 1:
        return "one coordinate has no halves"
    if package_of(module) == "torch" and not (place.is_plain or _matches_pattern(place, only)):
        return "it may belong to a conditioner; only=[its path] converts it"
    return found


def _find_obstacle(module: nn.Module) -> str | None:
    """Return the reason to leave a module whatever its numbers are, or None."""
    library, kind = library_of(module), type(module)
    parts = [module] if kind in library.replaced_parameters else list(module.modules())
    if any(map(is_parametrized, parts)):
        return "its parametrization would be lost"
    if kind not in library.readers:
        if package_of(module) == "exactflow":
            return "couplings already"
        name = wrapper_attribute(module)
        remedy = f": convert its .{name}" if name else ""
        return f"not a type that convert knows{remedy}"
    if any(part._forward_pre_hooks for part in parts):
        return "a hook that runs before it may change its weights"
    if any(part._forward_hooks for part in parts[1:]):
        return "a hook within it would be lost"
    has_hook = any(part._backward_hooks or part._backward_pre_hooks for part in parts)
    return "a backward hook would be lost" if has_hook else None


def _is_initialized(module: Any) -> bool:
    """Whether an ActNorm has received the data that set its scales; true for other modules."""
    flags = (getattr(module, name, True) for name in ("data_dep_init_done", "initialized"))
    return all(map(bool, flags)) and not getattr(module, "init_on_next_batch", False)


Holders = dict[int, list[tuple[str, int]]]
"""For each parameter, by its id, the paths and the ids of the modules that hold it."""


def _find_parameter_holders(model: nn.Module) -> Holders:
    found: Holders = defaultdict(list)
    for path, module in model.named_modules():
        for p in module._parameters.values():
            found[id(p)].append((path, id(module)))
    return found


def _describe_outside_holder(holders: Holders, module: nn.Module) -> str | None:
    """Say which other module holds a parameter of a layer, since couplings cannot share it."""
    own = set(map(id, module.modules()))
    for name, p in module.named_parameters():
        for path, other in holders[id(p)]:
            if other not in own:
                return f"{path or 'the model'} holds its {name}, too"
    return None


def _must_be_alone(place: ModulePlace) -> bool:
    """Whether a layer must not be merged: its hooks, the model's code or its other parameters may
    need its own input and output.
    """
    module = place.module
    may_be_used = package_of(module) == "torch" and not place.is_plain
    is_partial = type(module) in library_of(module).replaced_parameters
    return bool(module._forward_hooks) or may_be_used or is_partial
