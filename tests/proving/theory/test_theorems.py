"""The table of theorems: hypotheses are needed, statements are tried, proofs/README.md has it."""

import ast
import json
import re
import runpy
from dataclasses import replace
from html import escape
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import sympy

from exactflow import factor, minimal_depth, random_matrix, theorems
from exactflow.cli import main
from exactflow.errors import ExactFlowError, InvalidInputError, VerificationError
from exactflow.flows.evidence import Evidence
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.laws.universal import Atoms
from exactflow.proving.claim_sites import read_script
from exactflow.proving.theory import Hypothesis, Theorem, instance_checks
from proofs.__main__ import main as run

ROOT = Path(__file__).parents[3]
TRIED = [name for name, row in theorems.items() if row.draw_instance]
STUDIES = [name for name, row in theorems.items() if row.trial is None]


def test_readme_has_the_table_that_is_written_from_the_rows():
    text = (ROOT / "proofs" / "README.md").read_text("utf-8")
    with_rows = runpy.run_path(str(ROOT / ".ci" / "tables"))["with_rows"]
    assert with_rows(text) == text
    without = text.replace(f"`{theorems['padding'].script}`", "`?`", 1)
    assert without != text
    assert with_rows(without) == text


def test_every_script_has_a_row():
    scripts = {path.stem for path in (ROOT / "proofs").glob("*.py")} - {"__init__", "__main__"}
    assert {row.script for row in theorems.values()} == scripts


@pytest.mark.parametrize("row", theorems.values(), ids=lambda row: row.script)
def test_a_page_states_its_theorem_says_why_and_proves_it(row):
    lines = read_script(ROOT / "proofs" / f"{row.script}.py").splitlines()
    text = "\n".join(line.removeprefix("# ") for line in lines if line.startswith("#"))
    for number in row.number.split(", "):
        assert re.search(rf"\*\*Theorem {number}(?!\d)", text)
    assert "**Why.**" in text
    assert re.search("[Pp]roof|proved", text)


def page_of(row):
    return (ROOT / "proofs" / f"{row.script}.py").read_text()


def prose_of(row):
    lines = (line.removeprefix("#").strip() for line in page_of(row).splitlines())
    return " ".join(lines)


@pytest.mark.parametrize("row", theorems.values(), ids=lambda row: row.script)
def test_a_row_names_the_evidence_of_its_script(row):
    used = {Evidence[name].value for name in re.findall(r"Evidence\.([A-Z_]+)", page_of(row))}
    assert {kind.value for kind in Evidence if kind.value in row.checked} == used


@pytest.mark.parametrize("row", theorems.values(), ids=lambda row: row.script)
def test_a_row_is_called_new_where_its_page_says_so(row):
    claimed = "to our knowledge new" in row.title + row.found
    assert claimed == ("to our knowledge new" in prose_of(row).lower())


NUMBER = r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?(?:/\d+)?"


def numbers(text):
    """The numbers of a text, except single digits, which are everywhere."""
    return {number for number in re.findall(NUMBER, text) if len(number) > 1}


@pytest.mark.parametrize("row", theorems.values(), ids=lambda row: row.script)
def test_a_number_that_a_row_has_found_is_on_its_page(row):
    assert numbers(row.found) - numbers(page_of(row)) == set()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("six layers", ["Vaserstein and Wheland"]),
        ("rotations", ["Paeth", "Toffoli and Quick", "Daubechies and Sweldens"]),
        ("affine depth", ["inverse eigenvalue problem", "Hadeler", "de Oliveira", "Friedland"]),
        ("gaussian depth", ["inverse eigenvalue problem", "Hadeler", "de Oliveira", "Friedland"]),
        ("lossless", ["Hao and Shi"]),
        ("finite maps", ["Feistel", "Luby and Rackoff", "Coppersmith and Grossman"]),
        ("universal in kl", ["Iske and Schoenlieb", "Draxler"]),
    ],
)
def test_the_nearest_works_are_named_on_the_page_and_in_the_row(name, nearest):
    for text in (prose_of(theorems[name]), theorems[name].source):
        assert [work for work in nearest if work not in text] == []


CLOCKS = {"perf_counter", "process_time", "seconds", "timed"}


@pytest.mark.parametrize("row", theorems.values(), ids=lambda row: row.script)
def test_no_claim_rests_on_a_clock(row):
    for node in ast.walk(ast.parse(page_of(row))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("check.true", "check.equal"):
            named = {part.id for part in ast.walk(node.args[0]) if isinstance(part, ast.Name)}
            assert not named & CLOCKS, ast.unparse(node)


BY_HAND = {"linear_depth_experiment", "padding"}  # five minutes and more
LARGER = {row.script for row in theorems.values() if ".full" in page_of(row)} - BY_HAND


@pytest.mark.slow
@pytest.mark.parametrize(
    "row",
    [row for row in theorems.values() if row.script in LARGER or numbers(row.found)],
    ids=lambda row: row.script,
)
def test_a_script_prints_what_its_row_has_found_with_large_settings_if_it_has_them(capsys, row):
    assert run(["-v", *(["--full"] if row.script in LARGER else []), row.script]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^(\d+) of \1 claims hold$", printed, re.MULTILINE)
    assert numbers(row.found) - numbers(printed) == set()


@pytest.mark.parametrize("name", TRIED)
def test_a_challenge_finds_no_counterexample(name):
    found = theorems[name].challenge(4, seed=3, progress=False)
    assert (found.count, found.reason) == (4, "")
    assert str(found) == f"{name}: 4 instances, no counterexample to: {theorems[name].tried}"


@pytest.mark.parametrize("name", ["six is sharp", "five is generic"])
def test_a_challenge_of_a_theorem_about_some_matrices_says_that_it_is_not_about_each(name):
    said = str(theorems[name].challenge(1, progress=False))
    assert said.endswith(", not of each")


@pytest.mark.slow
def test_a_challenge_is_the_same_for_any_number_of_jobs():
    tried = theorems["six layers"]
    false = replace(tried, hypotheses=(), draw_instance=theorems["permutations"].draw_instance)
    refuted, *others = (false.challenge(40, progress=False, jobs=jobs) for jobs in (1, 2))
    assert refuted.counterexample is not None
    assert others == [refuted]
    held = [tried.challenge(10, progress=False, jobs=jobs) for jobs in (1, 2)]
    assert held[0] == held[1]
    assert (held[0].count, held[0].reason) == (10, "")


@pytest.mark.slow
@pytest.mark.parametrize("name", TRIED)
def test_a_long_challenge_finds_no_counterexample(name):
    assert theorems[name].challenge(400, seed=0, progress=False).reason == ""


#: Four layers with positive scales are certified to exist, and known as floats.
CERTIFIED = sympy.Matrix(
    [[3, 0, 0, 0, 0, 0], [-2, -1, 0, 0, 0, 0], [0, 0, 0, 0, -1, 0],
     [0, 0, 0, 0, 0, -1], [0, 0, 3, 0, 0, 0], [0, 0, 0, -1, 0, 0]]
)  # fmt: skip


def test_layers_that_are_certified_are_checked_as_such():
    answer = theorems["affine depth"].check(CERTIFIED)
    assert answer.evidence is Evidence.CERTIFIED
    assert answer.error > 0


def moved(proof):
    first, *others = proof.centre
    return replace(proof, centre=(2 * first, *others))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda found: replace(found, error=2 * found.error), "as near to the matrix as stated"),
        (
            lambda found: replace(found, flow=CouplingFlow(found.flow.layers[:3])),
            "four layers, got 3",
        ),
        (
            lambda found: minimal_depth(2 * CERTIFIED, scales="positive"),
            "a proof of existence for the same matrix",
        ),
        (lambda found: replace(found, existence=moved(found.existence)), "proved to exist"),
    ],
)
def test_a_check_takes_no_certified_layers_on_trust(monkeypatch, wrong, says):
    answer = wrong(minimal_depth(CERTIFIED, scales="positive"))
    monkeypatch.setattr(instance_checks, "minimal_depth", lambda *args, **options: answer)
    with pytest.raises(VerificationError, match=says):
        theorems["affine depth"].check(CERTIFIED)


WRONG_KINDS = {
    "number": 1, "text": "x", "None": None, "empty": [], "row": [[1, 2]], "pair": (1, 2),
    "set": {1}, "NaN": np.full((2, 2), np.nan), "complex": [[1j, 0], [0, -1j]],
    "block": sympy.MatrixSymbol("M", 2, 2), "vector": np.array([1.5, 2.0]), "range": range(3),
    "flow": CouplingFlow([LinearCoupling((1, 1), "first", [[2]])]), "function": len,
    "flows of two sizes": [CouplingFlow([], (n, n)) for n in (1, 2)],
    "pair with text": (sympy.eye(2), "ab"), "law of atoms": Atoms([[0, 0]]),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG_KINDS)
@pytest.mark.parametrize("name", TRIED)
def test_every_theorem_refuses_an_instance_of_the_wrong_kind_by_one_line(name, kind):
    with pytest.raises(ExactFlowError, match=r"expected|needs") as caught:
        theorems[name].check(WRONG_KINDS[kind])
    assert not isinstance(caught.value, VerificationError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "instance", "says"),
    [
        ("six layers", [[0, 1], [1, 0]], r"det\(M\) > 0.* preserves orientation"),
        ("six is sharp", sympy.diag(2, 1), r"det\(M\) = 1.* shear has determinant 1"),
        ("six is sharp", sympy.eye(3), "even number of coordinates"),
        ("rotations", [[2, 1], [1, 1]], "a rotation, up to rounding.* norm 1"),
        ("rotations", [[0, 1], [1, 0]], "a rotation, up to rounding"),
        ("permutations", [1, 0], r"a permutation of determinant 1.* odd permutation"),
        ("partitions", ([[0, 1], [1, 0]], (1, 1)), r"det\(M\) > 0.* under every partition"),
        ("partitions", [[0, 1], [1, 0]], r"a pair \(M, partition\).* --partition p,q"),
        ("partitions", sympy.eye(2), r"a pair \(M, partition\).* --partition p,q"),
        ("universal in kl", sympy.eye(2), "a law, for instance a Histogram,.* between laws"),
        ("universal in kl", Atoms([[0, 0]]), "a law with a density"),
        ("rotations", sympy.diag(sympy.Symbol("t"), 1), "a rotation, up to rounding"),
        ("permutations", [], "a permutation of at least one index"),
        ("padding", [[1, 1], [1, 1]], "an invertible matrix"),
        ("finite maps", [[1, 2], [3, 4]], r"a pair \(points, images\)"),
        ("one mask", [[1, 0], [0, 1]], "a list of flows of linear couplings"),
        ("one mask", sympy.eye(2), "a list of flows.* a matrix alone has no masks"),
        ("one mask", [], "a list of flows"),
        ("one mask", [factor(sympy.eye(4), partition=(1, 3))], "halves are of equal size"),
        ("one mask", [factor([[0, 1], [1, 0]], orientation="flip")], "even number of flips"),
        ("permutations", sympy.diag(2, sympy.Rational(1, 2)), "a permutation of determinant 1"),
        ("permutations", sympy.diag(sympy.I, -sympy.I), "a permutation of determinant 1"),
    ],
)
def test_a_hypothesis_that_fails_is_named_with_its_reason(name, instance, says):
    with pytest.raises(InvalidInputError, match=says):
        theorems[name].check(instance)


def test_a_lossless_map_without_an_error_is_compared_exactly():
    tiny = sympy.eye(2) / 10**10
    assert theorems["lossless"].check(tiny).bound.largest == 0


def test_the_result_of_a_check_explains_itself():
    M = random_matrix(4, bits=3, seed=7)
    M[0, :] *= M.det()
    result = theorems["six layers"].check(M)
    assert isinstance(result, CouplingFlow)
    assert result.explain().result is result


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_says_where_it_is(name):
    for work in (theorems[name].challenge, lambda: theorems[name].check(1)):
        with pytest.raises(InvalidInputError, match=f"exactflow prove {theorems[name].script}"):
            work()


def test_a_false_theorem_meets_its_counterexample():
    def trial(n):
        if n > 6:
            raise VerificationError("too large")

    blank = ("",) * 7
    false = Theorem(
        "", "false", *blank, trial=trial, draw_instance=lambda source: source.randint(1, 9)
    )
    found = false.challenge(100, progress=False)
    assert found.counterexample in (7, 8, 9)
    assert "too large" in str(found)
    never = Hypothesis("a", "b", lambda _: False)
    unmet = Theorem("", "unmet", *blank, "", (never,), "", trial, lambda source: 1)
    assert "needs a" in unmet.challenge(3, progress=False).reason


@pytest.mark.parametrize(
    ("name", "function", "instance"),
    [
        ("six layers", "factor", sympy.Matrix([[1, 2], [0, 1]])),
        ("permutations", "factor", [1, 2, 0, 3]),
        ("six is sharp", "minimal_depth", sympy.Matrix([[1, 2], [0, 1]])),
        ("one mask", "merge_masks", [CouplingFlow([LinearCoupling((1, 1), "first", [[2]])])]),
    ],
)
def test_a_check_takes_no_product_on_trust(monkeypatch, name, function, instance):
    wrong = CouplingFlow([LinearCoupling((1, 1), "second", [[3]])])
    if name == "permutations":
        wrong = CouplingFlow([LinearCoupling((2, 2), "second", [[3, 0], [0, 1]])])
    answer = SimpleNamespace(flow=wrong, obstructions=()) if function == "minimal_depth" else wrong
    monkeypatch.setattr(instance_checks, function, lambda *args, **options: answer)
    with pytest.raises(VerificationError, match="at entry"):
        theorems[name].check(instance)


def test_a_check_takes_no_images_and_no_reasons_on_trust(monkeypatch):
    points, images = [[0, 0], [0, 1]], [[0, 1], [0, 0]]
    right, wrong = (instance_checks.interpolate(points, some) for some in (images, points))
    for found, says in [
        (wrong, "map the points to the images"),
        (replace(right, obstructions=()), "an obstruction to each shorter pattern"),
        (
            replace(right, obstructions=(replace(right.obstructions[0], pattern="LULU"),) * 5),
            "obstructions that pass their own checks",
        ),
    ]:
        monkeypatch.setattr(instance_checks, "interpolate", lambda *args, found=found: found)
        with pytest.raises(VerificationError, match=says):
            theorems["finite maps"].check((points, images))


def test_integers_that_only_come_back_are_not_enough(monkeypatch):
    module = import_module("exactflow.floats.lossless")
    near = module.lossless(np.eye(2))
    monkeypatch.setattr(module, "lossless", lambda *args, **options: near)
    with pytest.raises(VerificationError, match="images within"):
        theorems["lossless"].check([[0, 1], [-1, 0]])


def test_a_name_that_is_none():
    with pytest.raises(InvalidInputError, match="did you mean 'six layers'"):
        theorems["six layer"]
    with pytest.raises(InvalidInputError, match=r"did you mean 'five is generic'\?"):
        theorems["five"]
    assert "six layer" not in theorems
    assert "six layers" in str(theorems)
    assert theorems._repr_html_().count("<tr>") == len(theorems) + 1
    assert "det" in theorems["six layers"]._repr_latex_()


def test_a_theorem_is_found_by_each_of_its_numbers():
    numbers = {number: row for row in theorems.values() for number in row.number.split(", ")}
    assert len(numbers) > len(theorems)
    assert all(theorems[number] is row for number, row in numbers.items())
    assert theorems[2] is theorems["six is sharp"]
    assert "14" in theorems
    assert "99" not in theorems


def test_the_table_is_not_changed_from_outside():
    assert len({*theorems.values()}) == len(theorems)
    with pytest.raises(TypeError):
        theorems["six layers"] = theorems["partitions"]


def test_the_command(tmp_path, capsys):
    path = tmp_path / "M.json"
    path.write_text(json.dumps([["1", "2"], ["3", "7"]]))
    assert main(["theorems"]) == 0
    assert "one mask" in capsys.readouterr().out
    assert main(["theorems", "six layers"]) == 0
    assert "formally proved: six_layers" in capsys.readouterr().out
    assert main(["theorems", "six layers", "--check", str(path)]) == 0
    assert capsys.readouterr().out == (
        "six layers, on this instance: at most six layers equal the matrix (2 layers here).\n"
        f"The theorem says for all: {theorems['six layers'].statement}\n"
    )
    assert main(["theorems", "one mask", "--check", str(path)]) == 2
    assert "needs a list of flows of linear couplings" in capsys.readouterr().err
    assert main(["theorems", "partitions", "--check", str(path)]) == 2
    assert "--partition p,q" in capsys.readouterr().err
    assert main(["theorems", "partitions", "--check", str(path), "--partition", "1,1"]) == 0
    assert main(["theorems", "permutations", "--challenge", "3", "--json"]) == 0
    record = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (record["instances"], record["checked"]) == (3, theorems["permutations"].tried)
    assert main(["theorems", "--json"]) == 0
    assert "six layers" in json.loads(capsys.readouterr().out)
    for bad, said in (
        (["no such"], "expected"),
        (["--check", str(path)], "need the NAME of a theorem"),
        (["six layers", "--challenge", "0"], "expected"),
    ):
        assert main(["theorems", *bad]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ([], "1. Split M into halves"),
        (["--latex"], "\\documentclass"),
        (["--markdown"], "$$"),
        (["--json"], '"claim"'),
        (["--depth", "additive"], "M takes exactly 3 additive layers"),
    ],
)
def test_explain(tmp_path, capsys, option, says):
    path = tmp_path / "M.csv"
    path.write_text("2,3\n1,2\n")
    assert main(["explain", str(path), *option]) == 0
    assert says in capsys.readouterr().out
    path.write_text("0,1\n1,0\n")
    assert main(["explain", str(path), *option]) == 2
    assert "expected" in capsys.readouterr().err


def test_a_theorem_has_one_name():
    """Its key, its script, the title of its claims and of its page, in a word."""
    for name, row in theorems.items():
        text = page_of(row)
        assert name == row.script.replace("_", " ")
        assert theorems[row.script] is theorems[name.title()] is row
        assert row.script in theorems
        assert f'claims = Claims("{name}")' in text
        assert text.splitlines()[1].lower().startswith(f"# # {name}: ")


def test_a_theorem_at_a_prompt_shows_its_statement():
    shown = " ".join(repr(theorems["padding"]).split())
    assert theorems["padding"].statement in shown
    assert "0x" not in shown


@pytest.mark.parametrize("name", theorems)
def test_a_theorem_shows_its_statement_formula_and_hypotheses_in_a_notebook(name):
    theorem = theorems[name]
    html = theorem._repr_html_()
    assert escape(theorem.statement) in html
    assert f"$$ {escape(theorem.latex)} $$" in html
    assert html.count("<dt>needs</dt>") == len(theorem.hypotheses)
    assert all(escape(h.why) in html for h in theorem.hypotheses)


def test_a_name_of_no_theorem_has_the_default():
    assert theorems.get("no such theorem") is None
    assert theorems.get("Six_layers", 0) is theorems["six layers"]


def test_an_undecided_hypothesis_is_not_said_to_be_false():
    t, p = sympy.Symbol("t"), sympy.Symbol("p", positive=True)
    with pytest.raises(InvalidInputError, match="this hypothesis is not decided here"):
        theorems["six layers"].check(sympy.diag(t, 1))
    with pytest.raises(InvalidInputError, match="this hypothesis does not hold here"):
        theorems["six layers"].check(sympy.diag(-p, 1))
