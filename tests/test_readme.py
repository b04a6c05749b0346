"""README says only what was run."""

import doctest
import re
from pathlib import Path

from exactflow import theorems

ROOT = Path(__file__).parent.parent


def test_sessions():
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, attempted = doctest.testfile(
        str(ROOT / "README.md"), module_relative=False, optionflags=options
    )
    assert attempted > 10
    assert failed == 0


def test_the_table_of_formal_proofs_names_each_statement_once():
    named = [name for row in theorems.values() for f in row.formal for name in f.names]
    statements = (ROOT / "proofs" / "rocq" / "statements.v").read_text()
    assert sorted(named) == sorted(
        re.findall(r"^Print Assumptions (\w+)", statements, re.MULTILINE)
    )


def test_readme_is_read_in_one_sitting():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
