"""What of a model is to be converted: its layers, read, and merged where they meet."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property, reduce
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap
from exactflow.interop.conversion.probing import probed
from exactflow.interop.conversion.report import LeftLayer
from exactflow.interop.libraries import library_of, package_of
from exactflow.interop.modules.flow import FlowModule
from exactflow.interop.places import Place, chains, place_of
from exactflow.interop.reading import is_initialized, linear_map

__all__ = ["Group", "Meeting", "ReadLayer", "Ties", "plan"]

Meeting = tuple[Tensor, Any]
"""The data that a module meets in a run of the model, and the condition that it is given."""


@dataclass(frozen=True, eq=False)
class ReadLayer:
    """A module, and the map that it is.

    `dtype` is that of its parameters, None if it has none; one that `is_alone` is not merged.
    """

    place: Place
    map: AffineMap
    dtype: torch.dtype | None
    is_alone: bool
    is_probed: bool


@dataclass(frozen=True, eq=False)
class Group:
    """Layers that follow each other, in the order of the data: one map.

    `also` are other places of the same module, where there is one alone.
    """

    layers: tuple[ReadLayer, ...]
    also: tuple[Place, ...] = ()

    @property
    def main(self) -> Place:
        """The place that is taken: that of the first matrix, or of a permutation."""
        dense = (layer.place for layer in self.layers if layer.map.entries.ndim == 2)
        return next(dense, self.layers[0].place)

    @property
    def modules(self) -> list[nn.Module]:
        """The modules, in the order of the data."""
        return [layer.place.module for layer in self.layers]

    @property
    def maps(self) -> list[AffineMap]:
        """The maps, in the order of the data."""
        return [layer.map for layer in self.layers]

    @property
    def dtype(self) -> torch.dtype | None:
        """The type of the parameters, None if there are none."""
        return next((layer.dtype for layer in self.layers if layer.dtype is not None), None)

    @property
    def is_probed(self) -> bool:
        """Whether some map is known only by what the module did."""
        return any(layer.is_probed for layer in self.layers)

    @property
    def is_trainable(self) -> bool:
        """Whether some parameter of the layers takes part in training."""
        return any(p.requires_grad for module in self.modules for p in module.parameters())

    @property
    def device(self) -> torch.device | None:
        """Where the tensors of the layers are, None if there are none."""
        tensors = (t for module in self.modules for t in module.state_dict().values())
        return next((t.device for t in tensors if isinstance(t, Tensor)), None)

    @cached_property
    def target(self) -> AffineMap:
        """The map of all layers, one after the other."""
        return reduce(lambda before, after: after.after(before), self.maps)


def plan(
    model: nn.Module,
    meetings: Mapping[str, Meeting],
    only: Collection[str] | None,
    permutations: bool,
) -> tuple[list[Group], list[LeftLayer]]:
    """Return what can be converted, and what is left, with reasons.

    Raises `InvalidInputError` where a pattern in `only` names no layer.
    """
    found = chains(model)
    if only is not None:
        found = _selected(model, found, only)
    places = [place for chain in found for place in chain]
    times = Counter(id(place.module) for place in places)
    maps = {id(place): _read(place, meetings, only or ()) for place in places}
    shared = _shared(model, {id(place.module): (place.module, maps[id(place)]) for place in places})
    groups: list[Group] = []
    left: list[LeftLayer] = []
    for chain in found:
        run: list[ReadLayer] = []
        for place in chain:
            key, read = id(place.module), maps[id(place)]
            read = shared.get(key) or read
            if isinstance(read, str):
                left.append(LeftLayer(place.path, place.kind, read))
                groups += _groups(run, left, permutations)
                run = []
            else:
                alone = times[key] > 1 or key in shared or _is_alone(place)
                known = library_of(place.module).reader_of(place.module) is not None
                run.append(ReadLayer(place, read, _dtype(place.module), alone, not known))
        groups += _groups(run, left, permutations)
    return _once(groups), left


def _once(groups: list[Group]) -> list[Group]:
    """Return each module once, with all its places."""
    once: dict[int, Group] = {}
    for group in groups:
        place = group.main
        if id(place.module) in once:
            first = once[id(place.module)]
            group = Group(first.layers, (*first.also, place))
        once[id(place.module)] = group
    return list(once.values())


class Ties:
    """Layers that share their parameters, all but a bias maybe, and the couplings of the first."""

    def __init__(self) -> None:
        self.first: dict[tuple[int, ...], tuple[nn.Module, FlowModule]] = {}

    def tied(self, module: nn.Module, flow: FlowModule) -> FlowModule:
        """Return the couplings of a layer, which share what the layer does."""
        first, couplings = self.first.setdefault(_tie(module), (module, flow))
        if _tie(module):
            flow.layers = couplings.layers
            if getattr(first, "bias", None) is getattr(module, "bias", None):
                flow.bias = couplings.bias
        return flow


def _tie(module: nn.Module) -> tuple[int, ...]:
    """Return what two layers have in common that share all parameters but, maybe, a bias."""
    return tuple(id(p) for name, p in module.named_parameters() if name != "bias")


Read = AffineMap | str


def _shared(model: nn.Module, layers: Mapping[int, tuple[nn.Module, Read]]) -> dict[int, str]:
    """Return the layers that share parameters: with a reason to leave them where that is not with
    a layer of the same map, else with none.
    """
    holders = defaultdict(set)
    for key, (module, _) in layers.items():
        for p in module.parameters():
            holders[id(p)].add(key)
    inside = {id(part) for module, _ in layers.values() for part in module.modules()}
    outside = {
        id(p): path or "the model"
        for path, module in model.named_modules()
        for p in module._parameters.values()
        if id(module) not in inside
    }
    shared = {}
    for key, (module, read) in layers.items():
        for name, p in module.named_parameters():
            others = holders[id(p)] - {key}
            if id(p) in outside:
                shared[key] = f"{outside[id(p)]} holds its {name}, too"
            elif others:
                tied = all(_is_tied((module, read), layers[other]) for other in others)
                shared.setdefault(key, "" if tied else f"another layer has its {name}, too")
    return shared


def _is_tied(one: tuple[nn.Module, Read], two: tuple[nn.Module, Read]) -> bool:
    maps = [read for _, read in (one, two) if isinstance(read, AffineMap)]
    return (
        len(maps) == 2
        and np.array_equal(maps[0].entries, maps[1].entries)
        and (_tie(one[0]) == _tie(two[0]))
    )


def _is_alone(place: Place) -> bool:
    """Return whether nothing is merged with a layer: hooks, or code that holds it, may look at it,
    or couplings replace only a part of it.
    """
    module = place.module
    may_be_read = package_of(module) == "torch" and not place.is_plain
    in_part = type(module) in library_of(module).places
    return bool(module._forward_hooks) or may_be_read or in_part


def _selected(
    model: nn.Module, found: list[list[Place]], only: Collection[str]
) -> list[list[Place]]:
    """Return the layers that patterns name; a layer that is not named stands between two."""
    inside = {place.path for chain in found for place in chain}
    selected: list[list[Place]] = []
    for chain in found:
        selected.append([])
        for place in chain:
            if any(fnmatchcase(place.path, pattern) for pattern in only):
                selected[-1].append(place)
            else:
                selected.append([])
    for path, _ in model.named_modules():
        if path in only and path not in inside:
            selected.append([place_of(model, path)])
    missed = [p for p in only if not any(fnmatchcase(x.path, p) for c in selected for x in c)]
    if missed:
        raise InvalidInputError(
            f"expected paths of layers in only=.., or patterns, got {missed[0]!r}: the layers "
            f"are {', '.join(sorted(inside)[:20])}"
        )
    return selected


def _read(place: Place, meetings: Mapping[str, Meeting], only: Collection[str]) -> Read:
    """Return the map of a layer, or why there is none."""
    module, is_named = place.module, any(fnmatchcase(place.path, pattern) for pattern in only)
    known, home = library_of(module).reader_of(module) is not None, package_of(module)
    if home == "exactflow" and not known:
        return "couplings already"
    if known and home == "torch" and not (place.is_plain or is_named):
        return "it may belong to a conditioner; only=[its path] converts it"
    if module._forward_pre_hooks:
        return "a hook that runs before it may change its weights"
    if not is_initialized(module):
        return "its scales wait for the first data"
    types = _floating(module)
    if len(types) > 1:
        return f"parameters of several types, {', '.join(sorted(map(str, types)))}"
    try:
        found = linear_map(module) if known else _probed(place, meetings, only)
    except InvalidInputError as error:
        return str(error)
    if isinstance(found, str):
        return found
    return found if found.dimension > 1 else "one coordinate has no halves"


def _probed(place: Place, meetings: Mapping[str, Meeting], only: Collection[str]) -> Read:
    """Return the map of a layer of an unknown class, which its path in `only` vouches for."""
    if place.path not in only:
        return "not known to be linear"
    if place.path not in meetings:
        return "not known to be linear, and there is no example that it meets"
    return probed(place.module, *meetings[place.path])


def _floating(module: nn.Module) -> set[torch.dtype]:
    tensors = module.state_dict(keep_vars=True).values()
    return {t.dtype for t in tensors if isinstance(t, Tensor) and t.is_floating_point()}


def _dtype(module: nn.Module) -> torch.dtype | None:
    return next(iter(_floating(module)), None)


def _groups(run: list[ReadLayer], left: list[LeftLayer], permutations: bool) -> Iterator[Group]:
    """Yield what a run of layers becomes: diagonals without a matrix beside them are left, and so
    are permutations, if they are not asked for.
    """
    for part in _alike(run):
        if any(layer.map.entries.ndim == 2 for layer in part):
            yield Group(tuple(part))
            continue
        for is_permutation, layers in groupby(part, lambda layer: layer.map.is_permutation):
            if is_permutation and permutations:
                yield Group(tuple(layers))
                continue
            reason = "diagonal, with no matrix beside it"
            if is_permutation:
                reason = "a permutation, exact as it is; permutations=True converts it"
            left += [LeftLayer(layer.place.path, layer.place.kind, reason) for layer in layers]


def _alike(run: list[ReadLayer]) -> Iterator[list[ReadLayer]]:
    """Yield the parts of a run that have parameters of one type and can be merged."""
    part: list[ReadLayer] = []
    for layer in run:
        types = {x.dtype for x in (*part, layer) if x.dtype is not None}
        if part and (layer.is_alone or part[-1].is_alone or len(types) > 1):
            yield part
            part = []
        part.append(layer)
    if part:
        yield part
