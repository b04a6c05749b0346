"""The tutorial and the guides with commands, followed by a reader in an empty folder."""

import ast
import configparser
import doctest
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HAS_COQ = shutil.which("coqc") is not None
NO_COQ = pytest.mark.skipif(not HAS_COQ, reason="coqc is not installed")
BOOK = Path(__file__).parents[3] / "proofs" / "book"
PAGES = [
    "tutorial",
    "guides/own_script",
    *(
        pytest.param(f"guides/{name}", marks=pytest.mark.slow)
        for name in ("certificates", "tests_and_ci")
    ),
    pytest.param("guides/paper_appendix", marks=[pytest.mark.slow, NO_COQ]),
]
BLOCK = re.compile(r"^```(\{code-cell\} python|python|console)\n(.*?)^```$", re.M | re.S)
TAGS = re.compile(r":tags: \[(.*)\]\n")
FILE = re.compile(r"# (\w+\.py)\n")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run(session, path):
    """Run each command of a session at a shell, and compare what it prints."""
    for part in session.removeprefix("$ ").split("\n$ "):
        command, _, printed = part.partition("\n")
        done = subprocess.run(
            ["bash", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={"PATH": path, "COLUMNS": "96", "NO_COLOR": "1", "TERM": "dumb"},
        )
        time = r"\b\d+\.\d+(e-\d+)? ?s\b|(?<=  {6})\d+\.\d$"  # in words, and at the end of a row
        said, wanted = (re.sub(time, "0.01s", text, flags=re.M) for text in (done.stdout, printed))
        assert doctest.OutputChecker().check_output(wanted.rstrip(), said.rstrip(), OPTIONS), (
            f"$ {command}\n{done.stdout}"
        )
        assert done.returncode == 0, command


def paste(cell, names, raises):
    """Run the statements of a cell as a prompt does."""
    statements = ast.parse(cell).body
    for i, statement in enumerate(statements):
        code = compile(ast.Interactive([statement]), "<stdin>", "single")
        if raises and i == len(statements) - 1:
            with pytest.raises(Exception, match=r"."):
                exec(code, names)
        else:
            exec(code, names)


@pytest.fixture
def path(tmp_path, monkeypatch):
    """An empty folder to work in, and the PATH of a shell that has the commands."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bin").mkdir()
    for name, words in {"python": "", "exactflow": "-m exactflow", "pytest": "-m pytest"}.items():
        (tmp_path / "bin" / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (tmp_path / "bin" / name).chmod(0o755)
    return f"{tmp_path / 'bin'}:/usr/bin:/bin"


@pytest.mark.slow
def test_the_commands_of_readme_print_what_it_shows(path):
    blocks = BLOCK.findall((BOOK.parents[1] / "README.md").read_text("utf-8"))
    (session,) = (body for kind, body in blocks if kind == "console")
    run(session, path)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_followed(page, path):
    names, blocks = {}, BLOCK.findall((BOOK / f"{page}.md").read_text("utf-8"))
    for kind, body in blocks:
        tags = TAGS.match(body)
        if kind == "console":
            if "--kernel" not in body or HAS_COQ:
                run(body, path)
        elif named := FILE.match(body):
            Path(named.group(1)).write_text(body)
        elif tags is None or "remove" not in tags.group(1):
            raises = tags is not None and "raises-exception" in tags.group(1)
            paste(TAGS.sub("", body), names, raises)
    assert blocks


GUIDES = sorted((BOOK / "guides").glob("*.md"))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_names_the_extras_of_the_libraries_that_it_imports(guide):
    settings = configparser.ConfigParser()
    settings.read(BOOK.parents[1] / "setup.cfg", "utf-8")
    libraries = {
        extra: set(re.findall(r"^\w+", needs, re.M))
        for extra, needs in settings["options.extras_require"].items()
    }
    text = guide.read_text("utf-8")
    named = {e for extras in re.findall(r'"\.\[(.*?)\]"', text) for e in extras.split(",")}
    # torch comes with each library of flows, and exactflow is in extras that join others
    optional = set().union(*libraries.values()) - {"exactflow", "torch"}
    imported = set(re.findall(r"^(?:import|from) (\w+)", text, re.M)) & optional
    assert imported <= set().union(*(libraries[extra] for extra in named))
