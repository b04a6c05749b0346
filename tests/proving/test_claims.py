"""A claim that checks nothing, or something false, cannot pass."""

import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import sympy

from exactflow.claims import Check, Claims, Evidence, Options, ProofError, ScriptRun, proof_options
from exactflow.errors import (
    InvalidInputError,
    MissingExtraError,
    UndecidedClaimError,
    VerificationError,
)
from exactflow.explanation.symbolic_identities import FalseIdentityError


def test_records_what_passed():
    claims = Claims("T")
    with claims.check("a", Evidence.EXACT) as check:
        check.equal(1, 1)
        check.true(True, "b")
    assert [(c.theorem, c.checked, c.evidence, c.instances, c.passed) for c in claims.recorded] == [
        ("T", "a", "exact", 2, True)
    ]


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda check: check.equal(1, 2, "l"), "^l: expected 2, derived 1"),
        (lambda check: check.equal(1, 2), "^a: expected 2, derived 1"),
        (lambda check: check.true(1 == 2), "^a: expected the condition to be True"),
        (lambda check: check.true(1 == 2, "l"), "l: expected the condition to be True"),
        (lambda check: check.true(1, "l"), "got 1"),
        (lambda check: None, "no instance was checked"),
        (lambda check: check.identity("U(X) U(Y) = U(X - Y)"), r"block \(0, 1\): 2 Y"),
        (lambda check: check.identity("X Y = Y X", "l"), "^l: this .* false: X Y = Y X; in the"),
        (lambda check: check.identity("X Y = Y X"), "^a: this identity is false: X Y = Y X; in"),
    ],
)
def test_records_what_failed(use, words):
    claims = Claims("T")
    with pytest.raises(ProofError, match=words), claims.check("a", Evidence.NUMERIC) as check:
        use(check)
    assert not claims.recorded[0].passed


def test_a_claim_whose_tools_are_missing_is_not_run():
    claims, error = Claims("T"), MissingExtraError("balance", "a study")
    with pytest.raises(MissingExtraError), claims.check("a", Evidence.NUMERIC):
        raise error
    (claim,) = claims.recorded
    assert not claim.passed
    assert "pip install 'exactflow[balance]'" in claim.missing


def test_the_options_of_the_runner_come_before_the_command_line(monkeypatch, tmp_path):
    running = ScriptRun("t.py", Options(full=True), tmp_path / "record")
    monkeypatch.setattr("exactflow.claims.SCRIPT_RUNS", [running])
    assert proof_options([]) == Options(full=True)
    monkeypatch.setattr("exactflow.claims.SCRIPT_RUNS", [])
    assert proof_options([]) == Options()


@pytest.mark.parametrize("evidence", ["Lean", "EXACT", "", None, 1])
@pytest.mark.parametrize("method", ["check", "not_run"])
def test_evidence_of_no_kind_is_refused(evidence, method):
    more = ["Lean"] * (method == "not_run")
    with pytest.raises(
        InvalidInputError, match=r"the argument evidence to be one of Evidence\.EXACT, .*, got "
    ):
        getattr(Claims("T"), method)("a", evidence, *more)


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (ProofError("false"), "FAILED"),
        (VerificationError("false"), "FAILED"),
        (FalseIdentityError("false"), "FAILED"),
        (AssertionError("false"), "FAILED"),
        (MissingExtraError("plot", "a study"), "not run"),
        (KeyError("none"), "not reached"),
        (InvalidInputError("a flow of none"), "not reached"),
        (KeyboardInterrupt(), "not reached"),
    ],
)
def test_an_error_within_a_claim_refutes_it_or_leaves_it_undecided(error, verdict):
    claims = Claims("T")
    with pytest.raises(type(error)), claims.check("a", Evidence.EXACT):
        raise error
    assert [claim.verdict for claim in claims.recorded] == [verdict]


def test_a_generator_that_is_not_finished_leaves_its_claim_undecided():
    claims = Claims("T")

    def generate():
        with claims.check("a", Evidence.EXACT) as check:
            check.true(True, "holds")
            yield

    begun = generate()
    next(begun)
    begun.close()
    assert [claim.verdict for claim in claims.recorded] == ["not reached"]


def test_control_characters_are_printed_escaped(capsys):
    with Claims("T\n").check("\x1b[31mred", Evidence.EXACT) as check:
        check.true(True, "\x1b[2J")
    assert capsys.readouterr().out == "T\\n: \\x1b[31mred [exact]\n    \\x1b[2J\n"


@pytest.mark.parametrize(
    "use",
    [
        lambda check: check.true(sympy.Symbol("x") < 2),
        lambda check: check.equal(*(sympy.Function(name)(2) for name in "fg")),
        lambda check: check.identity("X Y"),
    ],
)
def test_an_undecided_instance_whose_error_is_lost_leaves_the_claim_undecided(use):
    claims = Claims("T")

    def check_and_lose_the_error():
        with claims.check("a", Evidence.EXACT) as check:
            check.true(True)
            with suppress(UndecidedClaimError, InvalidInputError):
                use(check)

    with pytest.raises((UndecidedClaimError, InvalidInputError)):
        check_and_lose_the_error()
    assert [claim.verdict for claim in claims.recorded] == ["not reached"]


def test_an_instance_after_the_end_of_a_claim_leaves_a_claim_undecided():
    claims = Claims("T")
    with claims.check("a", Evidence.EXACT) as check:
        check.equal(1, 1)
    with pytest.raises(UndecidedClaimError):
        check.true(sympy.Symbol("x") < 2)
    with pytest.raises(ProofError):
        check.equal(1, 2)
    assert [claim.verdict for claim in claims.recorded] == ["passed", "not reached"]


def test_options():
    assert proof_options(["--plot", "d", "--full", "-f", "kernel.json"]) == Options(Path("d"), True)
    assert proof_options(["--f=kernel.json", "--pl", "d"]) == Options()
    assert proof_options([]) == Options()


def test_pictures(tmp_path):
    drawn = []
    Options().picture("a", lambda pyplot, path: drawn.append(path))
    assert drawn == []
    pytest.importorskip("matplotlib")
    Options(plot=tmp_path / "new").picture("a", lambda pyplot, path: drawn.append(path))
    assert drawn == [tmp_path / "new" / "a.png"]


def test_a_notebook_shows_its_pictures_and_writes_none(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    shown = []
    display = SimpleNamespace(display=shown.append, Image=lambda png, **how: (png, how))
    ipython = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=None))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.chdir(tmp_path)
    Options().picture("a_b", lambda pyplot, path: path.write_bytes(b"png"))
    assert shown == [(b"png", {"format": "png", "alt": "a b"})]
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_of_ipython_is_no_notebook(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: object()))
    Options().picture("a", lambda pyplot, path: pytest.fail("drawn"))


def test_claims_display_their_table():
    claims = Claims("Sums < products")
    with claims.check("1 + 1 = 2", Evidence.EXACT) as check:
        check.equal(1 + 1, 2)
    with pytest.raises(ProofError), claims.check("1 + 1 = 3", Evidence.EXACT) as check:
        check.equal(1 + 1, 3)
    assert repr(claims).splitlines() == [
        "<Claims 'Sums < products': 1 of 2 passed>",
        "  passed: 1 + 1 = 2 [exact], instances: 1",
        "  FAILED: 1 + 1 = 3 [exact]",
    ]
    html = claims._repr_html_()
    assert html.count("<tr>") == 3
    assert "<td>Sums &lt; products</td><td>1 + 1 = 2</td>" in html
    assert '<td class="failed">FAILED</td>' in html


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("U(X)", "a relation"),
        ("Y = X", "definitions only"),
        ("(X + Y)^-1 = X", "the inverse of a sum is not a sum of words"),
        ("XY = YX", "'XY = YX'; XY is one name: write products with spaces"),
        (
            "tr(X) = tr(X)",
            r"expected an equation between matrices .*, with tr\(\.\.\): write a new",
        ),
        ("X X^T = I", "got 'X X\\^T = I', with a transpose: write a new name in its place"),
        ("X < Y", "with <$"),
        ("U(X) = X", "matrices of one shape"),
    ],
)
def test_what_is_no_identity_of_words_is_neither_true_nor_false(text, words):
    claims = Claims("T")
    checking = claims.check("a", Evidence.FOR_ALL_N)
    with pytest.raises(InvalidInputError, match=words), checking as check:
        check.identity(text)
    assert [claim.verdict for claim in claims.recorded] == ["not reached"]


def test_an_identity_is_proved_for_all_n_with_its_hypotheses(capsys):
    with Claims("T").check("a", Evidence.FOR_ALL_N) as check:
        check.identity("U(X) L(-X^-1) U(X) = blocks(0, X, -X^-1, 0)", "a swap")
        check.identity("(I + e w) (I - 1/2 e w) = I", "a rank-one update", relations="w e = 1")
    assert "a swap: proved for all n, where X is invertible" in capsys.readouterr().out
    assert check.instances == 2


@pytest.mark.parametrize(
    ("text", "relations"),
    [
        ("(X + Y) Z - X Z = Y Z", ""),
        ("2 X - 1/2 X = 3/2 X", ""),
        ("X X^-1 = I", ""),
        ("diag(X, Y) diag(Z, W) = diag(X Z, Y W)", ""),
        ("diag(X, Y, Z)^-1 = diag(X^-1, Y^-1, Z^-1)", ""),
        ("blocks(I, X, 0, I) = U(X)", ""),
        ("blocks(I, 0, X, I) = L(X)", ""),
        ("Z = X + Y, Z X = X X + Y X", ""),
        ("Z X Y = 2 Z", "X Y = 2"),
    ],
)
def test_the_language_of_identities_is_that_which_1_x_keeps(text, relations):
    with Claims("T").check(text, Evidence.FOR_ALL_N) as check:
        check.identity(text, relations=relations)
    assert check.instances == 1


def test_true_of_each_library_is_true():
    check = Check("a")
    for condition in (np.True_, sympy.true, sympy.Integer(1) < 2):
        check.true(condition)
    assert check.instances == 3
    for condition in (np.False_, sympy.false, np.array([True]), "True"):
        with pytest.raises(ProofError, match="expected the condition to be True, got"):
            check.true(condition)
    failures = list(check.failures)
    with pytest.raises(UndecidedClaimError, match="neither proved nor refuted: x < 2"):
        check.true(sympy.Symbol("x") < 2)
    assert check.failures == failures
