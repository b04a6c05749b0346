"""Runs of a model on data, with its own layers and with couplings in their place."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from exactflow.errors import InvalidInputError, MethodError
from exactflow.interop.libraries import library_of, whole_of
from exactflow.interop.models import cause, chains, copy_model

__all__ = [
    "Agreement",
    "Meeting",
    "Run",
    "again",
    "agree",
    "chained",
    "difference",
    "differences",
    "run",
]

Meeting = tuple[Tensor, Any]
"""The data that a layer meets in a run of the model, and the condition that it is given."""

SEED = 0
ROUNDED = 2**12
SWAYED = 16, 64
"""In units of rounding, how far data are moved; and how many times as far images may move."""
LOG_DETS = 1e-6
"""Several libraries sum log-determinants in float32."""


@dataclass(frozen=True, eq=False)
class Run:
    """A run of a model on an example, in evaluation mode.

    Attributes
    ----------
    images : the tensors that come out: latents and log-determinants.
    latents : what the model would take on the way back.
    back : the tensors that come out on the way back; None where the model has none, or fails.
    met : the data of each layer, on the way ahead.
    made, made_back : the image of each layer by its path, in the order of the calls.
    """

    images: tuple[Tensor, ...] = ()
    latents: Any = None
    back: tuple[Tensor, ...] | None = None
    met: dict[str, Meeting] = field(default_factory=dict)
    made: dict[str, Tensor] = field(default_factory=dict)
    made_back: dict[str, Tensor] = field(default_factory=dict)


def run(
    model: nn.Module,
    arguments: tuple[Any, ...],
    context: Any,
    y: Any,
    latents: Any = None,
    sway: float = 0.0,
) -> Run:
    """Run a copy of a model on an example, and back from its latents, or others; what each layer
    meets may be moved, by so much of its largest entry.

    Raises `InvalidInputError` where the model raises an error ahead, or, if it is given latents,
    on the way back, and says where; or where it makes no finite numbers of the example.
    """
    if not arguments:
        return Run()
    if not all(torch.isfinite(x).all() for x in _tensors(arguments)):
        raise InvalidInputError("expected an example of finite numbers, got NaN or inf in it")
    model = copy_model(model).eval()
    met: dict[str, Meeting] = {}
    ways: tuple[dict[str, Tensor], ...] = ({}, {})
    made = [ways[0]]
    try:
        _seed()
        whole = whole_of(model, context, y)
        for place in (place for chain in chains(model) for place in chain):
            _watch(whole.steps.get(place.path, place.module), place.path, met, made, sway)
        value = whole.call(*arguments)
        found = _tensors(value)
    except InvalidInputError:
        raise
    except Exception as error:  # whatever a model raises for data that it was not made for
        raise InvalidInputError(
            f"expected a model that runs on the example, got {_told(error)}"
        ) from None
    if not all(torch.isfinite(t).all() for t in found):
        raise InvalidInputError(
            "expected a model that makes finite numbers of the example, got NaN or inf"
        )
    given = latents
    if given is None:
        given = tree_map(_detached, value[0] if isinstance(value, tuple) else value)
    made[0] = ways[1]
    back = None
    if whole.way is not None:
        try:
            _seed()
            back = _tensors(whole.call(tree_map(_detached, given), *arguments[1:], is_ahead=False))
        except Exception as error:  # a model whose way back is missing, or takes something else
            if latents is not None:
                raise InvalidInputError(f"expected a way back, got {_told(error)}") from None
    return Run(found, given, back, met, *ways)


def _seed() -> None:
    """Seed the generators: what a layer draws, it draws again."""
    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)


def _told(error: Exception) -> str:
    where = getattr(error, "where", "")
    return f"{cause(error)}{where and f' (in {where})'}"


def _detached(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _watch(
    module: nn.Module,
    path: str,
    met: dict[str, Meeting],
    made: list[dict[str, Tensor]],
    sway: float,
) -> None:
    """Let a module, a copy that is thrown away, tell what it meets ahead and makes in each way."""
    generator = torch.Generator().manual_seed(SEED)

    def moved(x: Any) -> Any:
        if not (isinstance(x, Tensor) and x.is_floating_point() and x.numel()):
            return x
        signs = 2 * torch.randint(2, x.shape, generator=generator) - 1
        return x + sway * x.detach().abs().max() * signs.to(x)

    way = library_of(module).way(module)
    ahead = "forward" if way is None else way.ahead

    def watched(name: str) -> Any:
        method = getattr(module, name)

        def told(*given: Any, **options: Any) -> Any:
            x = given[0] if given else next(iter(options.values()))
            x = x[0] if isinstance(x, tuple | list) else x
            if isinstance(x, Tensor) and name == ahead:
                condition = options.get(way.condition) if way and way.condition else None
                met.setdefault(path, (x.detach(), condition))
            if sway and given:
                given = tree_map(moved, given[0]), *given[1:]
            try:
                value = method(*given, **options)
            except Exception as error:
                vars(error).setdefault("where", path)
                raise
            made[0].setdefault(path, next(iter(_tensors(value)), torch.zeros(0)).clone())
            return value

        return told

    names = {ahead} if way is None else {ahead, way.back}
    vars(module).update({name: watched(name) for name in names})


def _tensors(value: Any) -> tuple[Tensor, ...]:
    """Return the tensors and floats in a structure, in order."""
    leaves = (leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor | float))
    return tuple(torch.as_tensor(leaf).detach() for leaf in leaves)


def differences(before: Run, after: Run) -> tuple[float | None, float | None, float | None]:
    """Return the largest differences of latents, of log-determinants, and of what comes back,
    between two models; None of none, and of an empty example.

    Raises `MethodError` where they are not finite, or are of other shapes.
    """
    most = min(2, max((tensor.ndim for tensor in before.images), default=0))
    found: tuple[list[float | None], ...] = ([], [], [])
    for a, b in zip(before.images, after.images, strict=True):
        found[a.ndim < most].append(difference(a, b))
    for a, b in zip(before.back or (), after.back or (), strict=False):
        found[2].append(difference(a, b))
    known = [[x for x in part if x is not None] for part in found]
    if any(x != x for part in known for x in part):
        raise MethodError("expected finite numbers of the converted model, got NaN or inf")
    latents, log_dets, back = (max(part, default=None) for part in known)
    return latents, log_dets, back


def difference(one: Tensor, two: Tensor) -> float | None:
    """Return the largest difference of two tensors, in float64; None where they are empty, NaN
    where their shapes differ, and neither is a scalar.
    """
    if one.shape != two.shape and one.ndim and two.ndim:
        return float("nan")
    return float((one.double() - two.double()).abs().max()) if one.numel() else None


@dataclass(frozen=True, eq=False)
class Agreement:
    """Tolerances within which the numbers of two models agree.

    Attributes
    ----------
    unit : of rounding, relative: that of the floats, or that of the layers.
    log_dets : by how much the layers' own log-determinants may differ, together.
    """

    unit: float
    log_dets: float

    def and_also(self, other: "Agreement") -> "Agreement":
        """Return the bound for the layers of both."""
        return Agreement(max(self.unit, other.unit), self.log_dets + other.log_dets)

    def holds(self, one: Tensor, two: Tensor, swayed: Tensor, slack: float, axes: int = 0) -> bool:
        """Whether two tensors agree, given the first one for data that were moved a bit; one with
        fewer axes is a log-determinant.
        """
        apart, moved = difference(one, two), difference(one, swayed)
        if apart is None:
            return True
        size = 1 + float(one.double().abs().max())
        bound = ROUNDED * self.unit * size + SWAYED[1] * max(0.0, moved or 0.0) + slack
        if one.ndim < axes:
            bound += self.log_dets + LOG_DETS * size
        return apart <= bound


def agree(
    models: tuple[nn.Module, nn.Module],
    arguments: tuple[Any, ...],
    given: tuple[Any, Any],
    bound: Agreement,
    inner: tuple[set[str], set[str]],
) -> None:
    """Compare two models on an example, ahead and back.

    `given` are the context and the classes; `inner` the paths that are not compared by themselves,
    ahead and back, as they were merged.

    Raises
    ------
    InvalidInputError
        The first model does not run on the example.
    MethodError
        They differ beyond rounding: names the first layer that does.
    """
    one = run(models[0], arguments, *given)
    two = again(models[1], arguments, given, one)
    try:
        latents = None if one.back is None else one.latents
        sway = run(models[0], arguments, *given, latents, SWAYED[0] * bound.unit)
    except InvalidInputError:  # some data lie at the border of what a layer takes
        sway = one
    off = 0.0  # what an inverse lacks that is none is not held against the other
    if one.back and one.back[0].shape == getattr(arguments[0], "shape", None):
        off = 4 * (difference(one.back[0], arguments[0]) or 0.0)
    ways = [("latents or log-determinants", "images", "made", 0.0)]
    ways += [] if one.back is None else [("inverse", "back", "made_back", off)]
    for (what, images, made, slack), skipped in zip(ways, inner, strict=False):
        found = [getattr(each, images) or () for each in (one, two, sway)]
        axes = max([2, *(x.ndim for x in found[0])])
        if all(bound.holds(a, b, c, slack, axes) for a, b, c in zip(*found, strict=True)):
            continue
        layers = [getattr(each, made) for each in (one, two, sway)]
        known = [x for x in layers[0] if x not in skipped and all(x in each for each in layers)]
        a, b, c = layers
        differs = (x for x in known if not bound.holds(a[x], b[x], c[x], slack))
        first = next((f"first in {path or 'the model'}" for path in differs), "in no layer alone")
        raise MethodError(
            f"expected a converted model that agrees with the one that was given, got other "
            f"{what}, {first}: leave layers that are used in another way out, by only=.."
        )


def again(model: nn.Module, arguments: tuple[Any, ...], given: tuple[Any, Any], before: Run) -> Run:
    """Run a converted model, on the way back from the latents of the one that was given.

    Raises `MethodError` where it does not run.
    """
    try:
        return run(model, arguments, *given, None if before.back is None else before.latents)
    except InvalidInputError as error:
        raise MethodError(
            f"expected a converted model that runs as the one that was given; {error}: leave out "
            "the layers that it needs as they are, by only=.."
        ) from None


def chained(modules: Sequence[nn.Module], x: Tensor, context: Any) -> tuple[Tensor, Any]:
    """Run modules one after the other: the image, and the log-determinant, None where unknown."""
    total: Any = 0.0
    for module in modules:
        x, log_det = whole_of(module, context).image(x)
        total = None if log_det is None or total is None else total + log_det
    return x, total
