"""Link names of the package: each object under every name by which it can be imported."""

import pkgutil
import re
import sys
from functools import cache
from importlib import import_module

from docutils import nodes
from sphinx.addnodes import pending_xref

import exactflow

__all__ = ["add_aliases", "documented_name", "exported_names", "link_names", "list_modules"]

HIDDEN = ("checker", "cli", "proving.pytest_items", "pytest_plugin")
CALL = re.compile(r"(?:exactflow\.)?([A-Za-z_][\w.]*)(?:\(.*\))?", re.DOTALL)


@cache
def list_modules() -> list[str]:
    """Return the modules that the reference shows, without the command line and the plugin."""
    found = (info.name for info in pkgutil.walk_packages(exactflow.__path__, "exactflow."))
    hidden = tuple(f"exactflow.{name}" for name in HIDDEN)
    shown = (name for name in found if "._" not in name and not name.startswith(hidden))
    return [name for name in shown if exported_names(name)]


@cache
def exported_names(module: str) -> list[str]:
    """Return the public names of a module: its `__all__`, or its own functions and classes."""
    of = import_module(module)
    own = (name for name, value in vars(of).items() if getattr(value, "__module__", "") == module)
    return getattr(of, "__all__", sorted(name for name in own if not name.startswith("_")))


def documented_name(module: str, name: str) -> str | None:
    """Return the dotted name under which the reference documents an object.

    The module is the object's own; if that does not export it (as the table of theorems), the
    first module that does.
    """
    value = getattr(import_module(module), name, None)
    modules = list_modules()
    exporting = (other for other in modules if getattr(sys.modules[other], name, None) is value)
    for home in (getattr(value, "__module__", None), *exporting):
        if home is not None and home in modules and name in exported_names(home):
            return f"{home}.{name}"
    return None


@cache
def aliases() -> dict[str, str]:
    """Map each exported name to the name under which it is documented."""
    names = {f"{m}.{name}": (m, name) for m in ("exactflow", *list_modules())
             for name in exported_names(m)}  # fmt: skip
    homes = {full: documented_name(*where) for full, where in names.items()}
    return {full: home for full, home in homes.items() if home}


def add_aliases(app, env) -> None:
    """Add the other names of each object to the inventory (`env-updated`)."""
    objects = env.get_domain("py").objects
    for name, home in aliases().items():
        if name not in objects and home in objects:
            objects[name] = objects[home]._replace(aliased=True)


def link_names(app, doctree) -> None:
    """Link code in a text that is a name of the package, or a call of one (`doctree-read`)."""
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
