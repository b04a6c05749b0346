"""The claims of a script are found without running it."""

import os

import pytest

from exactflow.errors import InvalidInputError
from exactflow.proving.claim_sites import (
    ClaimSite,
    ClaimsUse,
    find_claim_sites,
    find_claims_use,
    read_script,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("claims.check('a', word)", []),
        ("claims.check('a', Evidence.EXACT)", [ClaimSite(1, 1, "a", "EXACT")]),
        (
            "with stack:\n  stack.enter_context(claims.check('a', Evidence.EXACT))",
            [ClaimSite(2, 2, "a", "EXACT")],
        ),
        ("with check('a', Evidence.EXACT): pass", []),
        ("with claims.check('a'): pass", []),
        ("with claims.check(*both): pass", []),
        ("with claims.check('a', word): pass", [ClaimSite(1, 1, "a", "")]),
        (
            "with claims.check(\n    f'{k}',\n    evidence=Evidence.FOR_ALL_N): pass",
            [ClaimSite(1, 3, "f'{k}'", "FOR_ALL_N", True)],
        ),
        (
            "def f():\n  with (\n    open(x),\n    claims.check('a', Evidence.NUMERIC),\n  ): pass",
            [ClaimSite(4, 4, "a", "NUMERIC")],
        ),
    ],
)
def test_sites(text, expected):
    assert find_claim_sites(text) == expected


@pytest.mark.parametrize(
    ("imports", "makes"),
    [
        ("from exactflow.claims import Claims", "Claims"),
        ("from exactflow.claims import Claims as C", "C"),
        ("from exactflow.claims import *", "Claims"),
        ("from exactflow import claims", "claims.Claims"),
        ("from exactflow import factor, claims as c", "c.Claims"),
        ("import exactflow.claims", "exactflow.claims.Claims"),
        ("import exactflow.claims as c", "c.Claims"),
        ("import exactflow as ef, exactflow.claims", "ef.claims.Claims"),
        ("try:\n    from exactflow.claims import Claims as C\nfinally: pass", "C"),
    ],
)
def test_claims_are_found_however_they_are_imported(imports, makes):
    helper = "def test_matrices(): pass\n"
    assert find_claims_use(f"{imports}\nmine = {makes}('T')\n") == ClaimsUse(True, True, ())
    assert find_claims_use(f"{imports}\ndef f(): {makes}('T')\n{helper}") == ClaimsUse(
        True, False, ("test_matrices",)
    )
    checked = f"{imports}\nmake = {makes}\nwith make('T').check('a', word): pass"
    assert find_claims_use(checked) == ClaimsUse(True, True, ())


@pytest.mark.parametrize(
    "text",
    [
        "import exactflow\nClaims('exactflow.claims')",
        "from other.exactflow.claims import Claims\nClaims('T')",
        "from .exactflow.claims import Claims\nClaims('T')",
        "from exactflow.claims_of_others import Claims\nClaims('T')",
    ],
)
def test_other_claims_are_none(text):
    assert find_claims_use(text) == ClaimsUse(False, False, ())


def test_what_is_no_script(tmp_path):
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "latin.py").write_bytes(b"# \xe9")
    (tmp_path / "rot.py").write_text("# coding: rot13\nk = 1\n")
    (tmp_path / "notes.txt").write_text("1")
    os.mkfifo(tmp_path / "pipe.py")
    for name, words in {
        "folder.py": "Is a directory",
        "latin.py": "invalid or missing encoding|utf-8",
        "rot.py": "'rot13' is not a text encoding",
        "notes.txt": r"not a Python script \(.py\)",
        "none.py": "No such file",
        "pipe.py": "a named pipe",
        "none": r"not a Python script",
        ".": "a directory",
        "x\0.py": "null",
    }.items():
        with pytest.raises(
            InvalidInputError, match=f"expected a (readable )?proof script.*({words})"
        ):
            read_script(f"{tmp_path}/{name}")


@pytest.mark.parametrize("word", ["Evidence.EXACT", "Evidence['EXACT']", "Evidence('exact')"])
def test_evidence_that_is_written_out_in_any_form_makes_a_site(word):
    (site,) = find_claim_sites(f"check = claims.check\nchecks = check('a shear', {word})")
    assert (site.checked, site.evidence) == ("a shear", "EXACT")


def test_a_claim_that_a_stack_enters_is_a_site_whatever_its_evidence():
    text = "kind = f()\nstack.enter_context(claims.check('a', kind))"
    assert [site.line for site in find_claim_sites(text)] == [2]


@pytest.mark.parametrize("text", ["x = " + "-" * 20000 + "1", "(", "\0"])
@pytest.mark.parametrize("read", [find_claim_sites, find_claims_use])
def test_what_python_cannot_parse_is_refused_in_one_line(read, text):
    with pytest.raises(InvalidInputError, match="the text is not valid Python"):
        read(text)


def test_a_script_without_end_is_refused(tmp_path):
    endless = tmp_path / "endless.py"
    endless.symlink_to("/dev/zero")
    with pytest.raises(InvalidInputError, match="more than 536870912 bytes"):
        read_script(endless)
