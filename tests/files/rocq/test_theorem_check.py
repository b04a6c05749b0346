"""Which files for Coq are run at all, and what each outcome of coqc means."""

import json
import os
from pathlib import Path

import pytest
from sympy import QQ

from exactflow import cli, factor
from exactflow.errors import InvalidInputError
from exactflow.files.certificate import certificate_text
from exactflow.files.depth_certificate import depth_certificate_text
from exactflow.files.rocq import coq, theorem_check
from exactflow.files.rocq.theorem_check import check_theorem, theorem
from exactflow.linear.depth import minimal_depth

CLOSED = (0, "Closed under the global context\n")
M = [[1, QQ(1, 2)], [3, 4]]
FLOW = theorem(certificate_text(factor(M)).encode())
WITHIN = theorem(certificate_text(factor(M), M, within=QQ(1, 1000)).encode())
DEPTH = theorem(depth_certificate_text(minimal_depth([[1, 2], [3, 7]])).encode())


def test_standalone_is_one_file():
    text = theorem(certificate_text(factor(M)).encode(), standalone=True)
    assert "Theorem flow_of_couplings" in text
    assert "exactflow.certificates" not in text


@pytest.fixture
def runs(monkeypatch):
    """Let coqc do nothing but what the test says; return the files that it was given."""
    found = []

    def of(*outcomes):
        told = iter(outcomes)

        def coqc(source, library):
            found.append(source.read_text())
            return next(told)

        monkeypatch.setattr(theorem_check, "library", lambda: Path())
        monkeypatch.setattr(theorem_check, "coqc", coqc)
        return found

    return of


@pytest.mark.parametrize("text", [FLOW, DEPTH])
@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([CLOSED], 0),
        ([(1, "Error: ..")], None),
        ([(0, ""), (1, "")], 3),
        ([(0, "Axioms:\nx : False\n"), (1, "")], 3),
        ([(1, "Error: .."), CLOSED], 1),
        ([(1, "Stack overflow"), (1, "Stack overflow")], 3),
        ([(-9, ""), (-9, "")], 3),
        ([(None, "")], 3),
    ],
)
def test_only_what_coq_says_is_a_verdict(text, outcomes, code, runs):
    given = runs(*outcomes, *[(1, "")] * (code is None))
    assert check_theorem(text)[0] == (3 if code is None else code)
    assert given[0] == text
    if len(given) > 1:
        assert given[1].endswith("Print Assumptions refuted.\n")
        assert given[1].startswith(text[: text.rindex("\nTheorem")])


HOSTILE = [
    'Redirect "x" Print nat.',
    'Declare ML Module "x".',
    "Load x.",
    'Extraction "x.ml" nat.',
    "Axiom x : False.",
    "Definition checked := true.",
    "Notation \"'rational' x\" := 0.",
    "From Coq Require Import Reals.",
    "(* (* *)",
]


@pytest.mark.parametrize("text", [FLOW, DEPTH])
@pytest.mark.parametrize("sentence", HOSTILE)
def test_a_sentence_more_is_never_run(text, sentence, runs):
    given = runs()
    places = [i for i in range(len(text)) if text.startswith("\nDefinition ", i)]
    for place in (0, places[0], places[-1], len(text)):
        changed = text[:place] + f"\n{sentence}" + text[place:]
        code, lines = check_theorem(changed)
        assert code == 2
        assert "to the letter" in lines[0]
    assert not given


@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("Qed.", "Admitted."),
        ("Print Assumptions", "Print"),
        ("M i j = Q i j", "True"),
        ("(j : nat) \\notin pads", "(j : nat) \\in pads"),
        ("matrix_over 2 target", "matrix_over 3 target"),
        ("'I_2", "'I_1"),
        ("over 0x2", "over 0x2. Load x. Definition y := 0x2"),
        ("(* 1, 0.5 *)", "(* 1, 0.5 *). Load x. (* 1 *)"),
        ("(* 1, 0.5 *)", "(* x *)"),
        ("(* 1, 0.5 *)", "(* 1, 0.25 *)"),
        ("over 0x2", "over 0x0"),
        ("pads : seq nat := [::]", "pads : seq nat := [:: 0; 1]%N"),
        ("first : seq nat := [:: 0]%N", "first : seq nat := [::]"),
        ("seq layer := [::", "seq layer := f [::"),
        ("exactflow 0", "exactflow *) Load x. (* 0"),
    ],
)
def test_another_theorem_is_never_run(true, false, runs):
    given = runs()
    assert true in FLOW
    assert check_theorem(FLOW.replace(true, false))[0] == 2
    assert not given


@pytest.mark.parametrize("bound", ["Qmake (0x1) 0x0", "Qmake (-0x1) 0x2", "0x1"])
def test_a_bound_is_no_other_number(bound, runs):
    given = runs()
    text = WITHIN.replace("bound := Qmake (0x1) 0x3e8", f"bound := {bound}")
    assert text != WITHIN
    assert check_theorem(text)[0] == 2
    assert not given


def test_what_a_theorem_says_is_told(runs):
    runs(*[CLOSED] * 2)
    assert "the target is Q, for a product Q of couplings" in check_theorem(FLOW)[1][0]
    assert "the target is within 0.001 of Q" in check_theorem(WITHIN)[1][0]


def test_the_target_and_the_certificate_are_compared(runs, tmp_path, capsys):
    runs(*[CLOSED] * 9)
    certificate = tmp_path / "c.json"
    certificate.write_text(certificate_text(factor(M)))
    path = tmp_path / "flow.v"
    path.write_text(FLOW)
    for rows, options, code in (
        ("1,1/2\n3,4\n", [], 0),
        ("1,3\n1/2,4\n", ["--transpose"], 0),
        ("1,1/2\n3,5\n", [], 1),
        ("1\n", [], 1),
        ("1,x\n3,4\n", [], 2),
    ):
        (tmp_path / "m.csv").write_text(rows)
        words = ["check", str(path), "--target", str(tmp_path / "m.csv"), *options]
        assert cli.main(words) == code
    words = ["check", str(path), "--certificate", str(certificate)]
    assert cli.main(words) == 0
    certificate.write_text(certificate_text(factor([[1, 2], [3, 7]])))
    assert cli.main(words) == 2
    assert "not the theorem that export writes of the certificate" in capsys.readouterr().err
    (tmp_path / "m.csv").write_text("1,2\n3,7\n")
    path.write_text(DEPTH)
    assert cli.main(["check", str(path), "--target", str(tmp_path / "m.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "verified"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["flow.v", "--quick"], "expected no --within or --quick for flow.v"),
        (["flow.v", "--within", "1"], "expected no --within or --quick for flow.v"),
        (["c.json", "--certificate", "d.json"], "expected theorems for Coq"),
    ],
)
def test_options_that_do_not_fit(words, told, capsys):
    assert cli.main(["check", *words]) == 2
    assert told in capsys.readouterr().err


def test_a_file_that_is_not_there(capsys):
    assert cli.main(["check", "none.v"]) == 2
    assert "expected a readable file" in capsys.readouterr().err


def test_without_coq_nothing_is_said(monkeypatch):
    monkeypatch.setenv("PATH", "")
    code, lines = check_theorem(FLOW)
    assert (code, lines[-1]) == (3, "s NOT VERIFIED")
    assert "expected coqc" in lines[-2]


STUB = """#!/bin/sh
case "$1" in --version) echo 8;; -where) echo "$STUBS/bin";; *)
for source; do :; done
echo "$source" >> "$STUBS/log"; cp "$source" "${source}o"; exit $(cat "$STUBS/exit");; esac
"""


@pytest.fixture
def stub(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "coqc").write_text(STUB)
    (tmp_path / "bin" / "coqc").chmod(0o755)
    (tmp_path / "exit").write_text("0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("STUBS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_the_library_is_compiled_once(stub):
    folder = coq.library()
    assert sorted(path.name for path in folder.glob("*.vo")) == [
        "depth.vo", "flow.vo", "rationals.vo", "scaled.vo", "unequal.vo", "words.vo",
    ]  # fmt: skip
    assert coq.library() == folder
    assert (stub / "log").read_text().count("flow.v") == 1
    (stub / "bin" / "new.vo").write_text("another library")
    assert coq.library() != folder


def test_half_a_library_is_none(stub):
    (stub / "exit").write_text("1")
    with pytest.raises(InvalidInputError, match=r"rationals.v of the library does not compile"):
        coq.library()
    assert not list((stub / "cache" / "exactflow" / "certificates").iterdir())
    assert check_theorem(FLOW)[0] == 3


def test_a_cache_that_cannot_be_written(stub, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(stub / "exit"))
    with pytest.raises(InvalidInputError, match="expected a cache that can be written"):
        coq.library()
