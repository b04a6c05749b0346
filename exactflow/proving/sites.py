"""A proof script as text, and the places in it where claims are checked."""

import ast
import tokenize
from dataclasses import dataclass
from pathlib import Path

from exactflow.errors import InvalidInputError


@dataclass(frozen=True)
class Site:
    """A ``with claims.check(text, evidence)`` of a script: the lines of the call, and its words.

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
    items = (node.items for node in ast.walk(ast.parse(text)) if isinstance(node, ast.With))
    calls = [item.context_expr for group in items for item in group]
    found = [site for call in calls if isinstance(call, ast.Call) for site in _site(call)]
    return sorted(found, key=lambda site: site.line)


def makes_claims(path: str | Path) -> bool:
    """Whether a file makes ``Claims`` outside of functions, none a test; or cannot be read."""
    try:
        rest: list[ast.AST] = [ast.parse(read_script(path))]
    except (InvalidInputError, SyntaxError):  # running it says what is wrong
        return True
    makes = False
    while rest:
        node = rest.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name.lower().startswith("test"):
                return False
            continue
        rest += ast.iter_child_nodes(node)
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        makes = makes or called.split(".")[-1] == "Claims"
    return makes


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
