"""Doctests of modules that need an optional library run where it is installed."""

from importlib.util import find_spec

LIBRARIES = {
    "__init__": "torch",
    "plain": "torch",
    "reading": "normflows",
    "for_freia": "FrEIA",
    "for_nflows": "nflows",
    "for_normflows": "normflows",
    "for_zuko": "zuko",
}

collect_ignore = [
    f"exactflow/interop/{module}.py"
    for module, library in LIBRARIES.items()
    if find_spec(library) is None
]
