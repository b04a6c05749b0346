"""A script runs as Python would run it, and nothing that it does is taken for a proof."""

import sys

import pytest

from exactflow.claims import Options, proof_options
from exactflow.errors import InvalidInputError
from exactflow.proving.script_run import run_script

HEAD = (
    "from exactflow.claims import Claims, Evidence, ProofError, proof_options\n"
    "claims = Claims('T')\n"
)
NEEDS = {
    "assert_depth": "from exactflow.testing import assert_depth",
    "FALSE": "from exactflow.explanation.symbolic_identities import Identity; "
    "FALSE = Identity('sum', 'false', '', 'Z = X - Y, U(X) U(Y) = U(Z)')",
    "threading": "import threading",
    "forked": "import multiprocessing; forked = multiprocessing.get_context('fork')",
    "os": "import os",
    "atexit": "import atexit, os",
    "options": "options = proof_options()",
}
"""Lines that the bodies of scripts need, by a word that these contain."""
OPEN = (
    "[[4, 0, 0, 0, 0, 0, 0, 0], [0, '5/3', 0, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0, 0], "
    "[0, 0, 0, 1, 0, 0, 0, 0], [1, 0, 0, 0, '4/3', 0, 0, 0], [0, 1, 0, 0, 0, 4, 0, 0], "
    "[0, 0, 0, 0, 0, 0, '2/3', 0], [0, 0, 0, 0, 0, 0, 0, '27/640']]"
)
"""A matrix that takes five additive layers or six: which, is not decided."""
TRUE = "with claims.check('one', Evidence.EXACT) as check:\n    check.equal(1, 1, 'instance')\n"
FALSE = "with claims.check('two', Evidence.EXACT) as check:\n    check.equal(1, 2, 'instance')\n"
TWICE = "with claims.check('two', Evidence.EXACT) as check:\n    check.true(True, 'a')\n"
"""A claim with one true instance; another one follows."""
CAUGHT = "try:\n    " + FALSE.replace("\n    ", "\n        ") + "except ProofError: pass"
WRONG_FLOW = (
    "from exactflow import verify, factor\nverify(factor([[1, 1], [0, 1]]), [[1, 0], [0, 1]])\n"
)


LATER = "".join(f"    {line}\n" for line in FALSE.splitlines())
LOST = f"def generate():\n{LATER}        yield\nbegun = generate()\n"
STARTED = f"def two():\n{LATER}started = {{}}(target=two)\nstarted.start()\nstarted.join()\n"
IN_A_CLAIM = "with claims.check('a', Evidence.EXACT):\n    "


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


@pytest.mark.parametrize("other", ["'b'", "name"])
def test_of_two_claims_on_one_line_the_text_tells_which_is_reached(run, other):
    calls = [f"claims.check({name}, Evidence.EXACT)" for name in ("'a'", other)]
    one = f"with ({calls[0]} if not options.full else {calls[1]}) as check: check.true(True)\n"
    outcome = run(HEAD + "options, name = proof_options(), 'b'\n" + one)
    assert outcome.verdict == "incomplete"
    assert [c.checked for c in outcome.claims] == ["a", other.strip("'")]
    assert [c.verdict for c in outcome.claims] == ["passed", "not reached"]


FAILURES = [
    (TRUE + FALSE, "refuted", 6, "in the claim 'two' [exact]: instance: expected 2, derived 1"),
    (TRUE + "raise ProofError('outside')", "refuted", 5, ":5: outside"),
    (TRUE + "1 / 0", "broken", 5, "ZeroDivisionError: division by zero"),
    (TRUE + "def f():\n    1 / 0\nf()", "broken", 6, "line 7, in <module>"),
    (IN_A_CLAIM + "{}[0]", "broken", 4, "[exact]: KeyError"),
    (IN_A_CLAIM + "assert 1 == 2", "refuted", 4, "assert 1 =="),
    (IN_A_CLAIM + "assert 0, 'why'", "refuted", 4, "]: why"),
    (IN_A_CLAIM + "assert_depth([[1, 2], [0, 1]], 3)", "refuted", 4, "exactly 3 layers"),
    (IN_A_CLAIM + f"assert_depth({OPEN}, 5)", "incomplete", 4, "from 5 to 6"),
    (IN_A_CLAIM + "FALSE.prove()", "refuted", 4, "do not cancel"),
    (IN_A_CLAIM + "claims.check('b', 'e')", "broken", 4, "[exact]: expected the argument"),
    (TRUE + "assert 0, 'why'", "broken", 5, "AssertionError: why"),
    (TRUE + "class Stop(BaseException): pass\nraise Stop('now')", "broken", 6, "Stop: now"),
    (TRUE + "raise KeyboardInterrupt", "broken", 5, ":5: KeyboardInterrupt"),
    (TRUE + "raise ValueError('\\x1b[31mred')", "broken", 5, r"ValueError: \x1b[31mred"),
    (TRUE + LOST, "incomplete", 6, "did not reach the end of the claim 'two'"),
    (TRUE + f"if options.full:\n{LATER}", "incomplete", 6, "end of the claim 'two'"),
    (TRUE + STARTED.format("threading.Thread"), "refuted", 6, "the claim 'two' failed, and"),
    (TRUE + STARTED.format("forked.Process"), "incomplete", 6, "end of the claim 'two'"),
    (TRUE + f"{STARTED.format('forked.Process')}two()", "refuted", 7, "expected 2, derived 1"),
    (TRUE + "os.fork()\n" + FALSE, "refuted", 7, "expected 2, derived 1"),
    (TRUE + "if not os.fork(): os._exit(1)\n" + FALSE, "refuted", 7, "expected 2, derived 1"),
    (TRUE + f"if not os.fork():\n{LATER}", "incomplete", 6, "end of the claim 'two'"),
    (TWICE + "    try: check.equal(1, 2)\n    except Exception: pass", "refuted", 3, "derived 1"),
    (
        TWICE + "    started = threading.Thread(target=check.true, args=[0, 'b'])\n"
        "    started.start(); started.join()",
        "refuted",
        3,
        "b: expected the condition to be True, got 0",
    ),
    (
        TWICE + "    started = forked.Process(target=check.true, args=[0, 'b'])\n"
        "    started.start(); started.join()",
        "incomplete",
        3,
        "end of the claim 'two'",
    ),
    (
        TWICE + "threading.Thread(target=check.true, args=[0, 'b']).start()",
        "incomplete",
        3,
        "end of the claim 'two'",
    ),
    (TRUE + "os._exit(0)", "incomplete", 0, "with exit code 0, before the script did"),
    (TRUE + "os.kill(os.getpid(), 9)", "incomplete", 0, "exit code -9, before the script"),
    (TRUE + "atexit.register(os._exit, 7)", "incomplete", 0, "exit code 7, after the script"),
    (CAUGHT + "\nos._exit(0)", "refuted", 4, "the claim 'two' failed, and the script went on"),
    ("with claims.check('a', Evidence.EXACT): pass", "refuted", 3, "no instance was checked"),
    (TRUE + "import sys; sys.exit()", "broken", 5, "called sys.exit(None) before its end"),
    (TRUE + "raise SystemExit(3)", "broken", 5, "called sys.exit(3) before its end"),
    ("", "broken", 0, "the script checks no claims"),
    (TRUE + "(", "broken", 5, "was never closed"),
    (TRUE + "x = '\0'", "broken", 0, "null byte"),
    (TRUE + "import no_such_module_of_theirs", "broken", 5, "no_such_module_of_theirs"),
    (TRUE + CAUGHT, "refuted", 6, "the claim 'two' failed, and the script went on"),
    (WRONG_FLOW, "refuted", 4, "the flow does not equal"),
]
"""Scripts that fail, the verdict, the line and some words of it."""


@pytest.mark.parametrize(
    ("body", "verdict", "line", "words"),
    [*FAILURES[:12], *(pytest.param(*row, marks=pytest.mark.slow) for row in FAILURES[12:])],
)
def test_what_failed_and_where(run, body, verdict, line, words):
    needed = [text for word, text in NEEDS.items() if f"{word}." in body or f"{word}(" in body]
    outcome = run(HEAD.replace("\n", "".join(f"; {text}" for text in needed) + "\n", 1) + body)
    assert (outcome.verdict, outcome.line) == (verdict, line)
    assert words in outcome.failure
    assert "theorem.py" in outcome.failure


def test_a_wrong_identity_is_one_line_without_traceback(run):
    text = "with claims.check('a', Evidence.FOR_ALL_N) as check:\n    check.identity('X * Y = 1')"
    failure = run(HEAD + text).failure
    assert "theorem.py:4: in the claim 'a' [for all n]: a: expected a name or" in failure
    assert "\n" not in failure


def test_a_claim_has_the_hypotheses_of_all_its_identities(run):
    texts = "U(X) L(-X^-1) U(X) = blocks(0, X, -X^-1, 0)", "A A^-1 = 1", "X X^-1 = 1", "A (A) = A A"
    body = "with claims.check('a', Evidence.FOR_ALL_N) as check:\n"
    (claim,) = run(
        HEAD + body + "".join(f"    check.identity({text!r})\n" for text in texts)
    ).claims
    assert claim.hypotheses == "X is invertible and A is invertible"


@pytest.mark.parametrize("inside", [False, True])
def test_a_missing_extra(run, inside):
    text = HEAD + "from exactflow.errors import MissingExtraError\n"
    text += "with claims.check('a', Evidence.NUMERIC):\n    " if inside else ""
    outcome = run(text + "raise MissingExtraError('plot', 'a study')")
    (claim,) = outcome.claims
    assert (outcome.verdict, outcome.failure, claim.verdict) == ("incomplete", "", "not run")
    assert "pip install 'exactflow[plot]'" in claim.missing


def test_claims_are_found_under_any_name(run):
    text = HEAD.replace("claims = ", "mine = ") + TRUE.replace("claims", "mine")
    inside = "\n".join(f"    {line}" for line in text.splitlines())
    outcome = run(f"def main():\n{inside}\nif __name__ == '__main__':\n    main()\n")
    assert [claim.line for claim in outcome.claims] == [4]


def test_a_script_finds_what_python_gives_it_and_leaves_no_trace(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["before"])
    (tmp_path / "beside.py").write_text("value = 7\n")
    before = sys.modules["__main__"], list(sys.path)
    outcome = run(
        "from __future__ import annotations\n" + HEAD + "# %%\n"
        "import sys, beside, pickle\n"
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
    assert proof_options([]) == Options()


def test_prints_only_what_is_asked_for(run, capsys):
    run(HEAD + TRUE)
    assert capsys.readouterr().out == ""
    run(HEAD + TRUE, echo=True)
    assert capsys.readouterr().out == "T: one [exact]\n    instance\n"


def test_asserts_hold_under_pythonoptimize(run, monkeypatch):
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    assert run(HEAD + TRUE.replace("check.equal(1, 1", "assert 1 == 2, (1, 1")).verdict == "refuted"


def test_claims_in_threads_are_recorded(run):
    pool = "from concurrent.futures import ThreadPoolExecutor\n"
    inside = "".join(f"    {line}\n" for line in (TRUE + FALSE).splitlines())
    text = f"def work(k):\n{inside}with ThreadPoolExecutor() as pool:\n"
    outcome = run(HEAD + pool + text + "    [pool.submit(work, k) for k in range(3)]\n")
    assert sorted(claim.verdict for claim in outcome.claims) == ["FAILED"] * 3 + ["passed"] * 3
    assert (outcome.verdict, {claim.line for claim in outcome.claims}) == ("refuted", {5, 7})


def test_a_claim_of_another_process_is_undecided_though_one_here_passed(run):
    text = TRUE.replace("\n", "\n    ").replace("with", "def work(k):\n    with", 1)
    started = "work(0)\nfrom joblib import Parallel, delayed\n"
    outcome = run(
        HEAD + text + "\n" + started + "Parallel(2)(delayed(work)(k) for k in range(2))\n"
    )
    assert outcome.verdict == "incomplete"
    assert sorted(c.verdict for c in outcome.claims) == ["not reached", "not reached", "passed"]


def test_a_claim_of_a_process_that_starts_anew_is_undecided(run):
    child = f"import sys, subprocess\nTEXT = {HEAD + FALSE!r}\n"
    outcome = run(HEAD + TRUE + child + "subprocess.run([sys.executable, '-c', TEXT])\n")
    assert outcome.verdict == "incomplete"
    assert [(c.checked, c.verdict) for c in outcome.claims] == [
        ("one", "passed"),
        ("two", "not reached"),
    ]


def test_only_the_end_of_what_is_printed_is_kept(run, monkeypatch):
    monkeypatch.setattr("exactflow.proving.script_run.MOST_PRINTED_CHARACTERS", 5)
    assert run(HEAD + TRUE + "print('x' * 10**6 + 'y')\n").printed == "xxxy\n"


def test_what_a_script_leaves_running_is_not_waited_for(run):
    left = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', WAITS])\n"
    outcome = run(HEAD + "WAITS = 'import time; time.sleep(5)'\n" + left + TRUE)
    assert (outcome.verdict, outcome.seconds < 5) == ("passed", True)


def test_claims_and_stages_are_told_as_they_begin(run, tmp_path):
    begin = "from exactflow.exact.progress import report_stage\n"
    stages = begin + "report_stage('first')\nreport_stage('at once')\n"
    run(HEAD + stages + TRUE, progress_file=tmp_path / "told")
    assert (tmp_path / "told").read_text() == "theorem: first\ntheorem: one\n"


def test_what_is_printed_at_the_exit_is_no_verdict(run):
    outcome = run(HEAD + "import atexit\natexit.register(print, '{}')\n" + TRUE)
    assert (outcome.verdict, outcome.printed.splitlines()[-1]) == ("passed", "{}")


def test_no_script(tmp_path):
    with pytest.raises(InvalidInputError, match="a directory"):
        run_script(tmp_path, Options())


def test_a_claim_that_was_not_run_stands_for_its_check(run):
    text = f"import os\nif not os.sep:\n    {TRUE.replace(chr(10), chr(10) + '    ')}\n"
    excuse = "else:\n    claims.not_run('one', Evidence.EXACT, 'a tool')\n"
    outcome = run(HEAD + text + excuse)
    assert outcome.verdict == "incomplete"
    assert [(claim.checked, claim.missing) for claim in outcome.claims] == [("one", "a tool")]
