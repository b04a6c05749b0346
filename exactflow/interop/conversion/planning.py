"""What of a model is to be converted: its layers, read, and merged where they meet."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property, reduce
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap, matrix_of
from exactflow.interop.conversion.report import LeftLayer
from exactflow.interop.libraries import library_of, package_of, whole_of
from exactflow.interop.models import Place, cause, chains, copied, place_of
from exactflow.interop.modules.flow import Bijection, FlowModule
from exactflow.interop.modules.layers import along
from exactflow.interop.reading import is_initialized, linear_map

__all__ = ["Group", "Meeting", "ReadLayer", "Ties", "is_known", "plan", "tensors_of", "tie"]

Meeting = tuple[Tensor, Any]
"""The data that a module meets in a run of the model, and the condition that it is given."""

Read = AffineMap | str
"""The map of a layer, or why there is none."""

Ties = dict[tuple[int, ...], tuple[nn.Module, FlowModule]]
"""The first layer with some parameters, all but a bias, and the couplings in its place."""

LARGEST_PROBED = 1024
TOLERANCE = 1e-9
NOT_LINEAR = "not linear, as it acts on the example"


@dataclass(frozen=True, eq=False)
class ReadLayer:
    """A module, and the map that it is; one that `is_alone` is not merged."""

    place: Place
    map: AffineMap
    is_alone: bool


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

    @cached_property
    def target(self) -> AffineMap:
        """The map of all layers, one after the other."""
        maps = (layer.map for layer in self.layers)
        return reduce(lambda before, after: after.after(before), maps)


def plan(
    model: nn.Module,
    meetings: Mapping[str, Meeting],
    only: Collection[str] | None,
    permutations: bool,
) -> tuple[list[Group], list[LeftLayer]]:
    """Return what can be converted, and what is left, with reasons.

    Raises `InvalidInputError` where a pattern in `only` names no layer.
    """
    found = chains(model) if only is None else _selected(model, only)
    places = [place for chain in found for place in chain]
    times = Counter(id(place.module) for place in places)
    maps = {id(place): _read(place, meetings, only or ()) for place in places}
    shared = _shared(model, {id(place.module): (place.module, maps[id(place)]) for place in places})

    groups: list[Group] = []
    left: list[LeftLayer] = []
    for chain in found:
        run: list[ReadLayer] = []
        for place in chain:
            key = id(place.module)
            read = shared.get(key) or maps[id(place)]
            if isinstance(read, str):
                left.append(LeftLayer(place.path, place.kind, read))
                groups += _groups(run, left, permutations)
                run = []
            else:
                is_alone = times[key] > 1 or key in shared or _is_alone(place)
                run.append(ReadLayer(place, read, is_alone))
        groups += _groups(run, left, permutations)
    once: dict[int, Group] = {}
    for group in groups:
        first = once.setdefault(id(group.main.module), group)
        if first is not group:
            once[id(group.main.module)] = replace(first, also=(*first.also, group.main))
    return list(once.values()), left


def _selected(model: nn.Module, only: Collection[str]) -> list[list[Place]]:
    """Return the layers that patterns name; a layer that is not named stands between two."""
    found = chains(model)
    inside = {place.path for chain in found for place in chain}
    selected = [
        list(part)
        for chain in found
        for is_named, part in groupby(chain, lambda place: _is_named(place, only))
        if is_named
    ]
    paths = (path for path, _ in model.named_modules() if path in only and path not in inside)
    selected += [[place_of(model, path)] for path in paths]
    named = [place.path for chain in selected for place in chain]
    for pattern in only:
        if not any(fnmatchcase(path, pattern) for path in named):
            raise InvalidInputError(
                f"expected paths of layers in only=.., or patterns, got {pattern!r}: the layers "
                f"are {', '.join(sorted(inside)[:20])}"
            )
    return selected


def _is_named(place: Place, only: Collection[str]) -> bool:
    return any(fnmatchcase(place.path, pattern) for pattern in only)


def is_known(module: nn.Module) -> bool:
    """Return whether the library of a module says how its map is read."""
    return library_of(module).reader_of(module) is not None


def tensors_of(module: nn.Module) -> list[Tensor]:
    """Return the tensors of a module, parameters and buffers."""
    return [t for t in module.state_dict(keep_vars=True).values() if isinstance(t, Tensor)]


def _types(module: nn.Module) -> set[torch.dtype]:
    """Return the types of the floats that a module holds."""
    return {tensor.dtype for tensor in tensors_of(module) if tensor.is_floating_point()}


def _read(place: Place, meetings: Mapping[str, Meeting], only: Collection[str]) -> Read:
    """Return the map of a layer, or why there is none."""
    module = place.module
    known, home, types = is_known(module), package_of(module), _types(module)
    if home == "exactflow" and not known:
        return "couplings already"
    if known and home == "torch" and not (place.is_plain or _is_named(place, only)):
        return "it may belong to a conditioner; only=[its path] converts it"
    if module._forward_pre_hooks:
        return "a hook that runs before it may change its weights"
    if not is_initialized(module):
        return "its scales wait for the first data"
    if len(types) > 1:
        return f"parameters of several types, {', '.join(sorted(map(str, types)))}"
    if not known and place.path not in only:
        return "not known to be linear"
    if not known and place.path not in meetings:
        return "not known to be linear, and there is no example that it meets"
    try:
        found = linear_map(module) if known else _probed(module, *meetings[place.path])
    except InvalidInputError as error:
        return str(error)
    return found if found.dimension > 1 else "one coordinate has no halves"


def _probed(module: nn.Module, x: Tensor, context: Any) -> AffineMap:
    """Return the affine map of channels that a module of an unknown class is, from data to latent.

    In float64 on a copy: A is read off f(I) - f(0), the same at every pixel, and f(z) = A z + b is
    checked on data that the module meets, (N, d) or (N, d, ..), and on random data.

    Raises `InvalidInputError` where it is none.
    """
    d, pixels = x.shape[1] if x.ndim > 1 else 0, x.shape[2:]
    if not 2 <= d <= LARGEST_PROBED or not len(x):
        raise InvalidInputError(
            f"expected 2 to {LARGEST_PROBED} channels to probe, got data of shape {tuple(x.shape)}"
        )
    whole = whole_of(copied(module).double().eval(), context)

    def at_a_pixel(z: Tensor) -> Tensor:
        everywhere = z.reshape(*z.shape, *[1] * len(pixels)).expand(*z.shape, *pixels)
        return whole.image(everywhere)[0].reshape(len(z), d, -1)[..., 0]

    generator = torch.Generator().manual_seed(0)
    given = x[:4].detach().double()
    noise = torch.randn(given.shape, generator=generator, dtype=torch.float64).to(x.device)
    z = torch.cat((torch.zeros_like(given[:1]), given, noise))
    try:
        with torch.no_grad():
            y = whole.image(z)[0].cpu()
        if y.shape != z.shape or not y.isfinite().all():
            raise InvalidInputError(NOT_LINEAR)
        found = matrix_of(at_a_pixel, d, x.device, has_bias=True)
    except InvalidInputError:
        raise
    except Exception as error:  # whatever a module raises for data that it was not made for
        raise InvalidInputError(f"fails in float64, by {cause(error)}") from None
    A, bias = torch.from_numpy(found.matrix), torch.from_numpy(found.shift)
    expected = torch.einsum("ij,nj...->ni...", A, z.cpu()) + along(bias, z)
    if (y - expected).abs().max() > TOLERANCE * (1 + y.abs().max()):
        raise InvalidInputError(NOT_LINEAR)
    return AffineMap(found.entries, found.bias if found.shift.any() else None).simplified()


def tie(module: nn.Module, flow: Bijection, ties: Ties) -> None:
    """Let the couplings of a layer share with earlier ones what the layers share."""
    key = _all_but_a_bias(module)
    if key and isinstance(flow, FlowModule):
        first, couplings = ties.setdefault(key, (module, flow))
        flow.layers = couplings.layers
        if getattr(first, "bias", None) is getattr(module, "bias", None):
            flow.bias = couplings.bias


def _all_but_a_bias(module: nn.Module) -> tuple[int, ...]:
    return tuple(id(p) for name, p in module.named_parameters() if name != "bias")


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
    shared: dict[int, str] = {}
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
    """Return whether two layers share all parameters but, maybe, a bias, and the matrix."""
    entries = [read.entries for _, read in (one, two) if isinstance(read, AffineMap)]
    keys = {_all_but_a_bias(module) for module, _ in (one, two)}
    return len(entries) == 2 and np.array_equal(entries[0], entries[1]) and len(keys) == 1


def _is_alone(place: Place) -> bool:
    """Return whether nothing is merged with a layer: hooks, or code that holds it, may look at it,
    or couplings replace only a part of it.
    """
    module = place.module
    may_be_read = package_of(module) == "torch" and not place.is_plain
    in_part = type(module) in library_of(module).places
    return bool(module._forward_hooks) or may_be_read or in_part


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
    types: set[torch.dtype] = set()
    for layer in run:
        own = _types(layer.place.module)
        if part and (layer.is_alone or part[-1].is_alone or len(types | own) > 1):
            yield part
            part, types = [], set()
        part.append(layer)
        types |= own
    if part:
        yield part
