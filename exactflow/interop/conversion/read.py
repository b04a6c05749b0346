"""First step of `convert`: which layers are linear, their maps, and why the others are left."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap
from exactflow.interop.conversion.report import LeftLayer
from exactflow.interop.libraries import library_of, package_of
from exactflow.interop.models import Place, cause, chains, inside, place_of
from exactflow.interop.reading import is_initialized, linear_map

Read = AffineMap | str
"""The map of a layer, or the reason to leave it."""


@dataclass(frozen=True, eq=False)
class ReadLayer:
    """A linear layer: where it stands, and its map from data to latent; whether its parameters are
    trained, None where there are none; and whether it must not be merged with its neighbours.
    """

    place: Place
    map: AffineMap
    is_trained: bool | None
    is_alone: bool


def read(
    model: nn.Module, only: Collection[str] | None
) -> tuple[list[list[ReadLayer]], list[LeftLayer]]:
    """Read the linear layers of a model, in runs, and name the others; raise for an idle `only`."""
    found = chains(model) if only is None else _selected(model, only)
    places = [place for chain in found for place in chain]
    times = Counter(id(place.module) for place in places)
    holders = _holders(model)
    runs: list[list[ReadLayer]] = []
    left: list[LeftLayer] = []
    for chain in found:
        runs.append([])
        for place in chain:
            read = _shared(holders, place.module) or _read(place, only or ())
            read = "it stands in another place, too" if times[id(place.module)] > 1 else read
            if isinstance(read, str):
                left.append(LeftLayer(place.path, place.kind, read))
                runs.append([])
                continue
            is_alone = _is_alone(place)
            trained = next(iter(_training(place.module)), None)
            runs[-1].append(ReadLayer(place, read, trained, is_alone))
    return [run for run in runs if run], left


def _selected(model: nn.Module, only: Collection[str]) -> list[list[Place]]:
    """Return the layers that patterns name; a layer that is not named stands between two."""
    found = chains(model)
    inner = {place.path for chain in found for place in chain}
    selected = [
        list(part)
        for chain in found
        for is_named, part in groupby(chain, lambda place: _is_named(place, only))
        if is_named
    ]
    paths = (path for path, _ in model.named_modules() if path in only and path not in inner)
    selected += [[place_of(model, path)] for path in paths]
    named = [place.path for chain in selected for place in chain]
    for pattern in only:
        if not any(fnmatchcase(path, pattern) for path in named):
            raise InvalidInputError(
                f"expected paths of layers in only=.., or patterns, got {pattern!r}: the layers "
                f"are {', '.join(sorted(inner)[:20])}"
            )
    return selected


def _is_named(place: Place, only: Collection[str]) -> bool:
    return any(fnmatchcase(place.path, pattern) for pattern in only)


def _training(module: nn.Module) -> set[bool]:
    return {p.requires_grad for p in library_of(module).parameters_of(module)}


def _read(place: Place, only: Collection[str]) -> Read:
    """Return the map of a layer, or why there is none."""
    module = place.module
    reason = _reason(module)
    if reason is not None:
        return reason
    if not is_initialized(module):
        return "its scales wait for the first data"
    if len(_training(module)) > 1:
        return "some of its parameters are trained, and others are frozen"
    try:
        found = linear_map(module)
    except InvalidInputError as error:
        return str(error)
    except Exception as error:  # a layer with options that its reader does not know
        return f"it cannot be read: {cause(error)}"
    if found.dimension == 1:
        return "one coordinate has no halves"
    if package_of(module) == "torch" and not (place.is_plain or _is_named(place, only)):
        return "it may belong to a conditioner; only=[its path] converts it"
    return found


def _reason(module: nn.Module) -> str | None:
    """Reason to leave a module whatever its numbers are; None if there is none."""
    library, kind = library_of(module), type(module)
    parts = [module] if kind in library.parts else list(module.modules())
    if any(map(is_parametrized, parts)):
        return "its parametrization would be lost"
    if kind not in library.readers:
        if package_of(module) == "exactflow":
            return "couplings already"
        name = inside(module)
        how = f": convert its .{name}" if name else ""
        return f"not a type that convert knows{how}"
    if any(part._forward_pre_hooks for part in parts):
        return "a hook that runs before it may change its weights"
    if any(part._forward_hooks for part in parts[1:]):
        return "a hook within it would be lost"
    has_hook = any(part._backward_hooks or part._backward_pre_hooks for part in parts)
    return "a backward hook would be lost" if has_hook else None


Holders = dict[int, list[tuple[str, int]]]
"""For each parameter, the paths and the identities of the modules that hold it."""


def _holders(model: nn.Module) -> Holders:
    found: Holders = defaultdict(list)
    for path, module in model.named_modules():
        for p in module._parameters.values():
            found[id(p)].append((path, id(module)))
    return found


def _shared(holders: Holders, module: nn.Module) -> str | None:
    """Return who else holds a parameter of a layer: couplings would part them."""
    own = set(map(id, module.modules()))
    for name, p in module.named_parameters():
        for path, other in holders[id(p)]:
            if other not in own:
                return f"{path or 'the model'} holds its {name}, too"
    return None


def _is_alone(place: Place) -> bool:
    """Whether nothing is merged with a layer, as hooks, code or what it keeps may need it."""
    module = place.module
    may_be_read = package_of(module) == "torch" and not place.is_plain
    return bool(module._forward_hooks) or may_be_read or type(module) in library_of(module).parts
