"""The recipes of CONTRIBUTING, followed as they stand there, in a copy of the tree."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / ".github" / "CONTRIBUTING.md").read_text("utf-8")
RECIPES = dict(
    part.split("\n", 1)
    for part in re.split(r"^### ", TEXT.partition("## A release")[0], flags=re.MULTILINE)[1:]
)
STEP = re.compile(r"^(?=\d+\. )", re.MULTILINE)
PLACE = re.compile(
    r"\d+\. (New file |Installed |)`([^`]+)`"
    r"(?:, (after|before|instead of|at the end)(?: `([^`]+)`)?)?"
)
BLOCK = re.compile(r"^   ```(\w+)\n(.*?)^   ```$", re.MULTILINE | re.DOTALL)
MOST_PLACES = 5


def steps(recipe):
    return [part for part in STEP.split(RECIPES[recipe]) if part[0].isdigit()]


def places(recipe):
    """Return the files of the tree that a recipe creates or changes."""
    found = (PLACE.match(step) for step in steps(recipe))
    return {place[2] for place in found if place and place[1] != "Installed "}


def follow(step, tree):
    """Write what a step says into the tree, and return the commands that it has."""
    blocks = [(kind, dedent(body)) for kind, body in BLOCK.findall(step)]
    place = PLACE.match(step)
    if place:
        kind, path, where, anchor = place.groups()
        body = blocks[0][1] if where in (None, "at the end") else BLOCK.search(step)[2]
        change(tree / path, unindented(body), where, anchor, is_new=bool(kind))
    return [body for kind, body in blocks if kind == "sh"]


def unindented(body):
    """Remove the three columns by which a step is indented."""
    return re.sub(r"^   ", "", body, flags=re.MULTILINE)


def change(path, body, where, anchor, is_new):
    if is_new:
        assert not path.exists()
        path.write_text(body, "utf-8")
        return
    lines = path.read_text("utf-8").splitlines(keepends=True)
    if where == "at the end":
        lines += ["\n", body]
    else:
        (at,) = (k for k, line in enumerate(lines) if anchor in line)
        lines[at + (where == "after") : at + (where != "before")] = [body]
    path.write_text("".join(lines), "utf-8")


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_touches_at_most_five_places(recipe):
    assert 0 < len(places(recipe)) <= MOST_PLACES


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_can_be_followed_literally(recipe, tmp_path):
    if recipe == "A flow library":
        pytest.importorskip("torch")
    tree = tmp_path / "tree"
    built = shutil.ignore_patterns(".git", "__pycache__", "_build", "site", ".*_cache", "env")
    shutil.copytree(ROOT, tree, ignore=built)
    commands = "".join(command for step in steps(recipe) for command in follow(step, tree))
    assert commands
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-e", "-c", commands],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(tree), "PYTEST_ADDOPTS": "-n 0"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
