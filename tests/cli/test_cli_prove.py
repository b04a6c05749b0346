"""``exactflow prove`` as a user meets it."""

import json

import pytest

from exactflow import cli, theorems
from exactflow.cli.prove import _resolve_scripts_and_theorem_titles
from exactflow.proving import theorem_scripts
from exactflow.proving.script_run import Outcome
from exactflow.proving.theorem_scripts import find_theorem_scripts

HEAD = "from exactflow.claims import Claims, Evidence\nclaims = Claims('T')\n"
TRUE = (
    HEAD + "with claims.check('one', Evidence.EXACT) as check:\n    check.equal(1, 1, 'instance')\n"
)
FALSE = TRUE.replace("(1, 1,", "(1, 2,")
MISSING = HEAD + "claims.not_run('a', Evidence.FORMAL, 'a prover')\n"


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    for name, text in {"true": TRUE, "false": FALSE, "missing": MISSING, "broken": "1 / 0"}.items():
        (tmp_path / f"{name}.py").write_text(text)

    def run(*arguments):
        code = cli.main(["prove", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (("true",), 0),
        (("false",), 1),
        (("broken",), 2),
        (("missing",), 3),
        (("missing", "true"), 3),
        (("missing", "broken", "true"), 2),
        (("broken", "false", "true", "missing"), 1),
    ],
)
def test_exit_codes(run, names, code):
    assert run(*(f"{name}.py" for name in names))[0] == code


def test_the_table(run):
    code, out, err = run("true.py", "false.py", "missing.py")
    assert (code, err) == (1, "")
    first, head, *_, last = out.splitlines()
    assert first == "1 of 3 claims hold; 1 failed; 1 not run: a prover"
    assert head.split() == ["theorem", "claims", "evidence", "seconds"]
    assert last == "false.py:4: in the claim 'one' [exact]: instance: expected 2, derived 1"


def test_what_is_not_reached_is_listed(run, tmp_path):
    late = "with claims.check('late', Evidence.NUMERIC) as check:\n    check.true(True, 'x')\n"
    (tmp_path / "false.py").write_text(FALSE + late)
    code, out, _ = run("false.py")
    assert (code, out.splitlines()[0]) == (1, "0 of 2 claims hold; 1 failed; 1 not reached")
    assert any("late" in line and "not reached" in line for line in out.splitlines())
    claims = json.loads(run("--json", "false.py")[1])["claims"]
    assert [(c["evidence"], c["instances"], c["verdict"], c["line"]) for c in claims] == [
        ("exact", 0, "FAILED", 3),
        ("numeric", 0, "not reached", 5),
    ]


def test_verbose(run):
    assert run("-v", "true.py")[1].startswith("T: one [exact]\n    instance\n")


def test_several_at_once(run):
    code, out, err = run("-v", "-j", "2", "true.py", "false.py", "broken.py", "true.py")
    assert (code, err) == (1, "")
    assert out.startswith("T: one [exact]\n    instance\nT: one [exact]\nT: one [exact]\n    inst")
    assert "\n2 of 3 claims hold; 1 failed; 1 script did not end\n" in out
    code, out, _ = run("--json", "-j", "2", "true.py", "false.py")
    assert [json.loads(line)["verdict"] for line in out.splitlines()] == ["passed", "refuted"]


def test_each_run_of_a_script_given_twice_is_judged(run, tmp_path):
    once = "from pathlib import Path\nis_first = not Path('ran').exists()\nPath('ran').touch()\n"
    (tmp_path / "once.py").write_text(once + TRUE.replace("(1, 1,", "(1, 1 + is_first,"))
    code, out, _ = run("once.py", "once.py", "-j", "1")
    assert code == 1
    assert out.startswith("1 of 2 claims hold; 1 failed\n")


def test_quiet(run):
    assert run("--quiet", "true.py", "missing.py") == (3, "", "")
    _, out, _ = run("-q", "true.py", "false.py")
    assert out.splitlines() == [
        "false.py:4: in the claim 'one' [exact]: instance: expected 2, derived 1"
    ]


def test_json(run):
    code, out, _ = run("--json", "true.py", "false.py", "missing.py", "broken.py")
    records = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [(r["script"], r["verdict"], r["line"]) for r in records] == [
        ("true.py", "passed", 0),
        ("false.py", "refuted", 4),
        ("missing.py", "incomplete", 0),
        ("broken.py", "broken", 1),
    ]
    assert [(c["evidence"], c["verdict"], c["line"]) for r in records for c in r["claims"]] == [
        ("exact", "passed", 3),
        ("exact", "FAILED", 3),
        ("formally proved", "not run", 3),
    ]


def test_the_template_runs(run, tmp_path):
    code, out, _ = run("--template")
    assert code == 0
    (tmp_path / "my_theorem.py").write_text(out)
    code, out, _ = run("my_theorem.py")
    assert code == 0
    assert out.startswith("2 of 2 claims hold\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "expected names of theorems, FILEs, or --all alone"),
        (["."], "expected a proof script, got '.': a directory"),
        (["true.py", "none.py"], "got 'none.py': No such file"),
        (["c.json"], r"got 'c.json': not a Python script (.py)"),
        (["true.py", "--plot", "true.py"], "expected a writable folder for pictures"),
        (["true.py", "--plot", "true.py/x"], "expected a writable folder for pictures"),
        (["true.py", "--json", "--quiet"], "not allowed with argument"),
        (["true.py", "-j", "0"], "expected at least one job"),
    ],
)
def test_refuses_before_any_script_runs(run, arguments, words):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_theorems_run_by_name_beside_files_in_any_folder(run):
    code, out, err = run("six_layers", "true.py", "lower bound open set")
    assert (code, err) == (0, "")
    rows = [line.split("  ")[0] for line in out.splitlines()[3:]]
    assert rows == ["1, 14 six layers", "T", "2b lower bound open set"]


def test_all_runs_every_theorem(run, monkeypatch):
    monkeypatch.setattr(
        "exactflow.cli.prove._run_scripts_and_print_output",
        lambda files, _: [Outcome(path, is_undecided=True) for path in files],
    )
    code, out, _ = run("--all", "--json")
    assert (code, out) == (3, "")
    paths, titles = _resolve_scripts_and_theorem_titles([], True)
    assert titles[paths[0]] == "1, 14 six layers"
    assert len(paths) == len(set(paths)) == len(theorems)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("--all", "true.py"), "expected names of theorems, FILEs, or --all alone"),
        (("seven_layers",), "expected a theorem, such as six_layers, or a proof script (.py), got"),
        (("true.txt",), "not a Python script (.py)"),
    ],
)
def test_what_is_no_theorem_and_no_script_is_one_error(run, names, words):
    code, out, err = run(*names)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert words in err


def test_without_the_scripts_a_theorem_is_one_error(run, monkeypatch, tmp_path):
    monkeypatch.setattr(
        theorem_scripts, "__file__", str(tmp_path / "exactflow" / "proving" / "x.py")
    )
    code, _, err = run("six_layers")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "the proof scripts are not beside this copy of exactflow" in err
    assert run("true.py")[0] == 0


def test_an_installed_package_has_the_scripts_below_it(monkeypatch, tmp_path):
    package = tmp_path / "exactflow"
    for path in find_theorem_scripts().values():
        copy = package / "scripts" / "proofs" / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.touch()
    monkeypatch.setattr(theorem_scripts, "__file__", str(package / "proving" / "x.py"))
    assert find_theorem_scripts()["six layers"] == package / "scripts" / "proofs" / "six_layers.py"
