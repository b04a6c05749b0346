"""The flow libraries by name, and the one that a module is of."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from exactflow.errors import require

if TYPE_CHECKING:
    from exactflow.interop.library import Library, Whole

PACKAGES = {
    "torch": "torch",
    "normflows": "normflows",
    "nflows": "nflows",
    "glasflow": "glasflow",
    "freia": "FrEIA",
    "zuko": "zuko",
    "flowjax": "flowjax",
}
"""The package of each library."""

LIBRARIES = tuple(PACKAGES)

_NAMES = {package: name for name, package in PACKAGES.items() if name != "torch"}


def library(name: str) -> "Library":
    """Return a library; raises `MissingExtraError` where it is not installed."""
    require(PACKAGES[name], name, "modules of that library")
    found: Library = import_module(f"exactflow.interop.libraries.{name}").LIBRARY
    return found


def library_of(module: Any) -> "Library":
    """Return the library of a module's class, or of a base of it; plain PyTorch, if of none."""
    homes = (kind.__module__.split(".")[0] for kind in type(module).__mro__)
    return library(next((_NAMES[home] for home in homes if home in _NAMES), "torch"))


def package_of(module: Any) -> str:
    """Return the package that a module's class is from."""
    return type(module).__module__.split(".")[0]


def whole_of(model: Any, context: Any = None) -> "Whole":
    """The calling convention of a model or a layer, given a context."""
    return library_of(model).whole(model, context)
