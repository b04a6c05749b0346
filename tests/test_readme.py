"""README says only what was run."""

import doctest
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_sessions():
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, attempted = doctest.testfile(
        str(ROOT / "README.md"), module_relative=False, optionflags=options
    )
    assert attempted > 10
    assert failed == 0


def test_the_table_of_formal_proofs_names_each_statement_once():
    readme = (ROOT / "README.md").read_text()
    table = re.search(r"in `statements\.v` \|\n(.*?)\n\n", readme, re.DOTALL).group(1)
    named = [name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row)]
    statements = (ROOT / "proofs" / "rocq" / "statements.v").read_text()
    assert sorted(named) == sorted(
        re.findall(r"^Print Assumptions (\w+)", statements, re.MULTILINE)
    )
