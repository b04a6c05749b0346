"""Names of the package as links: each under every name by which it can be imported."""

import pkgutil
import re
from functools import cache
from importlib import import_module

from docutils import nodes
from sphinx.addnodes import pending_xref

import exactflow

__all__ = ["documented", "exported", "link_names", "modules", "note_aliases"]

HIDDEN = ("checker", "cli", "proving.pytest_items", "pytest_plugin")
CALL = re.compile(r"(?:exactflow\.)?([A-Za-z_][\w.]*)(?:\(.*\))?", re.DOTALL)


@cache
def modules() -> list[str]:
    """Return the modules that the reference shows: no commands, and not what pytest calls."""
    found = (info.name for info in pkgutil.walk_packages(exactflow.__path__, "exactflow."))
    hidden = tuple(f"exactflow.{name}" for name in HIDDEN)
    shown = (name for name in found if "._" not in name and not name.startswith(hidden))
    return [name for name in shown if exported(name)]


@cache
def exported(module: str) -> list[str]:
    """Return what a module lists as public; of one without a list, its functions and classes."""
    of = import_module(module)
    own = (name for name, value in vars(of).items() if getattr(value, "__module__", "") == module)
    return getattr(of, "__all__", sorted(name for name in own if not name.startswith("_")))


def documented(module: str, name: str) -> str | None:
    """Return the dotted name under which the reference has an object.

    That is its own module's; or, of a value that its module does not export, such as the table of
    theorems, the first of those that do.
    """
    value = getattr(import_module(module), name, None)
    exporting = (other for other in modules() if getattr(import_module(other), name, None) is value)
    for home in (getattr(value, "__module__", None), *exporting):
        if home is not None and home in modules() and name in exported(home):
            return f"{home}.{name}"
    return None


@cache
def aliases() -> dict[str, str]:
    """Map each exported name to the name under which it is documented."""
    names = {f"{m}.{name}": (m, name) for m in ("exactflow", *modules())
             for name in exported(m)}  # fmt: skip
    homes = {full: documented(*where) for full, where in names.items()}
    return {full: home for full, home in homes.items() if home}


def note_aliases(app, env) -> None:
    """Put the other names of an object into the inventory (`env-updated`)."""
    objects = env.get_domain("py").objects
    for name, home in aliases().items():
        if name not in objects and home in objects:
            objects[name] = objects[home]._replace(aliased=True)


def link_names(app, doctree) -> None:
    """Let code in a text that is a name of the package, or a call, lead there (`doctree-read`)."""
    for code in list(doctree.findall(nodes.literal)):
        call = CALL.fullmatch(code.astext())
        name = f"exactflow.{call[1]}" if call else ""
        if name in aliases() and not isinstance(code.parent, nodes.reference | pending_xref):
            link = pending_xref(
                "", refdomain="py", reftype="obj", reftarget=name, refdoc=app.env.docname,
                refexplicit=True, refwarn=False,
            )  # fmt: skip
            code.replace_self(link)
            link += code
