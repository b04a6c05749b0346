"""``python -m proofs``: one table, and an exit code that fails when a claim does."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
runner = importlib.import_module("proofs.__main__")


def test_one_script(capsys):
    assert runner.main(["six_layers"]) == 0
    out = capsys.readouterr().out
    assert "passed" in out
    assert "0 scripts failed" in out


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("raise ValueError('broken')", "ValueError: broken"),
        ("pass", "checks claims"),
        (
            "from exactflow.claims import *\n"
            "claims = Claims('T')\n"
            "with claims.check('false', Evidence.EXACT) as check:\n"
            "    check.equal(1, 2, 'one is two')\n",
            "one is two: expected 2, derived 1",
        ),
    ],
)
def test_a_failing_script_fails(capsys, tmp_path, monkeypatch, script, words):
    path = tmp_path / "false.py"
    path.write_text(script)
    monkeypatch.setattr(runner, "SCRIPTS", {"false": path})
    assert runner.main(["false"]) == 1
    assert words in capsys.readouterr().out


def test_a_missing_extra_is_neither_passed_nor_failed(capsys, tmp_path, monkeypatch):
    path = tmp_path / "needs.py"
    path.write_text(
        "from exactflow.errors import MissingExtraError\n"
        "raise MissingExtraError('plot', 'a study')\n"
    )
    monkeypatch.setattr(runner, "SCRIPTS", {"needs": path})
    assert runner.main(["needs"]) == 0
    out = capsys.readouterr().out
    assert "0 of 1 claims checked; 1 not run" in out
    assert "exactflow[plot]" in out


def test_unknown_name(capsys):
    with pytest.raises(SystemExit) as stop:
        runner.main(["nonsense"])
    assert stop.value.code == 2
    assert "six_layers" in capsys.readouterr().err


def test_scripts_run_on_their_own():
    script = ROOT / "proofs" / "six_layers.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


LONG = {"formal", "linear_depth_experiment", "padding"}  # five minutes and more; run by hand


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(runner.SCRIPTS) - LONG))
def test_with_the_large_settings(capsys, name):
    assert runner.main(["--full", name]) == 0
    assert "0 scripts failed" in capsys.readouterr().out
