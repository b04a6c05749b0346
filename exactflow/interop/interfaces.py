"""The interface of each flow library: how a module is run from data to latent, and back."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["backward", "forward", "has_inverse", "library", "run_model", "watch"]

FLOW_LIBRARIES = {
    "normflows": "normflows",
    "nflows": "nflows",
    "glasflow": "glasflow",
    "FrEIA": "freia",
    "zuko": "zuko",
}
Image = tuple[Tensor, Any]
"""y and the log-determinant: a tensor, a number, or None where a module returns none."""


def library(module: nn.Module) -> str:
    """Return the library whose interface a module has: that of its class, or of a base of it."""
    for kind in type(module).__mro__:
        home = kind.__module__.split(".")[0]
        if home in FLOW_LIBRARIES:
            return FLOW_LIBRARIES[home]
    return "torch"


def forward(module: Any, x: Tensor, context: dict[str, Any] | None = None) -> Image:
    """Return the image of x, from data to latent, in the words of the module's library."""
    context = context or {}
    match library(module):
        case "normflows":
            return module.inverse(x)
        case "freia":
            (y,), log_det = module([x], **context)
            return y, log_det
        case "zuko":
            return module().call_and_ladj(x)
    return _pair(module(x))


def backward(module: Any, y: Tensor, context: dict[str, Any] | None = None) -> Image:
    """Return the preimage of y, likewise."""
    match library(module):
        case "normflows":
            return module(y)
        case "freia":
            (x,), log_det = module([y], rev=True, **(context or {}))
            return x, log_det
        case "zuko":
            return module().inv.call_and_ladj(y)
    return _pair((module.inverse if hasattr(module, "inverse") else module.reverse)(y))


def has_inverse(module: nn.Module) -> bool:
    """Return whether a module says that it can be undone."""
    return library(module) != "torch" or hasattr(module, "inverse") or hasattr(module, "reverse")


def run_model(model: Any, arguments: tuple[Any, ...]) -> list[Tensor]:
    """Return all tensors that a model makes of data: the latent, log-determinants, .."""
    home = library(model)
    if hasattr(model, "inverse_and_log_det"):  # the models of normflows
        result = model.inverse_and_log_det(*arguments)
    elif home == "normflows":
        result = model.inverse(*arguments)
    elif home in ("nflows", "glasflow") and hasattr(model, "_transform"):
        result = model._transform(*arguments)
    elif home == "zuko":
        made = model(*arguments[1:])
        result = getattr(made, "transform", made).call_and_ladj(arguments[0])
    elif home == "freia" and not hasattr(model, "module_list"):
        result = model([arguments[0]], *arguments[1:])
    else:
        result = model(*arguments)
    return list(_tensors(result))


def watch(module: Any, seen: Callable[[Tensor, dict[str, Any]], None]) -> None:
    """Let a module, a copy that is thrown away, tell which data it meets."""
    match library(module):
        case "normflows":
            inverse = module.inverse

            def told(x: Tensor, *context: Any, **named: Any) -> Image:
                seen(x, {})
                return inverse(x, *context, **named)

            vars(module)["inverse"] = told
        case "freia":
            module.register_forward_pre_hook(
                lambda _, given, named: seen(
                    given[0][0], {"c": named["c"]} if named.get("c") else {}
                ),
                with_kwargs=True,
            )
        case "zuko":
            module.register_forward_hook(lambda _, given, made: _watched(made, seen))
        case _:
            module.register_forward_pre_hook(lambda _, given: seen(given[0], {}))


def _watched(transform: Any, seen: Callable[[Tensor, dict[str, Any]], None]) -> Any:
    call = transform.call_and_ladj

    def told(x: Tensor) -> Image:
        seen(x, {})
        return call(x)

    transform.call_and_ladj = told
    return transform


def _pair(result: Any) -> Image:
    return (result[0], result[1]) if isinstance(result, tuple) else (result, None)


def _tensors(result: Any) -> Any:
    if isinstance(result, torch.Tensor):
        yield result
    elif isinstance(result, float):
        yield torch.tensor(result)
    elif isinstance(result, tuple | list):
        for part in result:
            yield from _tensors(part)
