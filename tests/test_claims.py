"""A claim that checks nothing, or something false, cannot pass."""

from pathlib import Path

import pytest

from exactflow.claims import Claims, Evidence, Options, ProofError, proof_options


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
        (lambda check: check.equal(1, 2, "l"), "l: expected 2, derived 1"),
        (lambda check: check.true(1 == 2, "l"), "l: expected to hold"),
        (lambda check: check.true(1, "l"), "got 1"),
        (lambda check: None, "at least one instance"),
    ],
)
def test_records_what_failed(use, words):
    claims = Claims("T")
    with pytest.raises(ProofError, match=words), claims.check("a", Evidence.NUMERIC) as check:
        use(check)
    assert not claims.recorded[0].passed


def test_options():
    assert proof_options(["--plot", "d", "--full", "-f", "kernel.json"]) == Options(Path("d"), True)
    assert proof_options([]) == Options()


def test_pictures(tmp_path):
    drawn = []
    Options().picture("a", lambda pyplot, path: drawn.append(path))
    assert drawn == []
    pytest.importorskip("matplotlib")
    Options(plot=tmp_path / "new").picture("a", lambda pyplot, path: drawn.append(path))
    assert drawn == [tmp_path / "new" / "a.png"]
