"""A proof script as text: how it uses `exactflow.claims`, and where it checks claims."""

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from exactflow.errors import InvalidInputError
from exactflow.files.atomic import read_bytes
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
    reason = ""
    if Path(path).is_fifo():
        reason = "a named pipe, which cannot be read twice"
    elif Path(path).suffix != ".py":
        reason = "a directory" if Path(path).is_dir() else "not a Python script (.py)"
    if not reason:
        data = io.BytesIO(read_bytes(path, "proof script"))
        try:
            encoding, _ = tokenize.detect_encoding(data.readline)
            data.seek(0)
            return io.TextIOWrapper(data, encoding).read()
        except (ValueError, SyntaxError, LookupError) as error:  # of encodings
            reason = str(error)
    raise InvalidInputError(f"expected a proof script, got {str(path)!r}: {reason}")


@contextmanager
def _parsing() -> Iterator[None]:
    """Raise `InvalidInputError` where a text is not Python, or nested too deep to be read."""
    try:
        yield
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidInputError(f"expected a text in Python: {error}") from None


def sites(text: str) -> list[Site]:
    """Return the places at which a script checks claims, without running it; `InvalidInputError`
    where it cannot be parsed.

    >>> sites("with claims.check('a shear', Evidence.EXACT) as check: pass")
    [Site(line=1, end_line=1, checked='a shear', evidence='EXACT', is_computed=False)]
    """
    with _parsing():
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
    """Read off a file how it uses `exactflow.claims`, under whatever names it imports that;
    `InvalidInputError` where it cannot be parsed.

    >>> use_of_claims("from exactflow import claims as c\\nmine = c.Claims('Sums')")
    Use(imports=True, makes=True, tests=())
    """
    with _parsing():
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
    """The places among some nodes at which claims are checked: where none enters them, as ``with``
    and ``enter_context`` do, only if the evidence is written out.
    """
    nodes = list(nodes)
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    items = [item for node in nodes if isinstance(node, ast.With) for item in node.items]
    entered: list[ast.expr] = [item.context_expr for item in items]
    for call in calls:
        entered += call.args if _attribute(call.func) == "enter_context" else []
    names = _names_of_check(nodes)
    found = [(site, call) for call in calls for site in _site(call, names)]
    return [site for site, call in found if site.evidence or any(call is x for x in entered)]


def _attribute(node: ast.AST) -> str:
    """Return the last word of an expression such as a.b.c, if it has a point."""
    return node.attr if isinstance(node, ast.Attribute) else ""


def _names_of_check(nodes: Iterable[ast.AST]) -> set[str]:
    """The names that stand for a method `check`, as after ``mine = claims.check``."""
    given = [n for n in nodes if isinstance(n, ast.Assign) and _attribute(n.value) == "check"]
    targets = [target for node in given for target in node.targets]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _site(call: ast.Call, names: set[str]) -> list[Site]:
    is_named = isinstance(call.func, ast.Name) and call.func.id in names
    if not is_named and _attribute(call.func) != "check":
        return []
    given = dict(zip(("checked", "evidence"), call.args, strict=False))
    given |= {word.arg: word.value for word in call.keywords if word.arg}
    if set(given) != {"checked", "evidence"}:
        return []
    checked, evidence = given["checked"], _evidence(given["evidence"])
    lines = call.lineno, call.end_lineno or call.lineno
    if isinstance(checked, ast.Constant) and isinstance(checked.value, str):
        return [Site(*lines, checked.value, evidence)]
    return [Site(*lines, ast.unparse(checked), evidence, True)]


def _evidence(node: ast.expr) -> str:
    """The name of a kind of evidence that is written out, as Evidence.EXACT, Evidence["EXACT"],
    Evidence("exact") or "exact"; else nothing.
    """
    if isinstance(node, ast.Call) and len(node.args) == 1:
        node = node.args[0]
    if isinstance(node, ast.Subscript):
        node = node.slice
    word = node.value if isinstance(node, ast.Constant) else _attribute(node)
    return next((kind.name for kind in Evidence if word in (kind.name, kind.value)), "")
