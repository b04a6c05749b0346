"""README says only what was run."""

import doctest
from pathlib import Path


def test_sessions():
    readme = Path(__file__).parent.parent / "README.md"
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, attempted = doctest.testfile(str(readme), module_relative=False, optionflags=options)
    assert attempted > 10
    assert failed == 0
