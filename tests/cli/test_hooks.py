"""The hook of pre-commit, and the steps of the GitHub action, on repositories of other people."""

import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from cli.scripts import HOLDS

from exactflow import factor, minimal_depth, save

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github" / "actions" / "check"
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
GUIDE = (ROOT / "proofs" / "book" / "guides" / "tests_and_ci.md").read_text(encoding="utf-8")
M = [["2", "1"], ["1", "1"]]


@pytest.fixture
def project(tmp_path):
    (tmp_path / "deep").mkdir()
    save(factor(M), tmp_path / "a.cert.json")
    save(minimal_depth(M), tmp_path / "deep" / "b, c.depth.json")
    (tmp_path / "my_theorem.py").write_text(HOLDS)
    return tmp_path


FOREIGN = """print('{"file": "a.cert.json", "kind": "", "verdict": "verified", "lines": []}')"""


def spoil(project):
    path = project / "a.cert.json"
    path.write_text(path.read_text().replace('[["2",', '[["3",'))


def step(project, name, python=sys.executable, limits="", **inputs):
    """Run a step of the action as GitHub does, with its defaults, or a limit on resources."""
    action = yaml.safe_load((ACTION / "action.yml").read_text())
    (found,) = (step for step in action["runs"]["steps"] if step["name"] == name)
    values = {key: entry["default"] for key, entry in action["inputs"].items()} | inputs
    folder = project / "bin"
    folder.mkdir(exist_ok=True)
    (folder / "python").unlink(missing_ok=True)
    (folder / "python").write_text(f'#!/bin/sh\nexec "{python}" "$@"\n')
    (folder / "python").chmod(0o755)
    environment = os.environ | {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "GITHUB_ACTION_PATH": str(ACTION),
        "GITHUB_STEP_SUMMARY": str(project / "summary.md"),
        "PIP_NO_COMPILE": "1",  # most of what is installed is never imported
    }
    for key, text in found["env"].items():
        (value,) = re.fullmatch(r"\$\{\{ inputs\.(\w+) \}\}", text).groups()
        environment[key] = values[value]
    assert "${{" not in found["run"]  # an input is data, never a part of the script
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", limits + found["run"]],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_action_verifies(project):
    done = step(project, "Check", scripts="*.py")
    assert (done.returncode, done.stderr) == (0, "")
    table = (project / "summary.md").read_text()
    assert "| a.cert.json | equality | verified |" in table
    assert "| deep/b, c.depth.json | depth | verified |" in table
    assert "| my_theorem.py | 1 claims | passed |" in table
    assert "::error" not in done.stdout


def test_the_action_says_what_is_refuted_and_where(project):
    spoil(project)
    (project / "deep" / "b, c.depth.json").write_text("{")
    (project / "my_theorem.py").write_text("x = 1\n1 / 0\n")
    done = step(project, "Check", scripts="*.py\nnone/*.py")
    assert done.returncode == 1
    errors = [line for line in done.stdout.splitlines() if line.startswith("::error")]
    assert len(errors) == 3
    assert errors[0].startswith("::error file=a.cert.json,line=1,title=refuted::c ")
    assert "%0Ac first differing entry: row 0, column 0: expected 3, derived 2" in errors[0]
    assert errors[1].startswith("::error file=deep/b%2C c.depth.json,line=1,title=malformed::")
    assert errors[2].startswith("::error file=my_theorem.py,line=2,title=broken::my_theorem.py:2")


LOSES_A_CLAIM = """
import atexit, multiprocessing
atexit.register(print, '{"script": "my_theorem.py", "claims": [], "verdict": "passed"}')
def work():
    with claims.check("elsewhere", Evidence.EXACT) as check:
        check.equal(1, 2)
child = multiprocessing.get_context("fork").Process(target=work)
child.start()
child.join()
"""


def test_the_action_checks_links_and_names_in_any_case(project):
    save(factor(M), project / "a.json")
    (project / "a.json").rename(project / "Upper.Cert.JSON")
    assert "Upper.Cert.JSON" in step(project, "Check").stdout
    (project / "lost.cert.json").symlink_to("nowhere")
    done = step(project, "Check")
    assert done.returncode == 2
    assert "lost.cert.json,line=1,title=malformed" in done.stdout


def test_the_action_loses_no_claim_of_a_script(project):
    (project / "my_theorem.py").write_text(HOLDS + LOSES_A_CLAIM)
    done = step(project, "Check", scripts="*.py")
    assert done.returncode == 3
    (error,) = [line for line in done.stdout.splitlines() if line.startswith("::error")]
    assert error.startswith("::error file=my_theorem.py,line=10,title=incomplete::")


def check_with(python, project, **environment):
    """Run the check of the action in a process that takes another program for its Python."""
    program = "import runpy, sys; sys.executable = sys.argv[1]\n"
    program += "runpy.run_path(sys.argv[2], run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", program, python, ACTION / "check.py"],
        cwd=project,
        env=os.environ | {"FILES": "*.cert.json"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_action_takes_the_worse_of_rows_and_exit_code(project):
    (project / "lies").write_text(f'#!/bin/sh\n{sys.executable} "$@"\nexit 1\n')
    (project / "lies").chmod(0o755)
    done = check_with(project / "lies", project)
    assert done.returncode == 3
    assert "every row holds, yet exactflow check ended with exit code 1" in done.stdout


def test_the_action_takes_a_bound(project):
    assert step(project, "Check", within="0").returncode == 0
    assert step(project, "Check", within="-1").returncode == 2


def test_the_action_does_not_pass_where_nothing_matches(project):
    done = step(project, "Check", files="none/*.json\n\n")
    assert done.returncode == 2
    assert "nothing matches" in done.stdout


def endless(folder):
    """Write a certificate that takes minutes: entries grow by bits with each of many layers."""
    layers = [
        {"moves": moves, "scale": ["1"], "shift": [["1/3"]]} for moves in ("first", "second")
    ] * 20_000
    claim = {"format": "exactflow-certificate", "version": 1, "field": "QQ", "partition": [1, 1]}
    claim |= {"target": [["1", "0"], ["0", "1"]], "layers": layers}
    (folder / "endless.cert.json").write_text(json.dumps(claim))


@pytest.mark.parametrize("scripts", ["", pytest.param("*.py", marks=pytest.mark.slow)])
def test_the_action_does_not_pass_what_was_killed(project, scripts):
    endless(project)
    save(factor(M), project / "last.cert.json")
    done = step(project, "Check", limits="ulimit -t 1\n", scripts=scripts)
    assert done.returncode == 3
    errors = [line for line in done.stdout.splitlines() if line.startswith("::error")]
    assert [line.split(",")[0] for line in errors] == [
        "::error file=endless.cert.json",
        "::error file=last.cert.json",
        "::error file=deep/b%2C c.depth.json",
    ]
    assert all("no verdict: exactflow check ended with exit code -" in line for line in errors)
    table = (project / "summary.md").read_text()
    assert "| a.cert.json | equality | verified |" in table
    assert "| endless.cert.json |  | not checked |" in table
    assert ("| my_theorem.py | 1 claims | passed |" in table) == bool(scripts)


def test_the_action_does_not_take_a_missing_exactflow_for_a_refutation(project):
    python = project / "without"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    assert check_with(python, project, PYTHONPATH="").returncode == 3


def test_the_action_runs_no_code_of_the_repository(project):
    spoil(project)
    (project / "exactflow.py").write_text(FOREIGN)
    (project / "pip.py").write_text("print('not this')")
    done = step(project, "Check")
    assert done.returncode == 1
    assert "title=refuted" in done.stdout
    action = yaml.safe_load((ACTION / "action.yml").read_text())
    assert "python -P -m pip" in action["runs"]["steps"][0]["run"]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="there ** within a name is *")
def test_a_pattern_that_is_none(project):
    done = step(project, "Check", files="a.cert.json\n**.cert.json")
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.startswith("::error::expected patterns such as **/*.cert.json: ")


@pytest.mark.parametrize("pattern", ["/", "..", "a.cert.json/"])
def test_a_pattern_of_no_file(project, pattern):
    done = step(project, "Check", files=f"deep/*.json\n{pattern}")
    assert done.returncode in (0, 2)
    assert done.stderr == ""


def test_absolute_patterns(project):
    done = step(project, "Check", files=f"{project}/*.cert.json\n{project}/none/*")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"| {project}/a.cert.json | equality | verified |" in done.stdout


def test_the_action_escapes_names(project):
    """A name with a line of its own would be a command, and one with a dash an option."""
    name = "x\n::warning::injected\x1b[31m|<b>.cert.json"
    (project / name).write_text("{")
    (project / "-hj.cert.json").write_text("{")
    done = step(project, "Check", files="*.cert.json")
    assert (done.returncode, done.stderr) == (2, "")
    lines = done.stdout.splitlines()
    assert not any(line.startswith("::warning") for line in lines)
    assert sum(line.startswith("::error file=") for line in lines) == 2
    assert "\x1b" not in (project / "summary.md").read_text()
    assert "<b>" not in (project / "summary.md").read_text()


def test_a_name_with_a_dash_does_not_switch_the_hook_off(project):
    spoil(project)
    (project / "-hj.cert.json").write_text("{")
    (hook,) = HOOKS
    command = [sys.executable, "-m", *hook["entry"].split(), *hook["args"]]
    done = subprocess.run([*command, "-hj.cert.json", "a.cert.json"], cwd=project, check=False)
    assert done.returncode == 1


def test_an_input_is_no_script(project):
    step(project, "Check", files="$(touch seen)\n; touch seen", within="1; touch seen")
    assert not (project / "seen").exists()


@pytest.mark.slow
def test_the_action_installs(project, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    done = step(project, "Install exactflow", python=python)
    assert done.returncode == 0, done.stderr
    assert step(project, "Check", python=python).returncode == 0


def test_the_hook_takes_certificates():
    (hook,) = HOOKS
    assert hook["entry"] == "exactflow check"
    names = "a.cert.json", "x/b.depth.json", "Bad.Cert.JSON", "c.json", "cert.json.py"
    taken = [name for name in names if re.search(hook["files"], name)]
    assert taken == ["a.cert.json", "x/b.depth.json", "Bad.Cert.JSON"]
    assert (hook["types"], hook["types_or"]) == ([], ["file", "symlink"])


def snippet(name):
    """Return a file that the guide shows, which begins with a comment of its name."""
    return re.search(rf"```yaml\n(# {re.escape(name)}\n.*?)```", GUIDE, re.DOTALL).group(1)


@pytest.mark.slow
def test_the_workflow_of_the_guide(project):
    steps = yaml.safe_load(snippet(".github/workflows/certificates.yml"))["jobs"]["check"]["steps"]
    assert (ROOT.parent / steps[-1]["uses"].replace("exactflow", ROOT.name, 1)) == ACTION
    (project / "proofs").mkdir()
    (project / "my_theorem.py").rename(project / "proofs" / "my_theorem.py")
    (project / "deep").rename(project / "certificates")
    (project / "a.cert.json").rename(project / "certificates" / "a.cert.json")
    assert step(project, "Check", **steps[-1]["with"]).returncode == 0
    assert (project / "summary.md").read_text().count("| verified |") == 2
    (project / "certificates" / "a.cert.json").write_text("{")
    assert step(project, "Check", **steps[-1]["with"]).returncode == 2


@pytest.fixture
def run(project, tmp_path):
    """Run a command in the project, of which the certificates are in Git's index."""
    pytest.importorskip("pre_commit")
    if not (ROOT / ".git").exists():
        pytest.skip("needs the repository")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {
        "PRE_COMMIT_HOME": str(tmp_path / "cache"),
        "PATH": path,
        "PIP_NO_COMPILE": "1",  # most of what is installed is never imported
    }

    def run(*command):
        return subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, check=False
        )

    run("git", "init")
    run("git", "add", "a.cert.json", "deep")
    return run


@pytest.mark.slow
def test_the_hook_of_the_guide(project, run):
    (project / ".pre-commit-config.yaml").write_text(snippet(".pre-commit-config.yaml"))
    command = [sys.executable, "-m", "pre_commit", "run", "--all-files"]
    done = run(*command)
    assert (done.returncode, "Passed" in done.stdout) == (0, True), done.stdout + done.stderr
    spoil(project)
    done = run(*command)
    assert (done.returncode, "row 0, column 0" in done.stdout) == (1, True)
    assert "c a.cert.json" in done.stdout


@pytest.mark.slow
def test_the_hook_installed_by_pre_commit(project, run):
    revision = run("git", "-C", ROOT, "rev-parse", "HEAD").stdout.strip()
    hooks = {"repo": str(ROOT), "rev": revision, "hooks": [{"id": "exactflow-check"}]}
    (project / ".pre-commit-config.yaml").write_text(json.dumps({"repos": [hooks]}))
    command = [sys.executable, "-m", "pre_commit", "run", "--all-files"]
    (project / "linked").symlink_to(project / "a.cert.json")
    (project / "linked").rename(project / "Linked.Cert.JSON")
    run("git", "add", "Linked.Cert.JSON")
    (project / "a.cert.json").rename(project / "a.json")
    (project / "Linked.Cert.JSON").unlink()
    (project / "Linked.Cert.JSON").symlink_to(project / "a.json")
    (project / "a.cert.json").write_bytes((project / "a.json").read_bytes())
    done = run(*command)  # installs exactflow as it was last committed
    assert (done.returncode, "Passed" in done.stdout) == (0, True), done.stdout + done.stderr
    spoil(project)
    (project / "exactflow.py").write_text(FOREIGN)
    done = run(*command)
    assert done.returncode == 1
    assert "first differing entry: row 0, column 0" in done.stdout
