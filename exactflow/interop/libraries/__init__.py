"""The known flow libraries, and the library to which a module belongs."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from exactflow.errors import require

if TYPE_CHECKING:
    from exactflow.interop.library import Library

PACKAGES = {
    "torch": "torch",
    "normflows": "normflows",
    "nflows": "nflows",
    "glasflow": "glasflow",
    "freia": "FrEIA",
    "zuko": "zuko",
    "flowjax": "flowjax",
}
"""The import name of each library, by the name that `to_module` takes."""

LIBRARIES = tuple(PACKAGES)

_NAMES = {package: name for name, package in PACKAGES.items() if name != "torch"}


def load_library(name: str) -> "Library":
    """Return the description of a library; raise `MissingExtraError` if it is not installed."""
    require(PACKAGES[name], name, f"a module of {name}")
    found: Library = import_module(f"exactflow.interop.libraries.{name}").LIBRARY
    return found


def find_library_or_torch(module: Any) -> "Library":
    """Return the library that defines a module's class or its nearest base; else plain PyTorch."""
    homes = (kind.__module__.split(".")[0] for kind in type(module).__mro__)
    return load_library(next((_NAMES[home] for home in homes if home in _NAMES), "torch"))


def top_level_package_of_class(module: Any) -> str:
    """Return the top-level name of the package that defines the class of a module."""
    return type(module).__module__.split(".")[0]
