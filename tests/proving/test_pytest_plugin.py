"""The plugin in projects that have nothing but a certificate, or a proof script."""

import io
import json
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from contextlib import chdir, redirect_stderr, redirect_stdout
from fractions import Fraction
from importlib import resources
from pathlib import Path

import pytest

from exactflow import cli, factor, minimal_depth, permutation
from exactflow.files.certificate import certificate_text
from exactflow.files.depth_certificate import depth_certificate_text
from exactflow.proving import pytest_items

pytest_plugins = ["pytester"]

M = permutation([1, 2, 0, 3])
TEXT = certificate_text(factor(M))
CORPUS = Path(__file__).parents[1] / "corpus"
SCRIPT = """
from exactflow.claims import Claims, Evidence
from exactflow.errors import MissingExtraError
claims = Claims("T")
with claims.check("exactly", Evidence.EXACT) as check:
    check.equal(1, 1)
for k in range(2):
    with claims.check(f"for {k}", Evidence.NUMERIC) as check:
        check.true(k < BOUND, "bounded")
if False:
    with claims.check("never", Evidence.FOR_ALL_N) as check:
        check.true(True, "")
"""


def refuted(text: str) -> str:
    claim = json.loads(text)
    claim["target"][2][1] = "7"
    return json.dumps(claim)


@pytest.fixture
def project(pytester, monkeypatch):
    """Return a project, and what writes a file into it; its items run in their own order.

    Without the other plugins of this environment, which pytest looks through anew each time, and
    without five collections of the garbage of a whole run of tests at the end of each.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p exactflow.pytest_plugin -p no:unraisableexception")

    def write(**files):
        for name, text in files.items():
            place = pytester.path / name.replace("__", "/").replace("_", ".")
            place.parent.mkdir(exist_ok=True)
            place.write_text(text)
        return pytester

    return write


@pytest.fixture
def within_this_process(monkeypatch):
    """Run scripts here, which is ten times as fast: a process of its own shows nothing more."""

    def run(config, words):
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), chdir(config.rootpath):
            cli.main(words)
        lines = out.getvalue().splitlines()
        return json.loads(lines[-1]) if lines else None, err.getvalue()

    monkeypatch.setattr(pytest_items, "_run_exactflow_for_printed_record", run)


def outcomes(result) -> dict[str, str]:
    """Return the outcome of each item by its id."""
    row = re.compile(r"(\S.*::.*?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL)\b")
    return dict(found.groups() for line in result.outlines if (found := row.match(line)))


def collected(there, *arguments) -> list[str]:
    """Return the ids of what is collected, without running it."""
    result = there.runpytest("--exactflow", "--strict-markers", "--co", "-q", *arguments)
    return [line for line in result.outlines if "::" in line]


def test_a_project_with_nothing_but_a_certificate(project, monkeypatch):
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    monkeypatch.delenv("PYTEST_ADDOPTS")
    result = project(c_cert_json=TEXT).runpytest("--exactflow", "-v")
    assert (result.ret, outcomes(result)) == (0, {"c.cert.json::verified": "PASSED"})
    assert result.stderr.str() == ""


def test_nothing_is_collected_unasked(project):
    there = project(c_cert_json=TEXT, other_json="{}", proofs__a_py="1 / 0")
    assert there.runpytest().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_verdicts(project):
    there = project(
        good_cert_json=TEXT,
        false_cert_json=refuted(TEXT),
        bad_cert_json='{"format": "exactflow-certificate", "version": 3}',
        good_depth_json=depth_certificate_text(minimal_depth(M)),
        other_json="{}",
    )
    result = there.runpytest("--exactflow", "-v")
    assert outcomes(result) == {
        "bad.cert.json::verified": "ERROR",
        "false.cert.json::verified": "FAILED",
        "good.cert.json::verified": "PASSED",
        "good.depth.json::verified": "PASSED",
    }
    text = result.stdout.str()
    assert "malformed: version: expected the number 1 or 2, found the number 3" in text
    assert "first differing entry: row 2, column 1: expected 7, derived 0" in text
    summary = text[text.index("short test summary") :]
    assert "FAILED false.cert.json::verified - Failed: first differing entry: row 2" in summary
    assert "ERROR bad.cert.json::verified - Failed: malformed: version: expected" in summary
    assert "Traceback" not in text
    assert "pytest_items.py" not in text


@pytest.mark.parametrize("way", ["configured", "configured in TOML", "named", "named and asked"])
def test_ways_in(project, way):
    there, arguments = project(c_json=TEXT, d_json=TEXT.replace('"format"', '"form"')), []
    if way == "configured":
        there.makeini("[pytest]\nexactflow_files = c.json *.none")
    elif way == "configured in TOML":
        there.makepyprojecttoml('[tool.pytest.ini_options]\nexactflow_files = ["c.js*"]')
    else:
        arguments = ["c.json", *["--exactflow"] * (way == "named and asked")]
    result = there.runpytest("-v", *arguments)
    assert (result.ret, outcomes(result)) == (0, {"c.json::verified": "PASSED"})


def test_patterns(project):
    there = project(c_json=TEXT, proofs__a_py=SCRIPT)
    for place in ("a/c.json", "a/b/c.json", "a/b/b/c.json"):
        (there.path / place).parent.mkdir(exist_ok=True)
        (there.path / place).write_text(TEXT)
    for pattern, places in {
        "c.json": ["a/b/b/c.json", "a/b/c.json", "a/c.json", "c.json"],
        "a/*.json": ["a/c.json"],
        "a/**/*.json": ["a/b/b/c.json", "a/b/c.json", "a/c.json"],
        "b/c.json": ["a/b/b/c.json", "a/b/c.json"],
    }.items():
        there.makeini(f"[pytest]\nexactflow_files = {pattern}\nexactflow_scripts = none.py")
        assert sorted(collected(there)) == [f"{place}::verified" for place in places]
    there.makeini("[pytest]\nexactflow_files = c.json")
    assert there.runpytest("a/c.json::verified").ret == 0


def test_a_named_file_that_is_no_certificate(project):
    there = project(c_json="{", x_json="{}")
    result = there.runpytest("c.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result = there.runpytest("--exactflow", "c.json", "-v")
    assert outcomes(result) == {"c.json::verified": "ERROR"}
    assert "malformed" in result.stdout.str()


@pytest.mark.parametrize(
    ("way", "outcome", "code"),
    [("fail", "FAILED", 1), ("skip", "SKIPPED", 0), ("xfail", "XFAIL", 0)],
)
def test_incomplete(project, way, outcome, code):
    claim = json.loads(
        (CORPUS / "correct" / "sqrt2_scales_positive_at_both_roots.json").read_text()
    )
    claim["layers"][0]["sign"] = "unchecked"
    there = project(c_cert_json=json.dumps(claim))
    result = there.runpytest("--exactflow", f"--exactflow-incomplete={way}", "-v", "-rsx")
    assert (result.ret, outcomes(result)) == (code, {"c.cert.json::verified": outcome})
    assert "the sign of some scales is marked as unchecked" in result.stdout.str()
    assert there.runpytest("--exactflow").ret == 1


def test_quick_and_within(project):
    near = certificate_text(factor(M), M + M * 0, within=Fraction(1, 1000))
    there = project(c_cert_json=TEXT, near_cert_json=near.replace('"1/1000"', '"1"'))
    assert there.runpytest("--exactflow", "--exactflow-quick").ret == 0
    assert there.runpytest("--exactflow", "--exactflow-within", "0").ret == 0
    wrong = json.loads(near)
    wrong["target"][0][0] = "1/2000"
    there = project(near_cert_json=json.dumps(wrong))
    assert there.runpytest("--exactflow").ret == 0
    result = there.runpytest("--exactflow", "--exactflow-within", "1e-9")
    assert result.ret == 1
    assert "not within 1e-09" in result.stdout.str()


def test_a_quick_check_within_a_time_limit_passes(project):
    result = project(c_cert_json=TEXT).runpytest(
        "--exactflow", "--exactflow-quick", "--exactflow-timeout=60", "-v"
    )
    assert (result.ret, outcomes(result)) == (0, {"c.cert.json::verified": "PASSED"})


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--exactflow-within=nonsense", "--exactflow-within: expected"),
        ("--exactflow-timeout=0", "expected a number of seconds > 0, got 0"),
        ("--exactflow-timeout=nan", "expected a number of seconds > 0, got nan"),
        ("--exactflow-incomplete=pass", "invalid choice"),
    ],
)
def test_bad_options(project, option, words):
    result = project(c_cert_json=TEXT).runpytest("--exactflow", option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert words in result.stderr.str()


def test_a_time_limit(project):
    there = project(
        good_cert_json=TEXT,
        false_cert_json=refuted(TEXT),
        bad_cert_json="[]",
        proofs__slow_py=SCRIPT.replace("BOUND", "2") + "import time\ntime.sleep(100)\n",
    )
    result = there.runpytest("--exactflow", "--exactflow-timeout=1e300", "-v", "--ignore=proofs")
    assert outcomes(result) == {
        "bad.cert.json::verified": "ERROR",
        "false.cert.json::verified": "FAILED",
        "good.cert.json::verified": "PASSED",
    }
    assert "row 2, column 1" in result.stdout.str()
    result = there.runpytest("--exactflow", "--exactflow-timeout=0.01", "-v")
    assert outcomes(result) == {
        "bad.cert.json::verified": "FAILED",
        "false.cert.json::verified": "FAILED",
        "good.cert.json::verified": "FAILED",
        "proofs/slow.py::exactly": "SKIPPED",
        "proofs/slow.py::f'for {k}', line 8": "SKIPPED",
        "proofs/slow.py::never": "SKIPPED",
        "proofs/slow.py::runs to its end": "FAILED",
    }
    result.stdout.fnmatch_lines(["*the time limit, 0.01 seconds, is over*"])


def test_a_script_that_python_cannot_parse_fails_alone(project):
    there = project(deep_py=f"# exactflow.claims\nx = {'-' * 20000}1\n", good_cert_json=TEXT)
    assert outcomes(there.runpytest("--exactflow", "-v")) == {
        "deep.py::runs to its end": "FAILED",
        "good.cert.json::verified": "PASSED",
    }


def test_a_process_of_its_own_runs_no_code_of_the_project(project):
    lies = """print('{"verdict": "verified", "kind": "", "largest_difference": null, "seconds": 0,'
                     '"lines": []}')"""
    there = project(false_cert_json=refuted(TEXT), exactflow_py=lies)
    result = there.runpytest("--exactflow", "--exactflow-timeout=20", "-v")
    assert outcomes(result) == {"false.cert.json::verified": "FAILED"}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads /proc")
def test_the_time_limit_ends_what_a_script_has_started(project):
    starts = (
        "import pathlib, subprocess\n"
        "child = subprocess.Popen(['sleep', '100'])\n"
        "pathlib.Path('pid').write_text(str(child.pid))\n"
        "child.wait()\n"
    )
    there = project(proofs__a_py=starts)
    result = there.runpytest("--exactflow", "--exactflow-timeout=3")
    result.stdout.fnmatch_lines(["the time limit, 3 seconds, is over"])
    child = Path("/proc", (there.path / "pid").read_text(), "cmdline")
    limit = time.monotonic() + 10
    while child.exists() and b"sleep" in child.read_bytes():
        assert time.monotonic() < limit
        time.sleep(0.02)


@pytest.mark.usefixtures("within_this_process")
def test_properties_in_junit_xml(project):
    near = certificate_text(factor(M), within=Fraction(1, 1000))
    there = project(a_cert_json=TEXT, b_cert_json=near, proofs__c_py=SCRIPT.replace("BOUND", "2"))
    there.runpytest("--exactflow", "--junit-xml=out.xml")
    found = [
        (case.get("name"), {p.get("name"): p.get("value") for p in case.iter("property")})
        for case in ElementTree.parse(there.path / "out.xml").iter("testcase")
    ]
    assert ("exactly", {"exactflow_claim": "exactly: exact, passed"}) in found
    properties = [values for name, values in found if name == "verified"]
    assert [p["exactflow_kind"] for p in properties] == ["equality", "within"]
    assert [p["exactflow_evidence"] for p in properties] == ["exact", "exact"]
    assert [p["exactflow_largest_difference"] for p in properties] == ["0", "0"]


def test_a_script_is_one_item_a_claim(project):
    there = project(proofs__a_py=SCRIPT.replace("BOUND", "2"), proofs____init___py="1 / 0")
    result = there.runpytest("--exactflow", "-v")
    assert outcomes(result) == {
        "proofs/a.py::exactly": "PASSED",
        "proofs/a.py::f'for {k}', line 8": "PASSED",
        "proofs/a.py::never": "FAILED",
        "proofs/a.py::runs to its end": "PASSED",
    }
    assert collected(there, "-m", "exact") == ["proofs/a.py::exactly"]
    assert collected(there, "-m", "numeric or for_all_n") == [
        "proofs/a.py::f'for {k}', line 8",
        "proofs/a.py::never",
    ]


IN_A_CHILD = """
import multiprocessing
with claims.check("here", Evidence.EXACT) as check:
    check.equal(1, 1)
def work():
    with claims.check("there", Evidence.NUMERIC) as check:
        check.equal(1, 2)
child = multiprocessing.get_context("fork").Process(target=work)
child.start()
child.join()
"""


@pytest.mark.usefixtures("within_this_process")
@pytest.mark.parametrize(
    ("way", "outcome", "code"),
    [("fail", "FAILED", 1), ("skip", "SKIPPED", 0), ("xfail", "XFAIL", 0)],
)
def test_a_claim_that_is_lost_in_another_process_is_undecided(project, way, outcome, code):
    there = project(proofs__a_py=SCRIPT.partition("with")[0] + IN_A_CHILD)
    result = there.runpytest("--exactflow", f"--exactflow-incomplete={way}", "-v", "-rsx")
    assert (result.ret, outcomes(result)) == (
        code,
        {
            "proofs/a.py::here": "PASSED",
            "proofs/a.py::there": outcome,
            "proofs/a.py::runs to its end": "PASSED",
        },
    )


@pytest.mark.usefixtures("within_this_process")
def test_a_claim_that_is_lost_and_not_selected_leaves_the_others_as_they_are(project):
    there = project(proofs__a_py=SCRIPT.partition("with")[0] + IN_A_CHILD)
    result = there.runpytest("--exactflow", "--exactflow-incomplete=skip", "-v", "-m", "exact")
    assert outcomes(result) == {"proofs/a.py::here": "PASSED"}
    result = there.runpytest("--exactflow", "-v", "--deselect", "proofs/a.py::there")
    assert outcomes(result)["proofs/a.py::runs to its end"] == "FAILED"


@pytest.mark.parametrize(
    ("said", "bound", "outcome"),
    [("""'{"verdict": "passed"}'""", "1", "FAILED"), ("'bye'", "2", "PASSED")],
)
def test_what_a_script_prints_at_its_exit_decides_nothing(project, said, bound, outcome):
    text = SCRIPT.partition("if False")[0].replace("BOUND", bound)
    there = project(proofs__a_py=f"{text}\nimport atexit\natexit.register(print, {said})\n")
    found = outcomes(there.runpytest("--exactflow", "-v"))
    assert found["proofs/a.py::f'for {k}', line 8"] == outcome


def test_an_exit_code_that_says_something_else_is_no_verdict(project, monkeypatch):
    lies = '#!/bin/sh\necho \'{"verdict": "passed", "claims": []}\'; exit 1\n'
    there = project(proofs__a_py=SCRIPT.replace("BOUND", "2"))
    (there.path / "python").write_text(lies)
    (there.path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(there.path / "python"))
    result = there.runpytest("--exactflow", "-v")
    assert outcomes(result)["proofs/a.py::runs to its end"] == "FAILED"
    result.stdout.fnmatch_lines(["the process ended with 1"])


@pytest.mark.usefixtures("within_this_process")
def test_what_a_script_fails_with(project):
    late = 'with claims.check("late", Evidence.CERTIFIED) as check:\n    check.true(True, "")\n'
    there = project(proofs__a_py=SCRIPT.replace("BOUND", "1") + late)
    result = there.runpytest("--exactflow", "-v")
    assert outcomes(result) == {
        "proofs/a.py::exactly": "PASSED",
        "proofs/a.py::f'for {k}', line 8": "FAILED",
        "proofs/a.py::never": "SKIPPED",
        "proofs/a.py::late": "SKIPPED",
        "proofs/a.py::runs to its end": "SKIPPED",
    }
    result.stdout.fnmatch_lines(
        [
            "bounded: expected the condition to be True, got False",
            "*a.py:9: in the claim 'for 1' [[]numeric]",
            "FAILED *line 8 - Failed: bounded: expected*",
        ]
    )
    assert "pytest_items.py" not in result.stdout.str()
    for chosen, expected in {  # what is deselected cannot fail, so another item does
        "exact": ["PASSED"],
        "for_all_n or certified": ["FAILED", "SKIPPED"],
    }.items():
        result = there.runpytest("--exactflow", "-v", "-m", chosen)
        assert list(outcomes(result).values()) == expected
    result.stdout.fnmatch_lines(["not reached: *a.py:9: in the claim 'for 1' *"])


@pytest.mark.usefixtures("within_this_process")
def test_a_script_that_breaks_outside_of_its_claims(project):
    there = project(proofs__a_py=SCRIPT.replace("for k in", "1 / 0\nfor k in"))
    assert list(outcomes(there.runpytest("--exactflow", "-v")).values()) == [
        "PASSED",
        "SKIPPED",
        "SKIPPED",
        "FAILED",
    ]


@pytest.mark.usefixtures("within_this_process")
def test_each_false_claim_fails_where_the_script_goes_on(project):
    caught = "from contextlib import suppress\nfrom exactflow.claims import ProofError\n"
    for text in ("one", "two"):
        caught += f"with suppress(ProofError), claims.check({text!r}, Evidence.EXACT) as check:\n"
        caught += "    check.equal(1, 2)\n"
    there = project(proofs__a_py=SCRIPT.replace("BOUND", "2") + caught)
    verdicts = outcomes(there.runpytest("--exactflow", "-v")).values()
    assert [*verdicts][-3:] == ["FAILED", "FAILED", "SKIPPED"]


@pytest.mark.usefixtures("within_this_process")
def test_a_missing_tool_skips_with_its_name(project):
    raising = SCRIPT.replace("for k in", "raise MissingExtraError('zuko', 'a study')\nfor k in")
    there = project(proofs__a_py=raising)
    result = there.runpytest("--exactflow", "-v", "-rs")
    assert list(outcomes(result).values()) == ["PASSED", "SKIPPED", "SKIPPED", "PASSED"]
    assert "pip install 'exactflow[zuko]'" in result.stdout.str()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("(", "was never closed"),
        ("import os\nos._exit(0)", "its process ended with exit code 0, before the script did"),
        ("# \udcff", "expected a proof script"),
    ],
)
def test_what_is_no_proof_script(project, request, script, words):
    if "_exit" not in script:
        request.getfixturevalue("within_this_process")
    there = project(proofs__a_py="")
    (there.path / "proofs" / "a.py").write_bytes(script.encode("utf-8", "surrogateescape"))
    result = there.runpytest("--exactflow", "-v")
    assert outcomes(result) == {"proofs/a.py::runs to its end": "FAILED"}
    assert words in result.stdout.str()


def test_scripts_elsewhere(project):
    script = SCRIPT.replace("BOUND", "2")
    there = project(theorems__a_py=script, my_py=script, test__x_py=script + "def test(): pass")
    there.makeini("[pytest]\nexactflow_scripts = theorems/*.py")
    assert [name.split("::")[0] for name in collected(there)] == ["theorems/a.py"] * 4
    assert [name.split("::")[0] for name in collected(there, "my.py")] == ["my.py"] * 4


def test_scripts_wherever_pytest_looks(project):
    template = resources.files("exactflow.proving").joinpath("my_theorem.py.txt").read_text()
    inside = "\n".join(f"    {line}" for line in SCRIPT.replace("BOUND", "2").splitlines())
    there = project(
        my_py=template,
        deep__my_py=template,
        broken_py="from exactflow.claims import Claims\n(",
        main_py=f"def main():\n{inside}\nif __name__ == '__main__':\n    main()\n",
        helper_py="from exactflow.claims import Claims\ndef helper():\n    return Claims('T')\n",
        other_py="import exactflow\n1 / 0\n",
    )
    (there.path / "test_my.py").write_text(template)
    (there.path / "test_claims.py").write_text(template + "def test_one(): pass\n")
    claim = "six layers rotate the coordinates by two places"
    identity = "shears add up, and three of them swap the halves"
    names = "broken", "deep/my", "my", "test_my"
    items = [f"{n}.py::{i}" for n in names for i in (claim, identity, "runs to its end")]
    assert collected(there, "--doctest-modules", "--ignore=other.py") == [
        *items[2:9],
        "test_claims.py::test_one",
        *items[9:],
    ]
    assert [name.split("::")[0] for name in collected(there, "main.py")] == ["main.py"] * 4
    lines = there.runpytest("--exactflow", "--co").outlines
    alone = "claims in functions alone: name it on the command line, or in exactflow_scripts"
    assert [line for line in lines if line.startswith("exactflow: ")] == [
        "exactflow: certificates: 0, proof scripts: 4",
        *(f"exactflow: proof script {name}.py" for name in names),
        f"exactflow: skipped helper.py: {alone}",
        f"exactflow: skipped main.py: {alone}",
        "exactflow: skipped test_claims.py: a test module, since it has test_one and a name of "
        "python_files",
    ]


@pytest.mark.parametrize(
    ("imports", "makes"),
    [
        ("from exactflow import claims as module", "module.Claims"),
        ("from exactflow.claims import Claims as C", "C"),
        ("import exactflow.claims", "exactflow.claims.Claims"),
    ],
)
def test_scripts_are_collected_however_they_import_and_name_helpers(project, imports, makes):
    script = SCRIPT.replace("BOUND", "2").replace(
        "from exactflow.claims import Claims, ", "from exactflow.flows.evidence import "
    )
    text = f"{imports}\n{script.replace('Claims(', f'{makes}(')}def test_matrices(): return 7\n"
    there = project(my_py=text)
    assert [name.split("::")[0] for name in collected(there)] == ["my.py"] * 4
    (there.path / "test_my.py").write_text(text)
    assert collected(there, "test_my.py") == ["test_my.py::test_matrices"]


def test_a_configuration_says_what_is_skipped(project):
    there = project(proofs__a_py=SCRIPT.replace("BOUND", "2"))
    (there.path / "proofs" / "_helpers.py").write_text("")
    there.makeini("[pytest]\nexactflow_scripts = proofs/*.py")
    there.runpytest("--co").stdout.fnmatch_lines(
        [
            "exactflow: certificates: 0, proof scripts: 1",
            "exactflow: proof script proofs/a.py",
            "exactflow: skipped proofs/_helpers.py: its name begins with _",
        ]
    )


def test_a_script_is_no_test_module(project):
    there = project(proofs__test_a_py=SCRIPT.replace("BOUND", "2") + "def test(): pass\n")
    (there.path / "proofs" / "test.a.py").rename(there.path / "proofs" / "test_a.py")
    assert collected(there, "--doctest-modules") == [
        "proofs/test_a.py::exactly",
        "proofs/test_a.py::f'for {k}', line 8",
        "proofs/test_a.py::never",
        "proofs/test_a.py::runs to its end",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["load", "loadgroup"])
def test_with_xdist(project, monkeypatch, mode):
    pytest.importorskip("xdist")
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:randomly")
    there = project(
        good_cert_json=TEXT,
        false_cert_json=refuted(TEXT),
        proofs__a_py=SCRIPT.replace("BOUND", "2"),
    )
    result = there.runpytest_subprocess(
        "--exactflow", "-n", "2", "--dist", mode, "--strict-markers"
    )
    result.assert_outcomes(passed=4, failed=2)
    assert "row 2, column 1" in result.stdout.str()


def test_it_costs_nothing_where_it_is_not_used():
    code = (
        "import pytest, sys, time\n"
        "before, seconds = set(sys.modules), []\n"
        "for _ in range(5):\n"
        "    start = time.process_time()\n"
        "    import exactflow.pytest_plugin\n"
        "    seconds.append(time.process_time() - start)\n"
        "    new = set(sys.modules) - before\n"
        "    for name in new: del sys.modules[name]\n"
        "print(min(seconds), *new)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, *modules = run.stdout.split()
    names = "", ".files", ".files.version", ".pytest_plugin"
    assert set(modules) == {f"exactflow{name}" for name in names}
    assert float(seconds) < 0.01
