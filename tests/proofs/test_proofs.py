"""``python -m proofs``: one table, and an exit code that fails when a claim does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from exactflow.claims import Options, proof_options
from exactflow.proving import theorem_scripts
from exactflow.proving.theorem_scripts import find_theorem_scripts
from proofs import __main__ as runner
from proofs import experiments

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script_of_a_theorem(tmp_path, monkeypatch):
    """Return the path of a script that takes the place of the one of "six layers"."""
    scripts = find_theorem_scripts() | {"six layers": tmp_path / "script.py"}
    monkeypatch.setattr(theorem_scripts, "find_theorem_scripts", lambda: scripts)
    return scripts["six layers"]


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
def test_a_failing_script_fails(capsys, script_of_a_theorem, script, code, words):
    script_of_a_theorem.write_text(script)
    assert runner.main(["six_layers"]) == code
    assert words in capsys.readouterr().out


RAISES = "raise MissingExtraError('plot', 'a study')\n"


@pytest.mark.parametrize(
    "script",
    [RAISES, f"claims = Claims('T')\nwith claims.check('a', Evidence.NUMERIC):\n    {RAISES}"],
)
def test_a_missing_extra_is_neither_passed_nor_failed(capsys, script_of_a_theorem, script):
    script_of_a_theorem.write_text(
        "from exactflow.claims import Claims, Evidence\n"
        "from exactflow.errors import MissingExtraError\n" + script
    )
    assert runner.main(["six_layers"]) == 0
    out = capsys.readouterr().out
    assert "0 of 1 claims hold; 1 not run: " in out
    assert "pip install 'exactflow[plot]'" in out


def test_a_claim_that_is_not_reached_is_no_missing_tool(capsys, script_of_a_theorem):
    script_of_a_theorem.write_text(
        "from exactflow.claims import Claims, Evidence\n"
        "claims = Claims('T')\n"
        "def never():\n"
        "    with claims.check('a', Evidence.EXACT) as check:\n"
        "        check.equal(1, 2)\n"
    )
    assert runner.main(["six_layers"]) == 3
    assert "script.py:4: the process of the script did not reach the end of the claim 'a'" in (
        capsys.readouterr().out
    )


def test_the_options_end_with_the_run():
    assert runner.main(["--full", "lower_bound_open_set"]) == 0
    assert proof_options([]) == Options()


def test_unknown_name(capsys):
    assert runner.main(["nonsense"]) == 2
    assert "six_layers" in capsys.readouterr().err


def test_scripts_run_on_their_own():
    script = ROOT / "proofs" / "lower_bound_open_set.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


PATHS = list(find_theorem_scripts().values())
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
