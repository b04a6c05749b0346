"""README says only what was run."""

import doctest
import re
from pathlib import Path

import pytest

from exactflow import theorems
from proofs.rocq.restated import theorems_of

ROOT = Path(__file__).parent.parent


def test_sessions():
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, attempted = doctest.testfile(
        str(ROOT / "README.md"), module_relative=False, optionflags=options
    )
    assert attempted > 5
    assert failed == 0


@pytest.mark.parametrize(("file", "column"), [("headlines.v", -3), ("statements.v", -2)])
def test_the_table_of_formal_proofs_names_each_theorem_once(file, column):
    rows = (ROOT / "proofs" / "rocq" / "proved.md").read_text().splitlines()[2:]
    found = re.findall(r"`(\w+)`", " ".join(row.split("|")[column] for row in rows))
    assert sorted(found) == sorted(theorems_of(ROOT / "proofs" / "rocq" / file))


def test_the_table_of_theorems_names_each_formal_proof_once():
    rows = (ROOT / "proofs" / "rocq" / "proved.md").read_text()
    found = [name for row in theorems.values() for name in row.formal]
    assert sorted(found) == sorted(re.findall(r"`(\w+)`", rows))
