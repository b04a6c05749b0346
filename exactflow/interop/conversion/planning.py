"""What of a model is to be converted: its layers, read, and merged where they meet."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property, reduce
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap
from exactflow.interop.conversion.probing import probed
from exactflow.interop.conversion.report import LeftLayer
from exactflow.interop.libraries import PACKAGES, library_of, package_of
from exactflow.interop.places import Place, chains, place_of
from exactflow.interop.reading import is_initialized, reading

__all__ = ["Group", "Layer", "Meeting", "plan"]

Meeting = tuple[Tensor, Any]
"""The data that a module meets in a run of the model, and the condition that it is given."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A module, the map that it is, and the type of its parameters, None if it has none."""

    place: Place
    map: AffineMap
    dtype: torch.dtype | None
    is_alone: bool


@dataclass(frozen=True, eq=False)
class Group:
    """Layers that follow each other, in the order of the data: one map.

    `also` are other places of the same module, where there is one alone.
    """

    layers: tuple[Layer, ...]
    also: tuple[Place, ...] = ()

    @property
    def main(self) -> Place:
        """The place that the couplings take: that of the first matrix, or of a permutation."""
        dense = (layer.place for layer in self.layers if layer.map.entries.ndim == 2)
        return next(dense, self.layers[0].place)

    @property
    def modules(self) -> list[nn.Module]:
        """The modules, in the order of the data."""
        return [layer.place.module for layer in self.layers]

    @property
    def dtype(self) -> torch.dtype | None:
        """The type of the parameters, None if there are none."""
        return next((layer.dtype for layer in self.layers if layer.dtype is not None), None)

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
        return reduce(lambda before, after: after.after(before), [x.map for x in self.layers])


def plan(
    model: nn.Module, meetings: Mapping[str, Meeting], only: Collection[str] | None
) -> tuple[list[Group], list[LeftLayer]]:
    """Return what can be converted, and what is left, with reasons.

    Raises `InvalidInputError` where a pattern in `only` names no layer.
    """
    found = chains(model)
    if only is not None:
        found = _selected(model, found, only)
    times = Counter(id(place.module) for chain in found for place in chain)
    groups: list[Group] = []
    left: list[LeftLayer] = []
    for chain in found:
        run: list[Layer] = []
        for place in chain:
            read = _read(place, meetings.get(place.path), only is not None)
            if isinstance(read, str):
                left.append(LeftLayer(place.path, place.kind, read))
                groups += _groups(run, left)
                run = []
            else:
                alone = times[id(place.module)] > 1 or _is_in_part(place.module)
                run.append(Layer(place, read, _dtype(place.module), alone))
        groups += _groups(run, left)
    return _shared(groups), left


def _shared(groups: list[Group]) -> list[Group]:
    """Return each module once, with all its places."""
    once: dict[int, Group] = {}
    for group in groups:
        place = group.main
        if id(place.module) in once:
            first = once[id(place.module)]
            group = Group(first.layers, (*first.also, place))
        once[id(place.module)] = group
    return list(once.values())


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
            f"expected paths of layers in only=.., or patterns, got {missed[0]!r}; there are "
            f"{', '.join(sorted(inside)[:20])}"
        )
    return selected


def _read(place: Place, meeting: Meeting | None, is_named: bool) -> AffineMap | str:
    """Return the map of a layer, or why there is none."""
    module = place.module
    library = library_of(module)
    known, home = library.reader_of(module) is not None, package_of(module)
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
    found: AffineMap | None = None
    if known:
        try:
            found = reading(module)
        except InvalidInputError as error:
            return str(error)
    elif meeting is not None and _is_probed(module, is_named):
        found = probed(module, *meeting)
    if found is None:
        return "not linear, or not known to be"
    return found if found.dimension > 1 else "one coordinate has no halves"


def _is_probed(module: nn.Module, is_named: bool) -> bool:
    """Return whether an unknown module is a layer without a conditioner, to all appearances."""
    is_unknown = package_of(module) not in PACKAGES.values()
    return is_named or (is_unknown and library_of(module).way(module) is not None)


def _is_in_part(module: nn.Module) -> bool:
    """Return whether couplings replace only a part of a module."""
    return type(module) in library_of(module).places


def _floating(module: nn.Module) -> set[torch.dtype]:
    tensors = module.state_dict(keep_vars=True).values()
    return {t.dtype for t in tensors if isinstance(t, Tensor) and t.is_floating_point()}


def _dtype(module: nn.Module) -> torch.dtype | None:
    return next(iter(_floating(module)), None)


def _groups(run: list[Layer], left: list[LeftLayer]) -> Iterator[Group]:
    """Yield what a run of layers becomes; diagonals without a matrix beside them are left."""
    for part in _alike(run):
        if any(layer.map.entries.ndim == 2 for layer in part):
            yield Group(tuple(part))
            continue
        pending: list[Layer] = []
        for layer in part:
            if layer.map.is_permutation:
                pending.append(layer)
                continue
            left.append(
                LeftLayer(layer.place.path, layer.place.kind, "diagonal, with no matrix beside it")
            )
            if pending:
                yield Group(tuple(pending))
            pending = []
        if pending:
            yield Group(tuple(pending))


def _alike(run: list[Layer]) -> Iterator[list[Layer]]:
    """Yield the parts of a run that have parameters of one type and can be merged."""
    part: list[Layer] = []
    for layer in run:
        types = {x.dtype for x in (*part, layer) if x.dtype is not None}
        if part and (layer.is_alone or part[-1].is_alone or len(types) > 1):
            yield part
            part = []
        part.append(layer)
    if part:
        yield part
