"""Paths and options that README, the guides and .github name: each is in the tree."""

import argparse
import re
from functools import cache
from pathlib import Path

import pytest

from exactflow.cli import COMMANDS, make_parser

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / ".github").rglob("*.md")),
    *sorted((ROOT / "proofs" / "book" / "guides").glob("*.md")),
]
SOURCES = [
    *(ROOT / "exactflow").rglob("*.py"),
    *(ROOT / "proofs").glob("__main__.py"),
    *(ROOT / ".ci").iterdir(),
    *(ROOT / ".github" / "actions").rglob("*.py"),
]
FOREIGN = {"--doctest-modules": "pytest", "--check": "ruff format", "--nthreads": "dask worker"}
"""Options of other programs, by the program."""
MADE = {"dist/", "site", ".github/workflows/certificates.yml"}
"""Paths that commands make, and those of other repositories."""

PATH = re.compile(r"(?<![\w/])((?:proofs|exactflow|tests|\.ci|\.github)/[\w./-]*[\w/])")
TICKED = re.compile(r"(?<!\})`((?:[\w.-]+/)+(?:[\w.-]+)?|[\w-]+\.(?:cfg|toml|cff|md))`")
COMMAND = re.compile(rf"\bexactflow ({'|'.join(COMMANDS)})\b((?:(?!exactflow )[^`\n&])*)")
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")


def pages(argument):
    return pytest.mark.parametrize(argument, PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def is_there(path, page):
    homes = ROOT, ROOT / "exactflow", page.parent
    return path in MADE or any((home / path).exists() for home in homes)


@pages("page")
def test_a_path_that_is_named_exists(page):
    text = page.read_text("utf-8")
    new = set(re.findall(r"(?:New file|Installed) `([^`]+)`", text))
    named = {*PATH.findall(text), *TICKED.findall(text)} - new
    assert [path for path in sorted(named) if not is_there(path, page)] == []


@cache
def options_of(command):
    """Return the options of a command of exactflow."""
    (commands,) = (
        action
        for action in make_parser(command)._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return set(commands.choices[command]._option_string_actions)


@cache
def known_options():
    """Return the options of commands and scripts of ours, and those of other programs."""
    texts = "".join(path.read_text("utf-8") for path in SOURCES if path.is_file())
    return {*FOREIGN, *re.findall(r"--[a-z][\w-]*", texts)}.union(*map(options_of, COMMANDS))


@pages("page")
def test_an_option_that_is_named_is_one_of_its_command(page):
    text = page.read_text("utf-8")
    wrong = [
        (command, option)
        for command, rest in COMMAND.findall(text)
        for option in OPTION.findall(rest.partition("#")[0])
        if option not in options_of(command)
    ]
    wrong += [option for option in OPTION.findall(text) if option not in known_options()]
    assert wrong == []


def test_a_path_and_an_option_that_do_not_exist_are_found():
    assert not is_there("exactflow/no_such_room/", ROOT / "README.md")
    assert "--no-such-option" not in known_options()
    assert "--no-such-option" not in options_of("check")
