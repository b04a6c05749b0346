"""Write the generated pages: proof scripts as notebooks, formal proofs, API reference."""

import ast
import inspect
import re
from collections.abc import Iterable
from contextlib import redirect_stdout
from fnmatch import fnmatchcase
from io import StringIO
from itertools import chain
from pathlib import Path

import gallery
import jupytext
from goals import has_tools
from links import documented_name, exported_names, list_modules
from nbformat.v4 import new_markdown_cell
from playground import page_source

import exactflow
from exactflow import theorems
from exactflow.cli import COMMANDS, main
from exactflow.flows.evidence import Evidence
from exactflow.proving.theory import Theorem
from proofs.rocq.build import project
from proofs.rocq.restated import definitions_of

__all__ = ["write_pages"]

MEANING = dict(re.findall(r"- \*(.+)\*: (.+)[;.]", Evidence.__doc__))
ROWS = {row.script: row for row in theorems.values()}
GROUPS = {name: row.script for row in theorems.values() for name in row.formal}
STATEMENT = re.compile(
    r"^(?:\(\*((?:(?!\*\)).)*)\*\)\n)?(Theorem (\w+).*?)^Proof", re.MULTILINE | re.DOTALL
)
NAME = re.compile(r"`(\w+)`")
SHOWN = 3  # formal statements below the title of a theorem
REPORTED = re.compile(r"Evidence\.([A-Z_]+)")


def write_pages(book: Path, root: Path, goals_of: str) -> None:
    """Write the generated pages into the folders theorems, formal, api and playground of the book.

    The pages of formal files whose names match `goals_of` link to the pages with goals.
    """
    scripts = {path.stem: path for path in sorted((root / "proofs").glob("[!_]*.py"))}
    for name, path in scripts.items():
        write_script(book, name, path)
    write_index(book / "theorems" / "index.md", root)
    write_formal(book / "formal", root, goals_of)
    write_reference(book / "api")
    write(book / "playground" / "index.md", page_source())
    write_command_line(book / "api" / "command_line.md")


def write(path: Path, text: str) -> None:
    """Write a page if its text has changed: Sphinx does not build unchanged pages again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def write_script(book: Path, name: str, path: Path) -> None:
    """Write a proof script as a page that is executed, and as a notebook to download.

    `exactflow.theorems` gives its number and, below its title, the kinds of evidence, the function
    that constructs, and the first formal statements; the other ones end the page. The kinds of
    evidence of a cell that checks claims stand before it, in the margin.
    """
    text = path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell{number}"
    write(
        book / "_build" / "extra" / "notebooks" / f"{name}.ipynb",
        jupytext.writes(notebook, "ipynb"),
    )
    write(book / "_build" / "extra" / "notebooks" / f"{name}.py", text)

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = NAME.sub(link_script, cell.source)
    notebook.cells = [part for cell in notebook.cells for part in with_evidence(cell)]
    first, row = notebook.cells[0], ROWS[name]
    title, _, rest = first.source.removeprefix("# ").partition("\n")
    first.source = f"# {row.number}. {title}\n\n{head(row, text)}\n{rest}"
    others = row.formal[SHOWN:]
    if others:
        told = f"**Also formally proved:** {formal_links(others)}."
        notebook.cells.append(new_markdown_cell(told, id="formal"))
    used = objects_used(text)
    if used:
        shown = ", ".join(f"{{py:obj}}`{shown} <{target}>`" for shown, target in used)
        notebook.cells.append(new_markdown_cell(f"**Used here:** {shown}", id="used"))
    write(book / "theorems" / f"{name}.ipynb", jupytext.writes(notebook, "ipynb"))


def link_script(name: re.Match[str]) -> str:
    """Return the name of a script as a link to its page; any other word unchanged."""
    return f"[{name[0]}]({name[1]}.ipynb)" if name[1] in ROWS else name[0]


def head(row: Theorem, text: str) -> str:
    """Return the lines below the title of a script's page: badges, downloads, library function."""
    lines = [
        " ".join(map(badge, dict.fromkeys(REPORTED.findall(text)))),
        f"`exactflow prove {row.script}` runs this page. Download it as "
        f'<a href="../notebooks/{row.script}.py" download>a script</a> or '
        f'<a href="../notebooks/{row.script}.ipynb" download>a notebook</a>.',
    ]
    function, _, how = row.function.partition(", ")
    is_name = " " not in function and "." in function
    home = documented_name(*function.rpartition(".")[::2]) if is_name else None
    if home:
        shown = f"{{py:obj}}`{function} <{home}>`"
        lines.append(f"Reference: {shown}{f' with `{how}`' * bool(how)}.")
    if row.formal:
        more = f", and {len(row.formal) - SHOWN} more, at the end of the page"
        shown = formal_links(row.formal[:SHOWN])
        lines.append(f"Formally proved: {shown}{more * (len(row.formal) > SHOWN)}.")
    return "\n".join(lines)


def formal_links(names: Iterable[str]) -> str:
    """Return names of formal statements, each as a link to it."""
    return ", ".join(
        f"[`{name}`](../formal/{GROUPS[name]}.md#{name.replace('_', '-')})" for name in names
    )


def badge(kind: str) -> str:
    """Return a badge for a kind of evidence, with its meaning as a tooltip, and a link."""
    word = Evidence[kind]
    return f'<a class="badge" href="index.html#five-words" title="{MEANING[word]}">{word}</a>'


def with_evidence(cell) -> list:
    """Return a cell, after a cell with the kinds of evidence of its claims, if it has any."""
    kinds = dict.fromkeys(REPORTED.findall(cell.source)) if cell.cell_type == "code" else ()
    if not kinds:
        return [cell]
    words = " ".join(map(badge, kinds))
    note = new_markdown_cell(f'<div class="evidence">{words}</div>', id=f"{cell.id}-evidence")
    return [note, cell]


def objects_used(text: str) -> list[tuple[str, str]]:
    """Return the names that a script imports from exactflow, and where each is documented."""
    used = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "exactflow":
            for alias in node.names:
                home = documented_name(node.module, alias.name)
                if home:
                    used.append((alias.name, home))
    return sorted(dict.fromkeys(used))


def write_index(path: Path, root: Path) -> None:
    """Write the gallery of theorems, in the order of their table."""
    order = dict.fromkeys(row.script for row in theorems.values())
    toctree = "\n".join(["```{toctree}", ":hidden:", "", *order, "```"])
    about = (
        "Each page states a theorem, says why it holds, and checks it: it is a script that was "
        "run when this book was built. *KMR* are Koehler, Mehta and Risteski, *Representational "
        "aspects of depth and conditioning in normalizing flows*, ICML 2021 (arXiv:2010.01155). "
        "Numbers are ours. In pictures of matrices red is positive and blue is negative."
    )
    kinds = "\n".join(f"- *{word}*: {meaning}" for word, meaning in MEANING.items())
    shown = [about, gallery.cards(root), "## Five words", "They are kept apart:", kinds, toctree]
    write(path, "\n\n".join(["# The theorems", *shown, ""]))


def write_formal(folder: Path, root: Path, goals_of: str) -> None:
    """Write a page about the formal proofs, one for each file, and one for each theorem.

    The page of a theorem has its rows of what is formally proved, and its formal statements.
    """
    files = {Path(source).stem: root / source for source in project(root).sources}
    for name, file in files.items():
        source = file.read_text(encoding="utf-8")
        link = f'<a href="../goals/{name}.html">Step by step, with goals and messages.</a>\n\n'
        with_goals = has_tools() and fnmatchcase(name, goals_of)
        page = f"# `{name}.v`\n\n{link * with_goals}```coq\n{source}```\n"
        write(folder / f"{name}.md", page)
    words, *sources = (
        files[name].read_text(encoding="utf-8")
        for name in ("definitions", "headlines", "statements")
    )
    more = "\n\n".join(
        chain(*(definitions_of(files[name]) for name in ("headlines", "statements")))
    )
    write(folder / "words.md", f"# Words of the statements\n\n```coq\n{words}\n{more}\n```\n")
    stated = {
        name: (" ".join(comment.split()), statement.rstrip())
        for comment, statement, name in chain.from_iterable(map(STATEMENT.findall, sources))
    }
    groups = {name: row for name, row in ROWS.items() if row.formal}
    for name, row in groups.items():
        write(folder / f"{name}.md", formal_page(row, stated))
    write(folder / "index.md", formal_index(groups, files))


FORMAL = """\
# Formal proofs

`proofs/rocq` proves the statements below with Rocq (Coq) and MathComp, for every n and without
axioms. The headlines are in the [words](words.md) of `definitions.v`; `statements.v`, from which
they follow, states them and more in MathComp's own terms. A reader must trust the kernel, and
understand one of the two.

`exactflow prove formal` compiles what has changed since its last run. It copies each statement
into a file that requires only MathComp, or `definitions.v` too; the theorem of its name proves it.
It asks for the axioms of all statements (there are none), and has `coqchk` check everything again.
"""


def formal_index(groups: dict[str, Theorem], files: Iterable[str]) -> str:
    """Return the page about the formal proofs: an introduction, the theorems, the files."""
    lines = [FORMAL, "## By theorem\n"]
    for name, row in groups.items():
        title = row.title.removeprefix("KMR: ").partition(" (")[0]
        count = f"{len(row.formal)} statement{'s' * (len(row.formal) > 1)}"
        lines.append(f"- [{row.number}. {name.replace('_', ' ')}]({name}.md): {title}; {count}")
    lines += ["\n## By file\n", ", ".join(f"[`{name}.v`]({name}.md)" for name in files) + ".\n"]
    pages = [*(f"{name.replace('_', ' ')} <{name}>" for name in groups), "words", *files]
    return "\n".join([*lines, "```{toctree}\n:hidden:\n", *pages, "```\n"])


def formal_page(row: Theorem, stated: dict[str, tuple[str, str]]) -> str:
    """Return the page of the formal statements of a theorem."""
    parts = [
        f"# Formally proved: {row.script.replace('_', ' ')}\n",
        f"[Theorem {row.number}](../theorems/{row.script}.ipynb), explained and checked. "
        "[Words](words.md) of the statements.\n",
        "**How general each statement is**\n",
    ]
    for part in row.proved:
        told = f"headlines: {formal_links(part.headlines)}"
        told += f"; statements: {formal_links(part.statements)}" * bool(part.statements)
        parts.append(f"- **{part.claim}**\\\n  {part.generality}\\\n  {told}")
    for name in row.formal:
        said, statement = stated[name]
        parts += [f"\n## {name.replace('_', ' ')}\n", said, f"\n```coq\n{statement}\n```"]
    return "\n".join([*parts, ""])


def write_reference(folder: Path) -> None:
    """Write a page for each subpackage: its public objects, with their docstrings."""
    packages: dict[str, list[str]] = {}
    for name in list_modules():
        packages.setdefault(name.split(".")[1], []).append(name)
    for package, names in packages.items():
        lines = [f"exactflow.{package}", "=" * len(f"exactflow.{package}"), ""]
        for name in names:
            own = [
                one for one in exported_names(name) if documented_name(name, one) == f"{name}.{one}"
            ]
            if len(names) > 1:
                lines += [name, "-" * len(name), ""]
            lines += [
                f".. automodule:: {name}",
                f"   :members: {', '.join(own)}" if own else "",
                "",
            ]
        write(folder / f"{package}.rst", "\n".join(lines))
    root = "\n".join(f"- `{name}`: {first_paragraph(name)}" for name in exactflow.__all__)
    pages = "\n".join(sorted(packages))
    write(
        folder / "index.md",
        "# API reference\n\nEvery public object, with its docstring. The tests run each example."
        "\n\n## From the root\n\n`from exactflow import` has these.\n\n"
        f"{root}\n\n## Subpackages\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\n{pages}\n```\n",
    )


def first_paragraph(name: str) -> str:
    """Return the first paragraph of the docstring of a name of `exactflow`, in one line."""
    return inspect.getdoc(getattr(exactflow, name)).partition("\n\n")[0].replace("\n", " ")


def write_command_line(path: Path) -> None:
    """Write the output of ``exactflow COMMAND --help`` for every command."""
    parts = ["# The command line\n"]
    for arguments in ([], *([name] for name in COMMANDS)):
        command = " ".join(["exactflow", *arguments])
        with redirect_stdout(StringIO()) as printed:
            main([*arguments, "--help"])
        parts.append(f"## {command}\n\n```text\n{printed.getvalue()}```\n")
    write(path, "\n".join(parts))
