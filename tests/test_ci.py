"""The script of CI, as far as it can be tried without running it whole."""

import re
import subprocess
from configparser import ConfigParser
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / ".ci" / "run"


def run(*arguments):
    return subprocess.run(["bash", SCRIPT, *arguments], capture_output=True, text=True, check=False)


def test_the_list_names_each_stage_once():
    listed = [line.split()[0] for line in run("--list").stdout.splitlines()]
    defined = re.findall(r"^stage_(\w+)\(\)", SCRIPT.read_text("utf-8"), re.M)
    assert listed
    assert sorted(listed) == sorted(defined)


def test_an_unknown_stage_is_refused_before_anything_runs():
    done = run("lint", "proof")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "got proof" in done.stderr


def test_the_versions_of_python_that_are_promised_are_those_that_ran():
    ran = set(re.findall(r"default_tests_on (\d+\.\d+)", SCRIPT.read_text("utf-8")))
    settings = ConfigParser()
    settings.read(SCRIPT.parents[1] / "setup.cfg", "utf-8")
    promised = re.findall(r"Python :: (\d+\.\d+)", settings["metadata"]["classifiers"])
    assert set(promised) == ran
    assert settings["options"]["python_requires"] == f">={min(ran)}"
