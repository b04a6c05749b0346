"""A proof script as text: how it uses `exactflow.claims`, and where it checks claims."""

import ast
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from exactflow.errors import InvalidInputError
from exactflow.flows.evidence import Evidence

_CLAIMS = "exactflow.claims"


@dataclass(frozen=True)
class Site:
    """A call ``claims.check(text, evidence)`` of a script: its lines, and its words.

    Where text or evidence are computed, the expression stands for the text, and no evidence is
    known.
    """

    line: int
    end_line: int
    checked: str
    evidence: str
    is_computed: bool = False


def read_script(path: str | Path) -> str:
    """Return the text of a script, or raise `InvalidInputError` on what is none."""
    reason = "not a Python script (.py)"
    try:
        if Path(path).is_fifo():
            reason = "a named pipe, which cannot be read twice"
        elif Path(path).suffix == ".py":
            with tokenize.open(path) as file:
                return file.read()
        reason = "a directory" if Path(path).is_dir() else reason
    except (OSError, ValueError, SyntaxError, LookupError) as error:  # of encodings
        reason = getattr(error, "strerror", None) or str(error)
    raise InvalidInputError(f"expected a proof script, got {str(path)!r}: {reason}")


def sites(text: str) -> list[Site]:
    """Return the places at which a script checks claims, without running it.

    >>> sites("with claims.check('a shear', Evidence.EXACT) as check: pass")
    [Site(line=1, end_line=1, checked='a shear', evidence='EXACT', is_computed=False)]
    """
    return sorted(_sites(ast.walk(ast.parse(text))), key=lambda site: site.line)


@dataclass(frozen=True)
class Use:
    """How a file uses `exactflow.claims`: whether it imports it; whether it makes or checks claims
    outside of its functions; the names of its functions and classes that are tests to pytest.
    """

    imports: bool
    makes: bool
    tests: tuple[str, ...]


def use_of_claims(text: str) -> Use:
    """Read off a file how it uses `exactflow.claims`, under whatever names it imports that.

    >>> use_of_claims("from exactflow import claims as c\\nmine = c.Claims('Sums')")
    Use(imports=True, makes=True, tests=())
    """
    tree = ast.parse(text)
    origins = _origins(tree)
    tops, tests = _outside_of_functions(tree)
    calls = [_dotted(node.func, origins) for node in tops if isinstance(node, ast.Call)]
    imports = any(f"{origin}.".startswith(f"{_CLAIMS}.") for origin in origins.values())
    return Use(imports, f"{_CLAIMS}.Claims" in calls or bool(_sites(tops)), tuple(tests))


def _outside_of_functions(tree: ast.AST) -> tuple[list[ast.AST], list[str]]:
    """The nodes outside of functions and classes, and the names of those that are tests."""
    rest, nodes, tests = [tree], [], []
    while rest:
        node = rest.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            tests += [node.name] * node.name.lower().startswith("test")
            continue
        nodes.append(node)
        rest += ast.iter_child_nodes(node)
    return nodes, tests


def _origins(tree: ast.AST) -> dict[str, str]:
    """What the imports of a file bind: the dotted name behind each name."""
    origins: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                origins |= {alias.asname: alias.name} if alias.asname else {top: top}
                origins |= {alias.name: alias.name}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [(alias.asname or alias.name, alias.name) for alias in node.names]
            names += [("Claims", "Claims")] * (("*", "*") in names)
            origins |= {name: f"{node.module}.{origin}" for name, origin in names}
    return origins


def _dotted(node: ast.expr, origins: dict[str, str]) -> str:
    """Return the dotted name of an expression, with what its first name stands for."""
    first, dot, rest = ast.unparse(node).partition(".")
    return f"{origins.get(first, first)}{dot}{rest}"


def _sites(nodes: Iterable[ast.AST]) -> list[Site]:
    """The places among some nodes at which claims are checked: outside of a ``with`` only where the
    evidence is written out.
    """
    nodes = list(nodes)
    items = [item for node in nodes if isinstance(node, ast.With) for item in node.items]
    entered = [item.context_expr for item in items]
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    found = [(site, call) for call in calls for site in _site(call)]
    return [
        site
        for site, call in found
        if site.evidence in Evidence.__members__ or any(call is other for other in entered)
    ]


def _site(call: ast.Call) -> list[Site]:
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "check":
        return []
    given = dict(zip(("checked", "evidence"), call.args, strict=False))
    given |= {word.arg: word.value for word in call.keywords if word.arg}
    if set(given) != {"checked", "evidence"}:
        return []
    checked, evidence = given["checked"], given["evidence"]
    word = evidence.attr if isinstance(evidence, ast.Attribute) else ""
    lines = call.lineno, call.end_lineno or call.lineno
    if isinstance(checked, ast.Constant) and isinstance(checked.value, str):
        return [Site(*lines, checked.value, word)]
    return [Site(*lines, ast.unparse(checked), word, True)]
