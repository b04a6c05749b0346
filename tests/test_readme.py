"""README says only what was run."""

import doctest
import re
from pathlib import Path

import pytest

from exactflow import theorems
from exactflow.interop.libraries import PACKAGES
from proofs.rocq.restated import theorems_of

ROOT = Path(__file__).parent.parent


def test_sessions():
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, attempted = doctest.testfile(
        str(ROOT / "README.md"), module_relative=False, optionflags=options
    )
    assert attempted > 5
    assert failed == 0


COUNTING = ("index.md", "tutorial.md", "coupling.md", "extra/playground/index.html")


@pytest.mark.parametrize("page", ["README.md", *(f"proofs/book/{page}" for page in COUNTING)])
def test_where_layers_are_counted_it_is_said_that_they_need_not_be_the_fewest(page):
    assert re.search(r"need\s+not\s+(give|be)\s+the\s+fewest", (ROOT / page).read_text())


def test_the_libraries_that_convert_is_said_to_read_are_read():
    text = (ROOT / "README.md").read_text()
    said = text.partition("users of flow libraries")[2].partition("with a trained model")[0]
    read = set(PACKAGES.values()) - {"torch", "flowjax"}  # test_flowjax.py says that it is not
    assert {name for name in PACKAGES.values() if name in said} == read


@pytest.mark.parametrize(("file", "column"), [("headlines.v", -3), ("statements.v", -2)])
def test_the_table_of_formal_proofs_names_each_theorem_once(file, column):
    rows = (ROOT / "proofs" / "rocq" / "proved.md").read_text().splitlines()[2:]
    found = re.findall(r"`(\w+)`", " ".join(row.split("|")[column] for row in rows))
    assert sorted(found) == sorted(theorems_of(ROOT / "proofs" / "rocq" / file))


def test_the_table_of_theorems_names_each_formal_proof_once():
    rows = (ROOT / "proofs" / "rocq" / "proved.md").read_text()
    found = [name for row in theorems.values() for name in row.formal]
    assert sorted(found) == sorted(re.findall(r"`(\w+)`", rows))
