"""Runs of a model and of its layers on data, with its own layers and with couplings in their place.

Models are compared in float64, where they run there, and to a quarter of the digits that the type
has: another map differs by more, and rounding, which an ill-conditioned layer may enlarge 10^9
times and more, by less. No inverse is held to more than that of the model that was given.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

from exactflow.errors import InvalidInputError, MethodError
from exactflow.interop.libraries import library_of, whole_of
from exactflow.interop.library import Way, Whole
from exactflow.interop.models import cause, chains, copy_model
from exactflow.interop.tracing import Call, Tracer

Found = TypeVar("Found")
Meeting = tuple[Tensor, Any]
"""The data that a layer meets in a run of the model, and the condition that it is given."""

SEED = 0
KEPT = 0.25
"""The part of the digits of a type to which two models agree."""
OFF = 16
"""How many times as far as that of the given model an inverse may be from x."""


@dataclass(frozen=True, eq=False)
class Run:
    """A run of a model on an example, in evaluation mode: the `images` that come out, latents and
    log-determinants, and the `latents` that it would take on the way back.

    `back` has the tensors that come out there, None where the model has no way back, fails, or
    makes no finite numbers; `met` the data of each layer, on the way ahead; `made` the image of
    each layer by its path, in the order of the calls, ahead and back.
    """

    images: tuple[Tensor, ...] = ()
    latents: Any = None
    back: tuple[Tensor, ...] | None = None
    met: dict[str, Meeting] = field(default_factory=dict)
    made: tuple[dict[str, Tensor], dict[str, Tensor]] = field(default_factory=lambda: ({}, {}))

    @property
    def parts(self) -> dict[str, list[Tensor]]:
        """The tensors by kinds: log-determinants have fewer axes than latents."""
        most = min(2, max((tensor.ndim for tensor in self.images), default=0))
        return {
            "latents": [tensor for tensor in self.images if tensor.ndim >= most],
            "log-determinants": [tensor for tensor in self.images if tensor.ndim < most],
            "inverse": list(self.back or ()),
        }


def run(model: nn.Module, arguments: tuple[Any, ...], context: Any, latents: Any = None) -> Run:
    """Run a copy of a model on an example, and back from its latents, or others.

    Raises `InvalidInputError` where the model raises an error ahead, or, if it is given latents,
    on the way back, and says where; or where it makes no finite numbers of the example.
    """
    if not arguments:
        return Run()
    if not all(torch.isfinite(x).all() for x in _tensors(arguments)):
        raise InvalidInputError("expected an example of finite numbers, got NaN or inf in it")
    model, runs = copy_model(model).eval(), "expected a model that runs on the example"
    whole = _tried(runs, lambda: whole_of(model, context))
    tracer, back = _tracer(model, whole), None
    came: list[Call] = []
    with tracer.watching():
        value, went = _tried(runs, lambda: tracer.traced(lambda: whole.call(*arguments)))
        images = _tensors(value)
        if not all(torch.isfinite(t).all() for t in images):
            raise InvalidInputError(
                "expected a model that makes finite numbers of the example, got NaN or inf"
            )
        given = (value[0] if isinstance(value, tuple) else value) if latents is None else latents
        given = tree_map_only(Tensor, _fresh, given)
        taken = tree_map_only(Tensor, _fresh, given), *arguments[1:]
        try:
            if whole.way is not None:
                value, came = _tried(
                    "expected a way back",
                    lambda: tracer.traced(lambda: whole.call(*taken, is_ahead=False)),
                )
                is_finite = all(torch.isfinite(t).all() for t in _tensors(value))
                back = _tensors(value) if is_finite or latents is not None else None
        except InvalidInputError:  # a model whose way back is missing, or takes something else
            if latents is not None:
                raise
    return Run(
        images, given, back, _firsts(went, _met), (_firsts(went, _made), _firsts(came, _made))
    )


def _tracer(model: nn.Module, whole: Whole) -> Tracer:
    """Return a tracer of the layers that may be linear."""
    places = [place for chain in chains(model) for place in chain]
    modules = [whole.steps.get(place.path, place.module) for place in places]
    return Tracer(
        (place.path, module, library_of(module).way(module) or Way("forward", "forward"))
        for place, module in zip(places, modules, strict=True)
    )


def _firsts(calls: list[Call], find: Callable[[Call], Found]) -> dict[str, Found]:
    """Find something of the first call of each layer, by its path."""
    found: dict[str, Found] = {}
    for call in calls:
        found.setdefault(call.path, find(call))
    return found


def _met(call: Call) -> Meeting:
    condition = call.way.condition
    return call.before[0], None if condition is None else call.arguments.get(condition)


def _made(call: Call) -> Tensor:
    return call.after[0]


def _tried(expected: str, call: Callable[[], Any]) -> Any:
    """Call what a model may not be made for; generators start anew, so that draws are repeated."""
    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    try:
        return call()
    except InvalidInputError:
        raise
    except Exception as error:
        where = getattr(error, "where", "")
        says = f"{expected}, got {cause(error)}{where and f' (in {where})'}"
        raise InvalidInputError(says) from None


def _fresh(tensor: Tensor) -> Tensor:
    return tensor.detach().clone()


def _tensors(value: Any) -> tuple[Tensor, ...]:
    """List the tensors and floats in a structure, in order."""
    leaves = (leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor | float))
    return tuple(torch.as_tensor(leaf).detach() for leaf in leaves)


def difference(one: Tensor, two: Tensor) -> float | None:
    """Compute the largest difference in float64; None if empty, NaN for different shapes."""
    if one.shape != two.shape and one.ndim and two.ndim:
        return float("nan")
    return float((one.double() - two.double()).abs().max()) if one.numel() else None


def differences(before: Run, after: Run) -> list[float | None]:
    """List the largest differences of latents, of log-determinants, and of what comes back,
    between two models; None of none, and of an empty example.

    Raises `MethodError` where they are not finite, or are of other shapes.
    """
    found: list[float | None] = []
    for one, two in zip(before.parts.values(), after.parts.values(), strict=True):
        known = [difference(a, b) for a, b in zip(one, two, strict=False)]
        if any(x is not None and x != x for x in known):
            raise MethodError("expected finite numbers of the converted model, got NaN or inf")
        found.append(max((x for x in known if x is not None), default=None))
    return found


def agree(one: Run, two: Run, own: Run, x: Any, merged: Iterable[set[str]]) -> None:
    """Compare two models on an example, ahead and back.

    `own` is the run of the first one in its own type, in which a layer may keep a log-determinant;
    `merged` are paths of layers that became one: what the last of each makes is compared. A
    difference beyond rounding is a `MethodError` that names the first layer that differs.
    """
    types = ([t.dtype for t in each.images if t.is_floating_point()] for each in (one, own))
    units = ([torch.finfo(kind).eps ** KEPT for kind in each] for each in types)
    fine, coarse = (pick(each, default=0.0) for pick, each in zip((min, max), units, strict=True))
    off = 0.0  # what an inverse lacks that is none is not held against the other
    if one.back and one.back[0].shape == getattr(x, "shape", None):
        off = OFF * (difference(one.back[0], x) or 0.0)

    def differ(pair: tuple[Tensor, Tensor], slack: float, unit: float) -> bool:
        apart = difference(*pair)
        return apart is not None and not apart <= unit * (1 + pair[0].abs().max()) + slack

    for what, images in one.parts.items():
        is_back = what == "inverse"
        slack, (made, other) = off * is_back, (each.made[is_back] for each in (one, two))
        unit = coarse if what == "log-determinants" else fine
        pairs = zip(images, two.parts[what], strict=False)
        if not any(differ(pair, slack, unit) for pair in pairs):
            continue
        inner = {path for group in merged for path in [p for p in made if p in group][:-1]}
        known = [path for path in made if path in other and path not in inner]
        differs = (path for path in known if differ((made[path], other[path]), slack, fine))
        first = next((f"first in {path or 'the model'}" for path in differs), "in no layer alone")
        raise MethodError(
            f"expected a converted model that agrees with the one that was given, got other "
            f"{what}, {first}: leave layers that are used in another way out, by only=.."
        )


def again(model: nn.Module, arguments: tuple[Any, ...], context: Any, before: Run) -> Run:
    """Run a converted model on the way back from given latents, or raise `MethodError`."""
    try:
        return run(model, arguments, context, None if before.back is None else before.latents)
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
