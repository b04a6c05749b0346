"""A terminal of any width gets a table that can be read."""

import pytest

from exactflow.claims import Claim, Evidence
from exactflow.proving.script import Outcome
from exactflow.proving.table import print_table, summary

LONG = "A theorem whose name is longer than a narrow terminal is wide (Nobody, 1900)"
CLAIMS = [
    Claim(LONG, "a claim [with brackets], told in many words", Evidence.EXACT, 12, 3.5, True),
    Claim(LONG, "false", Evidence.NUMERIC, 1, 0.1, False),
    Claim("Other", "not tried", Evidence.FORMAL, 0, 0, False, "Coq"),
    Claim("Third", "true", Evidence.EXACT, 2, 0, True),
]
OUTCOMES = [Outcome("a.py", CLAIMS[:2], "a.py:1: false", 1, True), Outcome("b.py", CLAIMS[2:])]


def printed(capsys, monkeypatch, columns, **options):
    monkeypatch.setenv("COLUMNS", str(columns))
    print_table(OUTCOMES, **options)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_a_narrow_terminal_has_one_line_a_theorem(capsys, monkeypatch, columns):
    lines = printed(capsys, monkeypatch, columns)
    assert max(map(len, lines)) <= columns
    rows = lines[2:]
    assert [row.split()[-1] for row in rows] == ["FAILED", "run", "passed"]
    assert [row.split()[0] for row in rows] == ["A", "Other", "Third"]
    assert ("seconds" in lines[0], "3.60" in rows[0]) == (columns >= 60,) * 2


def test_the_claims_follow_on_demand(capsys, monkeypatch):
    lines = printed(capsys, monkeypatch, 40, verbose=True)
    assert max(map(len, lines)) <= 40
    text = " ".join(" ".join(lines).split())
    assert "false [numeric]" in text
    assert "many words [exact]" in text
    assert "  false [numeric]" in "\n".join(lines)


def test_the_table_with_claims_line_by_line(capsys, monkeypatch):
    lines = [line.rstrip() for line in printed(capsys, monkeypatch, 60, verbose=True)]
    assert lines == [
        "theorem                        claims   seconds   verdict",
        "─" * 57,
        "A theorem whose name is             2      3.60    FAILED",
        "longer than a narrow",
        "terminal is wide (Nobody,",
        "1900)",
        "  a claim [with brackets],         12      3.50    passed",
        "  told in many words [exact]",
        "  false [numeric]                   1      0.10    FAILED",
        "Other                               1      0.00   not run",
        "  not tried [formally               0      0.00   not run",
        "  proved]",
        "Third                               1      0.00    passed",
        "  true [exact]                      2      0.00    passed",
    ]


def test_a_wide_one_has_a_row_a_claim(capsys, monkeypatch):
    lines = printed(capsys, monkeypatch, 160)
    assert sum("exact" in line or "numeric" in line or "proved" in line for line in lines) == 4
    assert "a claim [with brackets], told in many words" in "\n".join(lines)


def test_what_is_no_terminal_is_wide(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    print_table(OUTCOMES)
    assert "what was checked" in capsys.readouterr().out


def test_no_claims(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    print_table([Outcome("a.py", failure="a.py: no claims")])
    assert capsys.readouterr().out == ""


def test_summary():
    assert summary(OUTCOMES) == [
        "not run: Coq",
        "2 of 4 claims checked; 1 not run; 1 script failed",
    ]
