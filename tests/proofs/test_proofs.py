"""``python -m proofs``: one table, and an exit code that fails when a claim does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from exactflow.claims import Options, proof_options
from proofs import __main__ as runner
from proofs import experiments

ROOT = Path(__file__).parents[2]


def test_one_script(capsys):
    assert runner.main(["lower_bound_open_set"]) == 0
    out = capsys.readouterr().out
    assert re.match(r"(\d+) of \1 claims hold\n", out)
    assert "2b lower bound open set" in out


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("raise ValueError('broken')", 2, "ValueError: broken"),
        ("pass", 2, "checks no claims"),
        (
            "from exactflow.claims import *\n"
            "claims = Claims('T')\n"
            "with claims.check('false', Evidence.EXACT) as check:\n"
            "    check.equal(1, 2, 'one is two')\n",
            1,
            "one is two: expected 2, derived 1",
        ),
    ],
)
def test_a_failing_script_fails(capsys, tmp_path, monkeypatch, script, code, words):
    path = tmp_path / "false.py"
    path.write_text(script)
    monkeypatch.setattr(runner, "SCRIPTS", {"false": path})
    assert runner.main(["false"]) == code
    assert words in capsys.readouterr().out


RAISES = "raise MissingExtraError('plot', 'a study')\n"


@pytest.mark.parametrize(
    "script",
    [RAISES, f"claims = Claims('T')\nwith claims.check('a', Evidence.NUMERIC):\n    {RAISES}"],
)
def test_a_missing_extra_is_neither_passed_nor_failed(capsys, tmp_path, monkeypatch, script):
    path = tmp_path / "needs.py"
    path.write_text(
        "from exactflow.claims import Claims, Evidence\n"
        "from exactflow.errors import MissingExtraError\n" + script
    )
    monkeypatch.setattr(runner, "SCRIPTS", {"needs": path})
    assert runner.main(["needs"]) == 0
    out = capsys.readouterr().out
    assert "0 of 1 claims hold; 1 not run: " in out
    assert "exactflow[plot]" in out


def test_a_claim_that_is_not_reached_is_no_missing_tool(capsys, tmp_path, monkeypatch):
    path = tmp_path / "lost.py"
    path.write_text(
        "from exactflow.claims import Claims, Evidence\n"
        "claims = Claims('T')\n"
        "def never():\n"
        "    with claims.check('a', Evidence.EXACT) as check:\n"
        "        check.equal(1, 2)\n"
    )
    monkeypatch.setattr(runner, "SCRIPTS", {"lost": path})
    assert runner.main(["lost"]) == 3
    assert "lost.py:4: the process of the script did not reach the end of the claim 'a'" in (
        capsys.readouterr().out
    )


def test_the_options_end_with_the_run():
    assert runner.main(["--full", "lower_bound_open_set"]) == 0
    assert proof_options([]) == Options()


def test_unknown_name(capsys):
    with pytest.raises(SystemExit) as stop:
        runner.main(["nonsense"])
    assert stop.value.code == 2
    assert "six_layers" in capsys.readouterr().err


def test_the_shared_helpers_are_no_script():
    assert "experiments" not in runner.SCRIPTS
    assert all(path.is_file() for path in runner.SCRIPTS.values())


def test_scripts_run_on_their_own():
    script = ROOT / "proofs" / "lower_bound_open_set.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


PATHS = list(runner.SCRIPTS.values())
PATH_LINE = next(line for line in experiments.__doc__.splitlines() if "sys.path.extend" in line)


def test_scripts_that_import_from_their_folder_say_where_it_is():
    parts = [re.split(r"^(?:from|import) proofs\b", p.read_text(), flags=re.M) for p in PATHS]
    users = [part for part in parts if len(part) > 1]
    assert len(users) >= 5
    for before, *_ in users:
        assert f"\n{PATH_LINE.strip()}" in before


@pytest.mark.parametrize("place", ["cell in the repository", "cell in proofs", "script"])
def test_finds_the_shared_helpers(tmp_path, place):
    code = f"import sys\n{PATH_LINE.strip()}\nimport proofs.experiments.layers\n"
    if place == "script":
        for name in ("__init__.py", "experiments"):
            (tmp_path / "proofs").mkdir(exist_ok=True)
            (tmp_path / "proofs" / name).symlink_to(ROOT / "proofs" / name)
        script = tmp_path / "proofs" / "script.py"
        script.write_text(code)
        command, cwd = [sys.executable, script], "/"
    else:
        command = [sys.executable, "-c", code]
        cwd = ROOT if place == "cell in the repository" else ROOT / "proofs"
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# five minutes and more: run by hand
LONG = {"linear_depth_experiment", "padding"}
SETTING = re.compile(r"options(\(\))?\.full")
LARGER = {name for name, path in runner.SCRIPTS.items() if SETTING.search(path.read_text())}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LARGER - LONG))
def test_with_the_large_settings(capsys, name):
    assert runner.main(["--full", name]) == 0
    assert re.match(r"(\d+) of \1 claims hold\n", capsys.readouterr().out)
