"""A model run in the arithmetic of mpmath: how many digits does x need to return?

Nothing is translated. The model runs as it is, and a mode of PyTorch's dispatcher watches every
elementary operation: beside each tensor it keeps a shadow, an array of mpmath numbers to which the
same operation (`operations`) was done in the precision that is asked for. The tensors themselves
only decide which way a branch goes. Weights are the numbers that they are, floats, exactly.

*Numeric*: mpmath rounds each operation, and nothing is enclosed.

Source: Koehler, Mehta and Risteski (ICML 2021), whose universal flows need precision that grows;
`exactflow.conditioning.digits_to_invert` does the same for flows over QQ.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import mpmath
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter, tree_map

from exactflow.conditioning import least_digits
from exactflow.interop.diagnosis.arithmetic import numbers
from exactflow.interop.diagnosis.doors import Door, latent, returned
from exactflow.interop.diagnosis.operations import FACTORIES, OPERATIONS

__all__ = ["Replay", "replayed", "shadowed"]

LIMIT = 256
"""The most digits that are tried."""
SHRINKS = 1e-3
LARGEST = 1_000_000
"""The most products of two numbers in one pass."""


@dataclass(frozen=True)
class Replay:
    """The least digits at which x returns, if any, and a sentence."""

    digits: int | None
    sentence: str


@dataclass(frozen=True)
class _Unknown:
    """In the place of a shadow: what cannot be replayed."""

    name: str


class _NotReplayedError(Exception):
    """The model cannot be replayed; the message says why."""


def replayed(model: nn.Module, way: Door, x: Tensor, tolerance: float) -> Replay:
    """Return the least number of digits at which x returns to a relative tolerance.

    The answer was tried and does, and one digit less was tried and does not.
    """
    try:
        error = _error(model, way, x, LIMIT)
        if error > tolerance:
            return Replay(None, _no_precision(error, _error(model, way, x, LIMIT // 2)))
        digits = least_digits(lambda p: _error(model, way, x, p) <= tolerance, LIMIT)
    except _NotReplayedError as reason:
        return Replay(None, f"not replayed in mpmath: {reason}")
    return Replay(
        digits, f"in mpmath, x returns to {tolerance:.0e} with {digits} digits, not fewer"
    )


def _no_precision(error: float, before: float) -> str:
    if error < SHRINKS * before:
        return f"in mpmath, x does not return with {LIMIT} digits: its error is {error:.1e}"
    return (
        f"in mpmath, no precision returns x: with {LIMIT} digits its error is {error:.1e} still, "
        "so that the way back is not the inverse of the way ahead"
    )


def _error(model: nn.Module, way: Door, x: Tensor, digits: int) -> float:
    """Return the relative error of x in a precision; infinite where numbers leave every range."""
    try:
        _, image, wanted = shadowed(model, way, x, digits)
    except (ZeroDivisionError, OverflowError):
        return float("inf")
    with mpmath.workdps(digits + 10):
        error = max(map(abs, (image - wanted).flat))
        error /= max(map(abs, wanted.flat)) or 1
        return float(error) if mpmath.isfinite(error) else float("inf")


def shadowed(model: nn.Module, way: Door, x: Tensor, digits: int) -> tuple[Any, Any, Any]:
    """Return the first latents, what comes back, and x itself, as arrays of mpmath numbers."""
    shadows = _Shadows()
    with mpmath.workdps(digits), torch.no_grad(), shadows:
        value = latent(getattr(model, way.ahead)(x, **way.options(True)), x)
        back = getattr(model, way.back)(value, **way.options(False))
        tensors = (returned(value, x.numel())[0], returned(back, x.numel())[0], x)
        found = tuple(map(shadows.of, tensors))
    for shadow in found:
        if isinstance(shadow, _Unknown):
            raise _NotReplayedError(f"{shadow.name} is no operation that it knows")
    return found


class _Shadows(TorchDispatchMode):
    """Keeps a shadow beside each tensor of floats; tensors of integers and booleans have none."""

    def __init__(self) -> None:
        TorchDispatchMode.__init__(self)
        self.known: dict[int, Any] = {}
        self.alive: list[Tensor] = []  # so that no other tensor gets its id
        self.products = 0

    def of(self, tensor: Tensor) -> Any:
        """Return the shadow of a tensor: its own numbers where it came out of nothing."""
        if id(tensor) not in self.known:
            wide = tensor.detach()
            wide = wide.double() if wide.is_floating_point() else wide
            self._keep(tensor, numbers(wide.cpu().numpy()))
        return self.known[id(tensor)]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        if name in FACTORIES:
            return func(*args, **kwargs)
        given = [part for part in tree_iter((args, kwargs)) if isinstance(part, Tensor)]
        in_place = name.endswith("_") and not name.startswith("__")
        before = self.of(args[0]) if in_place else None
        shadow = self._shadow(name.rstrip("_") if in_place else name, given, args, kwargs)
        result = func(*args, **kwargs)
        if in_place:
            self._write(args[0], before, shadow)
        elif given:
            self._note(result, shadow)
        return result

    def _shadow(self, name: str, given: list[Tensor], args: tuple, kwargs: dict) -> Any:
        """Return what an operation makes of the shadows."""
        unknown = [s for t in given if isinstance(s := self.of(t), _Unknown)]
        if unknown:
            return unknown[0]
        operation = OPERATIONS.get(name)
        if operation is None:
            return _Unknown(f"aten.{name}")
        args, kwargs = tree_map(self._entry, (args, kwargs))
        self._count(name, given)
        try:
            return operation(*args, **{k: v for k, v in kwargs.items() if k not in IGNORED})
        except (NotImplementedError, TypeError):
            return _Unknown(f"aten.{name} with these options")

    def _entry(self, part: Any) -> Any:
        return self.of(part) if isinstance(part, Tensor) else part

    def _note(self, result: Any, shadow: Any) -> None:
        several = isinstance(result, (list, tuple))
        results: Iterable = result if several else [result]
        single = isinstance(shadow, _Unknown) or not several
        shadows = [shadow] * len(result if several else [result]) if single else shadow
        for tensor, own in zip(results, shadows, strict=False):
            if isinstance(tensor, Tensor) and tensor.is_floating_point() and own is not None:
                self._keep(tensor, own)

    def _write(self, tensor: Tensor, before: Any, shadow: Any) -> None:
        if isinstance(shadow, _Unknown) or isinstance(before, _Unknown):
            self.known[id(tensor)] = shadow if isinstance(shadow, _Unknown) else before
        else:
            before[...] = shadow

    def _keep(self, tensor: Tensor, shadow: Any) -> None:
        self.known[id(tensor)] = shadow
        self.alive.append(tensor)

    def _count(self, name: str, given: list[Tensor]) -> None:
        if name in PRODUCTS:
            self.products += given[-1].shape[-1] * given[-2].numel()
        if self.products > LARGEST:
            raise _NotReplayedError(f"it takes more than {LARGEST:,} products of numbers")


IGNORED = {"dtype", "layout", "device", "pin_memory", "non_blocking", "memory_format"}
PRODUCTS = {"mm", "bmm", "addmm", "baddbmm", "convolution"}
