"""The first things that a person sees: help, TAB, names that are spelled wrongly."""

import re
import subprocess
import sys

import pytest

import exactflow
from exactflow import theorems


def test_the_tour_is_short_and_names_only_what_there_is():
    lines = exactflow.__doc__.splitlines()
    assert len(lines) <= 25
    for line in lines:
        name = line.strip().partition("(")[0]
        if line.startswith("    ") and name.isidentifier():
            assert callable(getattr(exactflow, name))


def test_each_public_name_is_in_the_tour_or_makes_what_is():
    made = {"CouplingFlow", "ExactFlowError", "LinearCoupling", "append_swap", "to_module"}
    assert {name for name in exactflow.__all__ if name not in exactflow.__doc__} == made


def test_dir_lists_public_names_only():
    assert dir(exactflow) == sorted([*exactflow.__all__, "__version__"])


def test_diagnose_and_convert_are_imported_when_they_are_asked_for():
    code = "import sys, exactflow; print('torch' in sys.modules, exactflow.diagnose.__module__)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", exactflow.diagnose.__module__]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("masks", "import exactflow.linear.masks"),
        ("conditioning", "import exactflow.laws.conditioning"),
        ("facter", "did you mean factor?"),
        ("minimal_dept", "did you mean minimal_depth?"),
    ],
)
def test_a_wrong_name_hints_at_the_right_one(name, hint):
    with pytest.raises(AttributeError, match=re.escape(hint)):
        getattr(exactflow, name)


def test_a_name_like_no_other_has_no_hint():
    with pytest.raises(AttributeError, match=r"no attribute 'zzz'$"):
        exactflow.zzz  # noqa: B018


def test_a_module_of_the_package_itself_comes_before_others_of_its_name():
    code = "import exactflow; exactflow.linear"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stderr.rstrip().endswith("import exactflow.linear")


def test_tab_completes_the_names_of_theorems():
    assert "six layers" in theorems._ipython_key_completions_()
    assert all(name in theorems for name in theorems._ipython_key_completions_())


def test_without_pytorch_every_name_is_there_and_says_what_to_install_when_it_is_called():
    code = """
import sys
sys.modules["torch"] = None
import exactflow
from exactflow import *
from exactflow.errors import MissingExtraError
assert "MissingExtraError" in exactflow.diagnose.__doc__
for name in ("diagnose", "convert"):
    try:
        getattr(exactflow, name)(1, x=2)
    except MissingExtraError as error:
        print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.count("pip install 'exactflow[torch]'") == 2
