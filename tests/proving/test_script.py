"""A script runs as Python would run it, and nothing that it does is taken for a proof."""

import os
import sys
import warnings

import pytest

from exactflow.claims import RUNNING, Options, proof_options
from exactflow.errors import InvalidInputError
from exactflow.proving.script import run_script

HEAD = (
    "from exactflow.claims import Claims, Evidence, ProofError, proof_options\n"
    "claims = Claims('T')\n"
)
TRUE = "with claims.check('one', Evidence.EXACT) as check:\n    check.equal(1, 1, 'instance')\n"
FALSE = "with claims.check('two', Evidence.EXACT) as check:\n    check.equal(1, 2, 'instance')\n"
CAUGHT = "try:\n    " + FALSE.replace("\n    ", "\n        ") + "except ProofError: pass"
WRONG_FLOW = (
    "from exactflow import verify, factor\nverify(factor([[1, 1], [0, 1]]), [[1, 0], [0, 1]])\n"
)


@pytest.fixture
def run(tmp_path):
    def run(text, **options):
        path = tmp_path / "theorem.py"
        path.write_text(text)
        return run_script(path, options.pop("options", Options()), **options)

    return run


def test_what_passed(run):
    outcome = run(HEAD + TRUE)
    (claim,) = outcome.claims
    assert (outcome.verdict, outcome.failure) == ("passed", "")
    assert (claim.theorem, claim.checked, claim.evidence, claim.line) == ("T", "one", "exact", 3)
    assert (claim.instances, claim.verdict) == (1, "passed")
    assert outcome.printed == "T: one [exact]\n    instance\n"


def test_claims_of_one_statement_have_the_lines_of_their_calls(run):
    calls = (f"    claims.check('{name}', Evidence.EXACT) as {name},\n" for name in "ab")
    text = HEAD + f"with (\n{''.join(calls)}):\n    a.equal(1, 1)\n    b.equal(1, 2)\n"
    found = run(text).claims
    assert {claim.checked: claim.line for claim in found} == {"a": 4, "b": 5}
    assert all(claim.is_reached for claim in found)


@pytest.mark.parametrize(
    ("body", "verdict", "line", "words"),
    [
        (TRUE + FALSE, "refuted", 6, "in the claim 'two' [exact]: instance: expected 2, derived 1"),
        (TRUE + "raise ProofError('outside')", "refuted", 5, ":5: outside"),
        (TRUE + "1 / 0", "broken", 5, "ZeroDivisionError: division by zero"),
        (TRUE + "def f():\n    1 / 0\nf()", "broken", 6, "line 7, in <module>"),
        ("with claims.check('a', Evidence.EXACT):\n    {}[0]", "broken", 4, "[exact]: KeyError"),
        ("with claims.check('a', Evidence.EXACT): pass", "refuted", 3, "at least one instance"),
        (TRUE + "import sys; sys.exit()", "broken", 5, "expected a script that runs to its end"),
        (TRUE + "raise SystemExit(3)", "broken", 5, "got sys.exit(3)"),
        ("", "broken", 0, "expected a script that checks claims, got none"),
        (TRUE + "(", "broken", 5, "was never closed"),
        (TRUE + "import no_such_module_of_theirs", "broken", 5, "no_such_module_of_theirs"),
        (TRUE + CAUGHT, "refuted", 6, "the claim 'two' failed, and the script went on"),
        (WRONG_FLOW, "refuted", 4, "the flow does not equal"),
    ],
)
def test_what_failed_and_where(run, body, verdict, line, words):
    outcome = run(HEAD + body)
    assert (outcome.verdict, outcome.line) == (verdict, line)
    assert words in outcome.failure
    assert "theorem.py" in outcome.failure


@pytest.mark.parametrize("inside", [False, True])
def test_a_missing_extra(run, inside):
    text = HEAD + "from exactflow.errors import MissingExtraError\n"
    text += "with claims.check('a', Evidence.NUMERIC):\n    " if inside else ""
    outcome = run(text + "raise MissingExtraError('plot', 'a study')")
    (claim,) = outcome.claims
    assert (outcome.verdict, outcome.failure, claim.verdict) == ("incomplete", "", "not run")
    assert "exactflow[plot]" in claim.missing


def test_claims_are_found_under_any_name(run):
    text = HEAD.replace("claims = ", "mine = ") + TRUE.replace("claims", "mine")
    inside = "\n".join(f"    {line}" for line in text.splitlines())
    outcome = run(f"def main():\n{inside}\nif __name__ == '__main__':\n    main()\n")
    assert [claim.line for claim in outcome.claims] == [4]


def test_a_script_finds_what_python_gives_it_and_leaves_no_trace(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["before"])
    (tmp_path / "beside.py").write_text("value = 7\n")
    before = sys.modules["__main__"], list(sys.path)
    place, filters = os.getcwd(), list(warnings.filters)
    outcome = run(
        "from __future__ import annotations\n" + HEAD + "# %%\n"
        "import sys, beside, pickle, os, warnings\n"
        "os.chdir('/')\n"
        "warnings.simplefilter('ignore')\n"
        "from dataclasses import dataclass\n"
        "@dataclass\n"
        "class Value:\n"
        "    x: int\n"
        "with claims.check('as a script', Evidence.EXACT) as check:\n"
        "    check.equal(beside.value, 7)\n"
        "    check.equal(pickle.loads(pickle.dumps(Value(1))), Value(1))\n"
        "    check.equal([name == __file__ for name in sys.argv], [True])\n"
        "    check.equal(proof_options().full, True)\n",
        options=Options(full=True),
    )
    assert (outcome.failure, outcome.claims[0].instances) == ("", 4)
    assert (sys.modules["__main__"], sys.path, sys.argv) == (*before, ["before"])
    assert "beside" not in sys.modules
    assert (os.getcwd(), list(warnings.filters)) == (place, filters)
    assert RUNNING.get(None) is None
    assert proof_options([]) == Options()


def test_prints_only_what_is_asked_for(run, capsys):
    run(HEAD + TRUE)
    assert capsys.readouterr().out == ""
    run(HEAD + TRUE, echo=True)
    assert capsys.readouterr().out == "T: one [exact]\n    instance\n"


def test_no_script(tmp_path):
    with pytest.raises(InvalidInputError, match="a directory"):
        run_script(tmp_path, Options())
