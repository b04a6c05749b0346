"""The first steps of a newcomer: help and its examples, TAB, displays, and wrong matrices.

README's blocks are run by test_readme.py, the book's by proofs/book/test_pages.py.
"""

import os
import pydoc
import shlex
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import exactflow
from exactflow import (
    approximate,
    balance,
    cli,
    factor,
    minimal_depth,
    save,
    theorems,
    verify,
    whiten,
)
from exactflow.errors import ExactFlowError
from exactflow.laws.conditioning import bound_conditioning

M = [[2, 1], [1, 1]]


@pytest.fixture
def command(tmp_path, monkeypatch, capfd):
    """Return a function that runs a line of a shell and returns exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(line):
        words, _, place = line.partition(" > ")
        name, *arguments = shlex.split(words)
        assert name == "exactflow"
        if place:
            with open(place, "w", encoding="utf-8") as file, redirect_stdout(file):
                code = cli.main(arguments)
        else:
            code = cli.main(arguments)
        return code, *capfd.readouterr()

    return run


# ---- help


def examples_of(name):
    return import_module(f"exactflow.cli.{name}").EXAMPLES


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_each_command_has_an_example_and_exit_codes_in_its_help(command, name):
    code, out, err = command(f"exactflow {name} --help")
    assert (code, err) == (0, "")
    _, _, shown = out.partition("\nexamples:\n")
    shown, _, codes = shown.partition("\n\nexit codes:\n")
    assert tuple(line.strip() for line in shown.splitlines()) == examples_of(name)
    assert codes.split()[0] == "0"
    assert cli.COMMANDS[name] in " ".join(out.split())


NEEDS = {
    "matrix.csv": lambda: Path("matrix.csv").write_text("2,1\n1,1\n"),
    "covariance.csv": lambda: Path("covariance.csv").write_text("2,1\n1,2\n"),
    "certificate.json": lambda: save(factor(M), "certificate.json"),
    "first.json": lambda: save(factor(M), "first.json"),
    "second.json": lambda: save(minimal_depth(M), "second.json"),
    "batch.npy": lambda: np.save("batch.npy", np.ones((3, 2), dtype=np.float32)),
    "script.py": lambda: Path("script.py").write_text(SCRIPT),
}
"""The files that examples of help read, with functions that make them."""

SCRIPT = """\
import exactflow

model = exactflow.to_module(exactflow.factor([[2, 1], [1, 1]])).float()


def make_model():
    return model
"""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name == "prove")) for name in cli.COMMANDS],
)
def test_each_example_of_help_runs_in_a_folder_that_has_its_files(command, name):
    if name == "diagnose":
        pytest.importorskip("torch")
    for example in examples_of(name):
        words = example.replace("script.py:", "script.py ").split()
        reads = words[: words.index("-o")] if "-o" in words else words
        for file in NEEDS.keys() & set(reads):
            NEEDS[file]()
        code, _, err = command(example)
        assert (code, err.replace("next: ", "")[:20]) in ((0, ""), (0, "exactflow check cert"))
        if "-o" in words:
            assert Path(words[words.index("-o") + 1]).stat().st_size > 0


def test_a_demo_needs_no_file(command):
    code, out, err = command("exactflow factor --demo")
    assert (code, err) == (0, "")
    assert "equal in all 144 entries" in out
    assert list(Path().iterdir()) == []


def test_help_about_the_package_begins_with_the_tour():
    shown = pydoc.render_doc(exactflow, renderer=pydoc.plaintext).splitlines()
    tour = exactflow.__doc__.splitlines()
    assert shown[3].strip() == f"exactflow - {tour[0]}"
    assert shown[5].strip() == "DESCRIPTION"
    described = shown[6 : 4 + len(tour)]
    assert [line.strip() for line in described] == [line.strip() for line in tour[2:]]


# ---- TAB


def test_tab_offers_public_names_only():
    offered = complete("exactflow.", {"exactflow": exactflow})
    assert {name for name in offered if not name.startswith("_")} == set(exactflow.__all__)
    assert complete("exactflow.fac", {"exactflow": exactflow}) == ["factor"]


def test_tab_completes_names_of_theorems():
    assert "six layers" in complete('theorems["six', {"theorems": theorems})


def complete(text, names):
    """Return the words that IPython offers after a text."""
    completer = pytest.importorskip("IPython.core.completer")
    silent = ["IPCompleter.magic_matcher"]  # it needs a shell
    session = completer.IPCompleter(namespace=names, use_jedi=False, disable_matchers=silent)
    with completer.provisionalcompleter():
        return [found.text.strip(".\"'[]") for found in session.completions(text, len(text))]


# ---- displays


RESULTS = {
    "CouplingFlow": lambda: factor(M),
    "Verification": lambda: verify(factor(M), M),
    "MinimalDepth": lambda: minimal_depth(M),
    "Explanation": lambda: factor(M).explain(),
    "Step": lambda: factor(M).explain().steps[0],
    "Theorems": lambda: theorems,
    "Theorem": lambda: theorems["six layers"],
    "Challenge": lambda: theorems["six layers"].challenge(2, progress=False),
    "Balanced": lambda: balance(np.array(M, dtype=float)),
    "Whitening": lambda: whiten([[2, 1], [1, 2]]),
    "W2Approximation": lambda: approximate([[0.0, 1], [1, 0]], 1),
    "ConditioningBounds": lambda: bound_conditioning([[0.0, 0], [9, 9]], 0.1),
}
"""Functions that return the results that a notebook displays, by the names of their classes."""


@pytest.mark.parametrize("name", RESULTS)
def test_a_notebook_and_a_prompt_show_a_result_in_words(name):
    result = RESULTS[name]()
    assert type(result).__name__ == name
    assert_is_shown(result)


def assert_is_shown(result):
    """Assert that the displays of a result are text and HTML, and no list of its attributes."""
    name = type(result).__name__
    html = result._repr_html_()
    assert html.startswith("<")
    for bare in (f"{name}(", "&lt;exactflow", "object at 0x"):
        assert bare not in html
        assert bare not in repr(result)
    if hasattr(result, "_repr_latex_"):
        assert result._repr_latex_().startswith("$")


def test_a_notebook_and_a_prompt_show_what_is_wrong_with_a_model():
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    with torch.no_grad():
        for layer in model:
            layer.weight.copy_(torch.tensor(M))
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    assert_is_shown(exactflow.diagnose(exactflow.to_module(factor(M)).float(), x))
    assert_is_shown(exactflow.convert(model, x)[1])


# ---- wrong matrices

WRONG = {
    "singular": ("1,2\n2,4\n", [[1, 2], [2, 4]], "invertible|positive definite|det"),
    "negative": ("0,1\n1,0\n", [[0, 1], [1, 0]], "orientation|positive definite"),
    "wide": ("1,2,3\n4,5,6\n", [[1, 2, 3], [4, 5, 6]], "expected a square matrix, got 2 x 3"),
    "text": ("1,x\n3,4\n", [[1, "x"], [3, 4]], r"entry \(0, 1\): expected a number such as"),
    "nan": ("nan,0\n0,1\n", [[float("nan"), 0], [0, 1]], r"entry \(0, 0\): expected a .*got .?nan"),
    "empty": ("", [], "expected a matrix of at least one row, got an empty one"),
    "one": ("2\n", [[2]], "at least two coordinates, got (1:|a 1 x 1)|det"),
}
"""Kinds of wrong matrices: as text of a file, at the prompt, and a pattern of the message."""

DOORS = {"factor": factor, "depth": minimal_depth, "balance": balance, "whiten": whiten}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("name", DOORS)
def test_a_wrong_matrix_at_the_prompt_is_one_clear_line(name, kind):
    _, matrix, words = WRONG[kind]
    with pytest.raises(ExactFlowError, match=words) as refused:
        DOORS[name](matrix)
    assert "\n" not in str(refused.value)
    assert "--" not in str(refused.value)


@pytest.mark.parametrize("kind", [*WRONG, "missing", "folder", "no_suffix", "locked"])
@pytest.mark.parametrize("name", ["factor", "depth", "balance", "whiten", "explain", "theorems"])
def test_a_wrong_file_at_the_command_line_is_one_clear_line_and_2(command, name, kind):
    if kind == "one" and name == "theorems":
        pytest.skip("the theorem is about two coordinates at least, and says so of one")
    path = Path(f"{kind}.csv")
    words = "expected a readable file, got '"
    match kind:
        case "folder":
            path.mkdir()
        case "no_suffix":
            path = Path("matrix")
            words = "expected a file of type .npy, "
        case "locked":
            path.write_text("1,0\n0,1\n")
            path.chmod(0)
            if os.access(path, os.R_OK):
                pytest.skip("this user may read every file")
        case kind if kind in WRONG:
            path.write_text(WRONG[kind][0])
            words = ""
    before = sorted(Path().iterdir())
    check = "theorems six layers --check" if name == "theorems" else name
    output = "" if name in ("explain", "theorems") else " -o out.json"
    code, out, err = command(f"exactflow {check} {path}{output}")
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith(f"exactflow: error: {words}") or f": {words}" in line
    assert "Traceback" not in err
    assert sorted(Path().iterdir()) == before


def test_a_file_name_at_the_prompt_is_told_how_to_read_it():
    with pytest.raises(
        ExactFlowError, match=r"got str: .*read_square_matrix\(path\)\.matrix reads"
    ):
        factor("matrix.csv")


def test_a_layer_or_weights_as_a_matrix_are_told_how_to_take_one():
    nn = pytest.importorskip("torch.nn")
    with pytest.raises(ExactFlowError, match=r"got Linear: .*linear_map\(layer\)\.matrix"):
        factor(nn.Linear(3, 3))
    with pytest.raises(ExactFlowError, match="got OrderedDict: choose one of its values"):
        factor(nn.Linear(3, 3).state_dict())


def test_no_challenge_is_about_no_instance():
    with pytest.raises(
        ExactFlowError, match="expected the argument n to be an integer >= 1, got int 0"
    ):
        theorems["six layers"].challenge(0)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("factro matrix.csv", "got 'factro': did you mean factor?"),
        ("factor matrix.csv --methd short", "no argument '--methd': did you mean --method?"),
        ("factor matrix.csv other.csv", "no argument 'other.csv': `exactflow factor --help` "),
        ("check matrix.csv --quik", "has no argument '--quik': did you mean --quick?"),
        (
            "check matrix.csv --within x",
            "--within: expected a bound such as 1e-12 or 1/1000, found",
        ),
        ("theorems six layers --fil matrix.csv", "exactflow theorems has no argument '--fil'"),
        ("balance matrix.csv --within 1e-9", "'--within': `exactflow balance --help` "),
        ("prove six_layrs", "got 'six_layrs': did you mean six_layers?"),
        ("prove nothing_like_it", "got 'nothing_like_it': `exactflow theorems` lists the theorems"),
        ("theorems six layer", "got 'six layer': did you mean 'six layers'?"),
    ],
)
def test_a_wrong_word_on_the_command_line_hints_at_the_right_one(command, line, words):
    NEEDS["matrix.csv"]()
    code, out, err = command(f"exactflow {line}")
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1
