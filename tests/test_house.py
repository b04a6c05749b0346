"""The house as it is built: what imports what, in which order, and how long a function is.

The imports are read off the text, so that those inside functions, and those for types alone, count.
"""

import ast
import re
from collections import Counter
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import exactflow

PACKAGE = Path(exactflow.__file__).parent
FLOORS = (
    {"exactflow", "__main__"},
    {"cli"},
    {"pytest_plugin", "testing", "proving", "claims"},
    {"interop"},
    {"files"},
    {"laws"},
    {"floats"},
    {"linear"},
    {"explanation"},
    {"flows"},
    {"exact"},
    {"errors", "checker"},
)
"""The rooms from top to bottom: a file imports from its own floor, and from those below."""

MOST_FOLDERS, MOST_FILES = 10, 5
MOST_LINES = 60


@cache
def modules() -> dict[str, Path]:
    """Return the files of the package by the names of their modules."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def nodes(module: str) -> tuple[ast.AST, ...]:
    """Return the nodes of the tree of a module."""
    return tuple(ast.walk(ast.parse(modules()[module].read_text("utf-8"))))


@cache
def imports(module: str) -> frozenset[str]:
    """Return the modules of the package that a module names in its imports."""
    names = set()
    for node in nodes(module):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            within = [f"{node.module}.{alias.name}" for alias in node.names]
            names |= {full if full in modules() else node.module for full in within}
    return frozenset(names & set(modules()))


def floor(module: str) -> int:
    """Return the floor of a module, 0 being the top."""
    room = [*module.split("."), "exactflow"][1]
    return next(k for k, rooms in enumerate(FLOORS) if room in rooms)


def test_no_import_goes_upwards():
    upwards = [
        f"{module} imports {other}"
        for module in modules()
        for other in imports(module)
        if floor(other) < floor(module)
    ]
    assert upwards == []


def test_no_files_import_each_other_in_a_circle():
    try:
        tuple(TopologicalSorter({module: imports(module) for module in modules()}).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]), pytrace=False)


def test_rooms_side_by_side_can_be_counted():
    shown = [path for path in PACKAGE.iterdir() if not path.name.startswith("_")]
    assert len([path for path in shown if path.is_dir()]) <= MOST_FOLDERS
    assert len([path for path in shown if path.suffix == ".py"]) <= MOST_FILES


def test_the_name_of_a_class_has_one_meaning():
    """The layers of a library are its own `Couplings`: one word of a table, a class in each."""
    names = Counter(
        node.name
        for module in modules()
        for node in nodes(module)
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == ["Couplings"]


def test_a_check_raises_and_returns_no_bool():
    """A caller can forget a bool: predicates are named is_valid, is_.. or has_.."""
    silent = [
        f"{module}.{node.name}"
        for module in modules()
        for node in nodes(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.strip("_").split("_")[0] in ("check", "verify")
        and isinstance(node.returns, ast.Name)
        and node.returns.id == "bool"
    ]
    assert silent == []


def names_of_package(package: str) -> set[str]:
    """Return the names that a package imports, but for modules, and those that it defines."""
    found = set()
    for node in nodes(package):
        if isinstance(node, ast.ImportFrom):
            pairs = {alias.asname or alias.name: alias.name for alias in node.names}
            found |= {name for name, of in pairs.items() if f"{node.module}.{of}" not in modules()}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
    return found


def test_no_name_of_a_package_hides_one_of_its_modules():
    packages = [module for module, path in modules().items() if path.name == "__init__.py"]
    names = {f"{package}.{name}" for package in packages for name in names_of_package(package)}
    assert sorted(names & set(modules())) == []


def lines_of_code(function: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> int:
    """Return how many lines a function has, without docstring, comments and blank ones."""
    has_doc = ast.get_docstring(function) is not None
    doc = range(function.body[0].lineno, (function.body[0].end_lineno or 0) + 1) if has_doc else ()
    numbers = range(function.lineno, (function.end_lineno or 0) + 1)
    stripped = (lines[n - 1].strip() for n in numbers if n not in doc)
    return sum(bool(line) and not line.startswith("#") for line in stripped)


def test_a_section_of_a_docstring_follows_a_blank_line():
    section = re.compile(r"^ *\S.*\n *([A-Z]\w+)\n *-{4,}$", re.MULTILINE)
    found = {module: section.findall(path.read_text("utf-8")) for module, path in modules().items()}
    assert {module: titles for module, titles in found.items() if titles} == {}


def test_functions_fit_on_a_screen():
    long = []
    for module, path in modules().items():
        lines = path.read_text("utf-8").splitlines()
        for node in nodes(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = lines_of_code(node, lines)
                long += [f"{module}.{node.name}: {count} lines"] * (count > MOST_LINES)
    assert long == []
