"""README says only what was run."""

import doctest
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
    assert attempted > 10
    assert failed == 0


@pytest.mark.parametrize(
    ("file", "named"),
    [("headlines.v", lambda row: row.headlines), ("statements.v", lambda row: row.names)],
)
def test_the_table_of_formal_proofs_names_each_theorem_once(file, named):
    found = [name for row in theorems.values() for formal in row.formal for name in named(formal)]
    assert sorted(found) == sorted(theorems_of(ROOT / "proofs" / "rocq" / file))


def test_readme_is_read_in_one_sitting():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
