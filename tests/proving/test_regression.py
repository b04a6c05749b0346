"""`certificate_regression` in a project of its own: written once, held ever after."""

import json

import pytest

import exactflow.proving.regression  # noqa: F401 (so each run in this process has its classes)
from exactflow import checker

pytest_plugins = ["pytester"]

TEST = """
import pytest
from fractions import Fraction
from exactflow import factor, minimal_depth, CouplingFlow, LinearCoupling

U, L = (LinearCoupling((1, 1), half, [[2]]) for half in ("first", "second"))
FLOWS = {
    "short": CouplingFlow([U]),
    "deep": CouplingFlow([U, U, U.inverse()]),
    "long": CouplingFlow([LinearCoupling((1, 1), "first", [[2]], scale=[1]), ]),
    "other": CouplingFlow([L]),
    "bits": CouplingFlow([LinearCoupling((1, 1), "first", [["1/1000000"]])]),
    "there and back": CouplingFlow([U, U.inverse()]),
    "none": factor([[1, 0], [0, 1]]),
    "matrix": [[1, 0], [0, 1]],
    "depth": minimal_depth([[1, 2], [3, 7]]),
    "other depth": minimal_depth([[1, 2], [3, 8]], scales="positive"),
}

@pytest.mark.parametrize("k", ["a/b"])
def test_flow(certificate_regression, k):
    certificate_regression.check(FLOWS[NAME]KEYWORDS)
"""
FILE = "test_it/test_flow_a_b_.cert.json"


@pytest.fixture
def run(pytester, monkeypatch):
    """Run the test on the flow of a name, without other plugins, which take most of the time."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p exactflow.pytest_plugin -p no:unraisableexception")

    def run(name, *arguments, keywords="", file="test_it"):
        text = TEST.replace("NAME", repr(name)).replace("KEYWORDS", keywords)
        pytester.makepyfile(**{file: text})
        return pytester.runpytest(*arguments)

    return run


def test_the_first_run_writes_and_fails(run, pytester):
    result = run("short")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["no certificate before this run: *test_flow_a_b_.cert.json *"])
    data = (pytester.path / FILE).read_bytes()
    assert checker.check(data).verdict is checker.Verdict.VERIFIED
    run("short").assert_outcomes(passed=1)
    run("long").assert_outcomes(passed=1)
    assert (pytester.path / FILE).read_bytes() == data
    assert pytester.runpytest("--exactflow", "test_it").ret == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("deep", "expected at most 1 layers, as recorded, got 3"),
        ("other", "target: expected 2 at entry (0, 1), as recorded, got 0"),
        ("bits", "target: expected 2 at entry (0, 1), as recorded, got 1/1000000"),
    ],
)
def test_what_is_worse_fails_until_it_is_accepted(run, pytester, name, words):
    run("short")
    before = (pytester.path / FILE).read_bytes()
    result = run(name)
    result.assert_outcomes(failed=1)
    assert words in result.stdout.str()
    assert "regression.py" not in result.stdout.str()
    assert (pytester.path / FILE).read_bytes() == before
    result = run(name, "--force-regen")
    result.assert_outcomes(failed=1)
    assert "written anew" in result.stdout.str()
    run(name).assert_outcomes(passed=1)
    run(name, "--force-regen").assert_outcomes(passed=1)


def test_longer_entries_fail(run, pytester):
    run("short")
    text = (pytester.path / FILE).read_text()
    claim = json.loads(text)
    claim["layers"] = [
        {"moves": "first", "scale": ["1"], "shift": [["1"]]},
        {"moves": "first", "scale": ["1"], "shift": [["1"]]},
    ]
    (pytester.path / FILE).write_text(json.dumps(claim))
    result = run("short")
    result.assert_outcomes(failed=1)
    assert "expected entries of at most 1 bits, as recorded, got 2" in result.stdout.str()


def test_fewer_layers_pass(run):
    run("there and back")
    run("none").assert_outcomes(passed=1)


def test_a_false_claim_is_not_written(run, pytester):
    result = run("short", keywords=", [[1, 3], [0, 1]]")
    result.assert_outcomes(failed=1)
    assert "expected 3, derived 2" in result.stdout.str()
    assert not (pytester.path / FILE).exists()


def test_inequalities_and_names(run, pytester):
    words = ", [[1, Fraction(21, 10)], [0, 1]], within=Fraction(1, 5), basename='near'"
    run("short", keywords=words).assert_outcomes(failed=1)
    run("short", keywords=words).assert_outcomes(passed=1)
    run("short", keywords=words.replace("Fraction(1, 5)", "'0.2'")).assert_outcomes(passed=1)
    assert (pytester.path / "test_it" / "near.cert.json").exists()
    result = run("short", keywords=words.replace("1, 5", "1, 3"))
    assert "within: expected 1/5, as recorded, got 1/3" in result.stdout.str()


def test_what_is_no_flow_is_refused_by_a_message(run):
    result = run("matrix")
    result.assert_outcomes(failed=1)
    assert "expected a flow or a result of minimal_depth, got list" in result.stdout.str()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cert.json: certificate: expected JSON"),
        (None, "row 0, column 1: expected 3, derived 2"),
    ],
)
def test_a_spoilt_certificate(run, pytester, text, words):
    run("short")
    path = pytester.path / FILE
    path.write_text(text or path.read_text().replace('[["1", "2"]', '[["1", "3"]'))
    result = run("short")
    result.assert_outcomes(failed=1)
    assert words in result.stdout.str()


DEPTH = "test_it/test_flow_a_b_.depth.json"


def test_least_depths_are_held_as_flows_are(run, pytester):
    run("depth").assert_outcomes(failed=1)
    data = (pytester.path / DEPTH).read_bytes()
    assert checker.check(data).kind == "depth"
    run("depth").assert_outcomes(passed=1)
    run("depth", keywords=", [[1, 2], [3, 7]]").assert_outcomes(passed=1)
    assert pytester.runpytest("--exactflow", "test_it").ret == 0
    for name, keywords, words in (
        ("other depth", "", "scales: expected additive, as recorded, got positive"),
        ("depth", ", [[1, 2], [3, 8]]", "the answer is about another matrix than target"),
        ("depth", ", within=1", "do not apply to a result of minimal_depth: leave out within"),
    ):
        result = run(name, keywords=keywords)
        result.assert_outcomes(failed=1)
        assert words in result.stdout.str()
    assert (pytester.path / DEPTH).read_bytes() == data
    (pytester.path / DEPTH).write_bytes(data.replace(b'"3"', b'"4"'))
    result = run("depth")
    result.assert_outcomes(failed=1)
    assert "the recorded certificate is false" in result.stdout.str()


TWO = """
import pytest
from exactflow import factor

@pytest.mark.parametrize("k", ["1-1", "1_1"])
def test_flow(certificate_regression, k):
    certificate_regression.check(factor([[1, len(k) + (k == "1_1")], [0, 1]]))

def test_several(certificate_regression):
    for k in (1, 1, 2):
        certificate_regression.check(factor([[1, k], [0, 1]]))
"""


def test_flows_of_one_name_are_told_apart(run, pytester):
    run("short")  # without other plugins
    pytester.makepyfile(test_two=TWO)
    pytester.runpytest("test_two.py").assert_outcomes(failed=3)
    result = pytester.runpytest("test_two.py")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*test_two.py::test_flow?1-1? has written another certificate of the same name, *",
            "*test_two.py::test_several has written *: pass a name of its own as basename=..",
        ]
    )
