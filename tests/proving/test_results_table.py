"""What came of proof scripts: a sentence, and a table that terminals of any width can show."""

import pytest

from exactflow.claims import Claim, Evidence
from exactflow.proving.results_table import print_table, summarize_claims
from exactflow.proving.script_run import Outcome

LONG = "A theorem whose name is longer than a narrow terminal is wide (Nobody, 1900)"
CLAIMS = [
    Claim(LONG, "a claim [with brackets], told in many words", Evidence.EXACT, 12, 3.5, True),
    Claim(LONG, "false", Evidence.NUMERIC, 1, 0.1, False),
    Claim("Other", "not tried", Evidence.FORMAL, 0, 0, False, "Coq"),
    Claim("Third", "true", Evidence.FOR_ALL_N, 2, 0.04, True),
    Claim("Third", "enclosed", Evidence.CERTIFIED, 2, 0, True),
]
OUTCOMES = [
    Outcome("a.py", CLAIMS[:2], "a.py:1: false", 1, True),
    Outcome("b.py", CLAIMS[2:3]),
    Outcome("c.py", CLAIMS[3:]),
]


def printed(capsys, monkeypatch, columns, outcomes=OUTCOMES, **options):
    monkeypatch.setenv("COLUMNS", str(columns))
    print_table(outcomes, **options)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_the_table_line_by_line(capsys, monkeypatch):
    names = {"a.py": "7 long", "c.py": "8 third"}
    lines = printed(capsys, monkeypatch, 80, theorem_by_path=names)
    assert set(lines.pop(1)) == {"─"}
    assert [" ".join(line.split()) for line in lines] == [
        "theorem claims evidence seconds",
        "7 long 1 of 2 exact to numeric 3.6",
        "FAILED: false numeric 0.1",
        "Other 0 of 1 formally proved 0.0",
        "not run: not tried formally proved 0.0",
        "8 third 2 for all n to certified 0.0",
    ]
    assert lines[2].startswith("  FAILED")


def test_the_claims_follow_on_demand(capsys, monkeypatch):
    lines = printed(capsys, monkeypatch, 130, shows_every_claim=True)
    claim = "a claim [with brackets], told in many words exact 3.5"
    assert " ".join(lines[3].split()) == claim
    assert [line.split()[0] for line in lines[7:]] == ["Third", "true", "enclosed"]


def test_hypotheses_follow_the_claim(capsys, monkeypatch):
    swap = Claim("T", "a swap", Evidence.FOR_ALL_N, 1, 0.1, True, hypotheses="X is invertible")
    lines = printed(capsys, monkeypatch, 80, [Outcome("t.py", [swap])])
    assert " ".join(lines[3].split()) == "a swap, where X is invertible for all n 0.1"


def test_one_theorem_shows_its_claims_without_being_asked(capsys, monkeypatch):
    lines = printed(capsys, monkeypatch, 80, OUTCOMES[2:])
    assert [line.split()[0] for line in lines[2:]] == ["Third", "true", "enclosed"]


@pytest.mark.parametrize("columns", [40, 60, 80])
@pytest.mark.parametrize("verbose", [False, True])
def test_a_narrow_terminal_cuts_nothing(capsys, monkeypatch, columns, verbose):
    lines = printed(capsys, monkeypatch, columns, shows_every_claim=verbose)
    assert max(map(len, lines)) <= columns
    assert ("evidence" in lines[0]) == (columns >= 60)
    words = " ".join(lines).split()
    assert ("brackets]," in words) == verbose
    assert not any("…" in word for word in words)


def test_what_is_no_terminal_is_wide(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    print_table(OUTCOMES)
    assert LONG in capsys.readouterr().out


@pytest.mark.parametrize("columns", [40, 120])
def test_no_claims(capsys, monkeypatch, columns):
    broken = [Outcome("a.py", failure="a.py: no claims")]
    assert printed(capsys, monkeypatch, columns, broken) == []
    assert summarize_claims(broken) == "0 of 0 claims hold; 1 script did not end"


def test_summary():
    assert summarize_claims(OUTCOMES) == "3 of 5 claims hold; 1 failed; 1 not run: Coq"
    assert summarize_claims(OUTCOMES[2:]) == "2 of 2 claims hold"
