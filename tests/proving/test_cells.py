"""A script is cut at its own markers only, and its claims are found without running it."""

import pytest

from exactflow.errors import InvalidInputError
from exactflow.proving.cells import Cell, Site, cells, read_script, sites
from proofs.__main__ import SCRIPTS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n\n", []),
        ("a", [Cell("a", False, 1)]),
        ("a\n# %%\nb\n# %%\n\n", [Cell("a", False, 1), Cell("b", False, 3)]),
        ("# %% [markdown]\n# # A\n#\n# b", [Cell("# A\n\nb", True, 2)]),
        ('"""\n# %%\n"""', [Cell('"""\n# %%\n"""', False, 1)]),
        ("if x:\n    # %%\n    y", [Cell("if x:\n    # %%\n    y", False, 1)]),
        ("(\n# %%", [Cell("(", False, 1)]),
        ("a\x0c\n# %%\nb", [Cell("a\x0c", False, 1), Cell("b", False, 3)]),
    ],
)  # fmt: skip
def test_cells(text, expected):
    assert cells(text) == expected


def test_the_cells_of_our_scripts_are_their_lines():
    for path in SCRIPTS.values():
        text = read_script(path)
        markers = text.splitlines()
        markers = [line for line in markers if line.startswith("# %%")]
        found = cells(text)
        assert [cell.is_markdown for cell in found] == ["[markdown]" in line for line in markers]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("claims.check('a', Evidence.EXACT)", []),
        ("with check('a', Evidence.EXACT): pass", []),
        ("with claims.check('a'): pass", []),
        ("with claims.check(*both): pass", []),
        ("with claims.check('a', word): pass", [Site(1, 1, "a", "")]),
        (
            "with claims.check(\n    f'{k}',\n    evidence=Evidence.FOR_ALL_N): pass",
            [Site(1, 3, "f'{k}'", "FOR_ALL_N", True)],
        ),
        (
            "def f():\n  with (\n    open(x),\n    claims.check('a', Evidence.NUMERIC),\n  ): pass",
            [Site(4, 4, "a", "NUMERIC")],
        ),
    ],
)
def test_sites(text, expected):
    assert sites(text) == expected


def test_what_is_no_script(tmp_path):
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "latin.py").write_bytes(b"# \xe9")
    (tmp_path / "notes.txt").write_text("1")
    for name, words in {
        "folder.py": "Is a directory",
        "latin.py": "invalid or missing encoding|utf-8",
        "notes.txt": r"not a Python script \(.py\)",
        "none.py": "No such file",
        "none": r"not a Python script",
        ".": "a directory",
        "x\0.py": "null",
    }.items():
        with pytest.raises(InvalidInputError, match=f"expected a proof script.*({words})"):
            read_script(f"{tmp_path}/{name}")
