"""Find the places at which a proof script checks claims, and its uses of `exactflow.claims`."""

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from exactflow.errors import InvalidInputError
from exactflow.files.atomic import read_file_or_stdin
from exactflow.flows.evidence import Evidence

_CLAIMS = "exactflow.claims"


@dataclass(frozen=True)
class ClaimSite:
    """A call ``claims.check(text, evidence)`` in a script, with its first and last line.

    `checked` is the text of the claim or, if `is_computed`, the expression that computes the text.
    `evidence` is the name of the kind of evidence, or "" if an expression computes the kind.
    """

    line: int
    end_line: int
    checked: str
    evidence: str
    is_computed: bool = False

    def is_place_of_claim(self, line: int, checked: str, all_sites: "Iterable[ClaimSite]") -> bool:
        """Whether a claim with this line and text belongs to this site of a script with all these
        sites. If several sites have the line, the text of the claim selects the site.
        """
        on_line = [site for site in all_sites if site.line <= line <= site.end_line]
        named = [site for site in on_line if site.checked == checked]
        computed = [site for site in on_line if site.is_computed]
        return self in (named or computed or on_line)


def read_script(path: str | Path) -> str:
    """Return the text of a script; raise `InvalidInputError` for a path that is no Python file."""
    reason = ""
    if Path(path).is_fifo():
        reason = "a named pipe, which cannot be read twice"
    elif Path(path).suffix != ".py":
        reason = "a directory" if Path(path).is_dir() else "not a Python script (.py)"
    if not reason:
        data = io.BytesIO(read_file_or_stdin(path, "proof script"))
        try:
            encoding, _ = tokenize.detect_encoding(data.readline)
            data.seek(0)
            return io.TextIOWrapper(data, encoding).read()
        except (ValueError, SyntaxError, LookupError) as error:  # the encoding is unknown or wrong
            reason = str(error)
    raise InvalidInputError(f"expected a proof script, got {str(path)!r}: {reason}")


@contextmanager
def _translating_syntax_errors() -> Iterator[None]:
    """Raise `InvalidInputError` in place of the errors of Python's parser in this context."""
    try:
        yield
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidInputError(f"the text is not valid Python: {error}") from None


def find_claim_sites(text: str) -> list[ClaimSite]:
    """Return the places at which a script checks claims, without running the script.

    Raises `InvalidInputError` if the text cannot be parsed.

    >>> find_claim_sites("with claims.check('a shear', Evidence.EXACT) as check: pass")
    [ClaimSite(line=1, end_line=1, checked='a shear', evidence='EXACT', is_computed=False)]
    """
    with _translating_syntax_errors():
        return sorted(
            _find_sites_of_check_calls(ast.walk(ast.parse(text))), key=lambda site: site.line
        )


@dataclass(frozen=True)
class ClaimsUse:
    """The use that a file makes of `exactflow.claims`.

    Attributes
    ----------
    imports : whether the file imports the module.
    makes : whether the file makes or checks claims outside of functions.
    tests : names of functions and classes that pytest collects as tests.
    """

    imports: bool
    makes: bool
    tests: tuple[str, ...]


def find_claims_use(text: str) -> ClaimsUse:
    """Return the use that a file makes of `exactflow.claims`, under any name for this module.

    Raises `InvalidInputError` if the text cannot be parsed.

    >>> find_claims_use("from exactflow import claims as c\\nmine = c.Claims('Sums')")
    ClaimsUse(imports=True, makes=True, tests=())
    """
    with _translating_syntax_errors():
        tree = ast.parse(text)
        origins = _import_origins(tree)
        tops, tests = _nodes_outside_definitions_and_test_names(tree)
        calls = set()  # the functions that are called, as "exactflow.claims.Claims"
        for node in tops:
            if isinstance(node, ast.Call):
                first, dot, rest = ast.unparse(node.func).partition(".")
                calls.add(f"{origins.get(first, first)}{dot}{rest}")
        imports = any(f"{origin}.".startswith(f"{_CLAIMS}.") for origin in origins.values())
        makes = f"{_CLAIMS}.Claims" in calls or bool(_find_sites_of_check_calls(tops))
        return ClaimsUse(imports, makes, tuple(tests))


def _nodes_outside_definitions_and_test_names(tree: ast.AST) -> tuple[list[ast.AST], list[str]]:
    """Return all nodes outside of functions and classes; and the names of the outermost functions
    and classes that begin with "test".
    """
    rest, nodes, tests = [tree], [], []
    while rest:
        node = rest.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            tests += [node.name] * node.name.lower().startswith("test")
            continue
        nodes.append(node)
        rest += ast.iter_child_nodes(node)
    return nodes, tests


def _import_origins(tree: ast.AST) -> dict[str, str]:
    """Return name -> dotted origin for each name that an import binds, as np -> numpy."""
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


def _find_sites_of_check_calls(nodes: Iterable[ast.AST]) -> list[ClaimSite]:
    """Return the sites of those calls among the nodes that check claims.

    A call of a method `check` is such a call if ``with`` or ``enter_context`` enters it, or if its
    argument for the evidence is written out.
    """
    nodes = list(nodes)
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    items = [item for node in nodes if isinstance(node, ast.With) for item in node.items]
    entered: list[ast.expr] = [item.context_expr for item in items]
    for call in calls:
        entered += call.args if _attribute_name_or_empty(call.func) == "enter_context" else []
    aliases_of_check = {  # names to which a method check is bound, as by ``mine = claims.check``
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and _attribute_name_or_empty(node.value) == "check"
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    sites = []
    for call in calls:
        site = _claim_site_or_none(call, aliases_of_check)
        if site is not None and (site.evidence or any(call is x for x in entered)):
            sites.append(site)
    return sites


def _attribute_name_or_empty(node: ast.AST) -> str:
    """Return "c" for an attribute such as a.b.c; return "" for any other expression."""
    return node.attr if isinstance(node, ast.Attribute) else ""


def _claim_site_or_none(call: ast.Call, aliases_of_check: set[str]) -> ClaimSite | None:
    """Return the site of a call that checks a claim; None for any other call.

    Such a call has the arguments `checked` and `evidence`, and no others. It calls an attribute
    ``.check``, or one of `aliases_of_check`, the names to which a method `check` is bound.
    """
    is_named = isinstance(call.func, ast.Name) and call.func.id in aliases_of_check
    if not is_named and _attribute_name_or_empty(call.func) != "check":
        return None
    given = dict(zip(("checked", "evidence"), call.args, strict=False))
    given |= {word.arg: word.value for word in call.keywords if word.arg}
    if set(given) != {"checked", "evidence"}:
        return None
    # the evidence has the name EXACT if it is Evidence.EXACT, Evidence["EXACT"], Evidence("exact")
    # or "exact"; another expression gives no name
    checked, kind = given["checked"], given["evidence"]
    if isinstance(kind, ast.Call) and len(kind.args) == 1:
        kind = kind.args[0]
    if isinstance(kind, ast.Subscript):
        kind = kind.slice
    word = kind.value if isinstance(kind, ast.Constant) else _attribute_name_or_empty(kind)
    evidence = next((e.name for e in Evidence if word in (e.name, e.value)), "")
    lines = call.lineno, call.end_lineno or call.lineno
    if isinstance(checked, ast.Constant) and isinstance(checked.value, str):
        return ClaimSite(*lines, checked.value, evidence)
    return ClaimSite(*lines, ast.unparse(checked), evidence, True)
