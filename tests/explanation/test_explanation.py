"""Explanations: for every route, and each step alone; what is false is noticed."""

import copy
import json
import pickle
import re
from dataclasses import replace
from itertools import product

import pytest
import sympy
from rich.console import Console
from sympy import GF, QQ
from sympy.polys.matrices import DomainMatrix

from exactflow import (
    CouplingFlow,
    explain,
    factor,
    interpolate,
    minimal_depth,
    permutation,
    random_matrix,
)
from exactflow.errors import InvalidInputError, VerificationError
from exactflow.explanation import Explanation
from exactflow.flows.evidence import Evidence
from exactflow.laws.gaussian import whiten
from exactflow.linear.factor import METHODS
from exactflow.linear.padding import zero_padding

DENSE = random_matrix(4, bits=3, seed=5)
SHEARED = sympy.Matrix([[1, 2, 0, 0], [0, 1, 0, 0], [1, 0, 1, 1], [0, 0, 0, 1]])
EXAMPLES = {
    "permutation": [
        (permutation([1, 2, 0, 3]), {}),
        (permutation([1, 2, 0, 4, 3]) * sympy.diag(-1, 1, 1, 1, 1), {}),
        (permutation([1, 2, 0]), {"partition": (2, 1)}),
        (permutation([1, 0, 2, 3]), {"orientation": "flip"}),
        (permutation([2, 3, 1, 0]), {"orientation": "pad"}),
        (sympy.diag(1, -1, -1, 1), {"partition": [0, 1, 0, 1]}),
        (sympy.eye(4), {}),
    ],
    "short": [(sympy.diag(2, 3), {}), ([[1, 2], [3, 7]], {"partition": [0, 1]})],
    "transvection": [
        (DENSE, {"orientation": "flip"}),
        (DENSE, {"orientation": "flip", "partition": [1, 0, 0, 1]}),
    ],
    "commutator": [
        (DENSE, {"orientation": "flip"}),
        (SHEARED, {}),
        (sympy.diag(2, 3, "1/2", "1/3"), {"partition": [1, 0, 1, 0]}),
    ],
    "partition": [
        (random_matrix(5, bits=2, seed=1), {"partition": (1, 4), "orientation": "flip"}),
        (sympy.diag(2, 3, 4, 5), {"partition": (3, 1)}),
        (2 * sympy.eye(6), {"partition": (2, 4)}),
        (2 * sympy.eye(5), {"partition": (3, 2)}),
    ],
    "hyperplane": [
        (random_matrix(5, bits=2, seed=1), {"orientation": "flip"}),
        (sympy.diag(2, 3, 4, 5, 7), {}),
        (sympy.diag(2, 3, 4), {"partition": (2, 1)}),
        (sympy.diag(-1, -1, 1, 1, 1), {"partition": [0, 1, 1, 0, 1]}),
    ],
}


@pytest.mark.parametrize(
    ("method", "M", "options"),
    [(method, *example) for method, examples in EXAMPLES.items() for example in examples],
)
def test_every_route(method, M, options):
    flow = factor(M, method=method, **options)
    explanation = flow.explain()
    assert explanation.result is flow
    assert explanation.evidence is Evidence.EXACT
    assert [step.rule for step in explanation.steps][:: len(explanation.steps) - 1] == [
        "blocks",
        "product",
    ]
    for step in explanation.steps:
        assert step.text
        assert step.is_valid()
    named = [explanation.steps[-1].after[f"l{k}"] for k in range(1, flow.depth + 1)]
    assert named == [layer.domain_matrix().to_dense() for layer in flow]


def test_each_route_has_examples():
    routes = {method for method in METHODS if method != "auto"}
    assert routes <= set(EXAMPLES)


def test_other_fields():
    F = GF(101)
    rows = [[F(i * j + i + 2) for j in range(4)] for i in range(4)]
    M = DomainMatrix(rows, (4, 4), F) + DomainMatrix.eye(4, F).to_dense()
    flow = factor(M, scales="nonzero")
    assert all(step.is_valid() for step in flow.explain().steps)
    root = sympy.Matrix([[1, sympy.sqrt(2)], [sympy.sqrt(2), 3]])
    assert explain(root).steps[-1].is_valid()


def test_a_false_step_is_noticed():
    *steps, last = explain(SHEARED, method="commutator").steps
    told = next(step for step in steps if "K" in step.after)
    wrong = replace(told, after={**told.after, "K": told.after["K"] * QQ(2)})
    assert not wrong.is_valid()
    with pytest.raises(VerificationError, match=r"^the identity .*K.* does not hold$"):
        wrong.check()
    with pytest.raises(VerificationError, match=r"step 2 \(commutator route\)"):
        Explanation.from_steps_after_checking("M", [last, wrong], None, Evidence.EXACT)


def test_displays():
    explanation = explain(SHEARED, method="commutator")
    text = str(explanation)
    assert "rank" in text
    assert "C' = [" in text
    assert "checked: P G K = G P" in text
    assert max(map(len, explanation.text(width=40).splitlines())) <= 60
    assert json.loads(explanation.json())["steps"][0]["after"]["M"][0][1] == "2"
    html = explanation._repr_html_()
    assert html.count("<details>") == len(explanation.steps)
    assert "script" not in html
    assert "None" not in html
    latex = explanation.latex()
    assert latex.count("\\item") == len(explanation.steps)
    assert latex.startswith("\\documentclass")
    assert explanation.markdown().count("$$") % 2 == 0
    console = Console(width=40, record=True, file=None)
    with console.capture() as captured:
        console.print(explanation)
    assert "checked" in captured.get()


def test_a_notebook_shows_formulas():
    assert explain([[1, 2], [3, 7]])._repr_latex_().split("\\\\$") == [
        r"$\displaystyle M = \begin{pmatrix} 1 & 2 \\ 3 & 7 \end{pmatrix}$",
        *[rf"\displaystyle {name} = {x}$" for name, x in zip("ABCD", (1, 2, 3, 7), strict=True)],
        r"\displaystyle \begin{pmatrix} A & B \\ C & D \end{pmatrix} = M$",
        r"\displaystyle l_{1} = \begin{pmatrix} 1 & 0 \\ 3 & 7 \end{pmatrix}$",
        r"\displaystyle l_{2} = \begin{pmatrix} \frac{1}{7} & \frac{2}{7} \\ 0 & 1 \end{pmatrix}$",
        r"\displaystyle l_{2} l_{1} = M$",
    ]


def test_the_traces_of_two_blocks_are_shown_and_compared():
    explanation = minimal_depth(sympy.diag(-1, -1, 1, 1)).explain()
    assert "checked: tr(D) != tr(a)\n" in str(explanation)
    assert "But their traces are $2$ and $-2$." in explanation.latex()


def test_large_matrices_show_a_corner():
    shown = str(explain(random_matrix(10, bits=8, seed=1), orientation="flip"))
    assert "10 x 10, up to" in shown
    assert len(shown) < 12_000
    html = explain(random_matrix(10, bits=8, seed=1), orientation="flip")._repr_html_()
    assert re.search(r"<small>[^<>]*10 x 10, up to [^<>]*begins:</small><table", html)


def test_a_narrow_text_shows_corners_of_wide_matrices():
    explanation = explain(random_matrix(6, bits=24, seed=1))
    for width in (40, 80, 200):
        assert max(map(len, explanation.text(width=width).splitlines())) <= width
    assert "begins:" in explanation.text(width=40)
    assert "  M = [" in explanation.text(width=200)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_copy_of_a_flow_explains_itself_as_the_flow_does(again):
    flow = factor(DENSE, orientation="flip", partition=[1, 0, 0, 1])
    assert again(flow) == flow
    assert again(flow).explain().text() == flow.explain().text()


@pytest.mark.parametrize("field", [GF(7), QQ.algebraic_field(sympy.sqrt(2)), QQ.frac_field("t")])
def test_another_field_than_the_rationals_is_named_at_once(field):
    M = DomainMatrix([[field(1), field(2)], [field(3), field(8)]], (2, 2), field)
    flow = factor(M, scales="nonzero")
    claim = f"M, over {field}, is the product of {flow.depth} couplings."
    explanation = flow.explain()
    assert explanation.claim == claim.replace("M", "`M`").replace(f"{field}", f"``{field}``")
    assert explanation.text(width=200).startswith(claim)
    html = re.sub("</?[bi]>", "", explanation._repr_html_())
    assert claim.rstrip(".") in html.replace("&lt;", "<").replace("&gt;", ">")
    assert f", over {field}" in str(flow).splitlines()[0]


def test_pads_are_named_at_once():
    claim = factor(permutation([2, 3, 1, 0]), orientation="pad").explain().claim
    assert claim.endswith(
        "`M` is your matrix with two pads, coordinates 2 and 5, which `M` swaps: without their "
        "rows and columns, `M` is your matrix."
    )


def test_a_claim_names_halves_and_flips():
    M = [[1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    points, images = [[0, 0, 1], [1, 0, 0]], [[1, 0, 0], [0, 1, 1]]
    ends = ". The halves have 3 and 1 coordinates."
    assert factor(M, partition=(3, 1)).explain().claim.endswith(ends)
    assert minimal_depth(M, partition=(3, 1)).explain().claim.endswith(ends)
    found = interpolate(points, images, partition=(2, 1)).explain()
    assert found.claim.endswith(". The halves have 2 and 1 coordinates.")
    masked = minimal_depth(M, partition=[1, 0, 1, 0]).explain()
    assert masked.claim == (
        "`M` takes exactly 4 additive layers. The first half has the coordinates [0, 2]."
    )
    flipped = factor([[1, 2], [3, 4]], orientation="flip").explain()
    assert flipped.text(width=200).startswith(
        "M is the product of 2 couplings. Coordinate 0 is negated first, since det(M) < 0."
    )
    assert "negated first, since $\\det\\left(M\\right) < 0$" in flipped.latex()
    assert factor(M).explain().claim == "`M` is the product of one coupling."


def test_one_letter_is_one_matrix():
    """The scale that carries the determinant is Delta; S is the Schur complement."""
    explanation = factor([[2, 1, 0, 1], [1, 3, 1, 0], [0, 1, 4, 1], [1, 1, 0, 5]]).explain()
    made = [name for step in explanation.steps for name in step.after]
    assert len(made) == len(set(made))
    assert {"Delta", "S"} <= set(made)
    assert "\\Delta" in explanation.latex()


def test_flows_that_were_not_derived():
    with pytest.raises(InvalidInputError, match="made from layers"):
        CouplingFlow(factor(SHEARED).layers).explain()
    with pytest.raises(InvalidInputError, match="at most 64 coordinates"):
        factor(permutation([*range(2, 66), 0, 1])).explain()


def test_numbers_of_any_length_are_written_as_json():
    """Python by itself writes integers of at most 4300 digits."""
    explanation = explain([[10**5000, 0], [1, 1]])
    told = json.loads(explanation.json())["steps"]
    assert told[0]["after"]["M"] == [["1" + "0" * 5000, "0"], ["1", "1"]]


def test_the_theorem_on_commutators_names_the_matrices_that_it_does_not_cover():
    """Half of the 2 x 2 matrices over GF(2) of determinant 1 are no commutators."""
    rows = product((GF(2).zero, GF(2).one), repeat=4)
    drawn = (DomainMatrix([[a, b], [c, d]], (2, 2), GF(2)) for a, b, c, d in rows)
    group = [M for M in drawn if M.det()]
    commutators = {str(P.inv() * Q.inv() * P * Q) for P in group for Q in group}
    assert (len(group), len(commutators)) == (6, 3)
    swap = DomainMatrix([[GF(2).zero, GF(2).one], [GF(2).one, GF(2).zero]], (2, 2), GF(2))
    told = str(explain(swap, method="commutator"))
    said = " ".join(told.split())
    assert "every matrix of determinant 1 is a commutator, except 2 x 2 matrices over GF(2)" in said


@pytest.mark.parametrize(
    "A", [[[0, 2], [1, 0]], [[2]], [[sympy.Symbol("A", positive=True)]], [[1, 2], [3, 4]]]
)
def test_zero_padding_explains_its_layers_for_all_n_and_on_the_matrix(A):
    explanation = zero_padding(A).explain()
    assert [step.rule for step in explanation.steps] == ["zero padding", "product"]
    assert explanation.steps[-1].text.startswith("l3 l2 l1 J = J A")
    doubled = {**explanation.steps[-1].after, "l1": explanation.steps[-1].after["l3"]}
    assert not replace(explanation.steps[-1], after=doubled).is_valid()


@pytest.mark.parametrize("partition", [None, (1, 2), [1, 0, 1]])
def test_whitening_explains_its_residual_in_the_coordinates_of_the_user(partition):
    Sigma = [[2, 1, 0], [1, 3, 1], [0, 1, 4]]
    result = whiten(Sigma, partition=partition)
    product, residual = result.explain().steps
    assert residual.after["Sigma"].to_Matrix() == sympy.Matrix(Sigma)
    assert residual.after["r"] == QQ.convert(result.error)
    assert product.after["Q"].to_Matrix() == result.flow.matrix()
    assert not replace(residual, after={**residual.after, "r": QQ(1)}).is_valid()
    assert result.explain().evidence is Evidence.CERTIFIED


def test_a_step_shows_itself_in_a_notebook_with_its_verdict():
    step = minimal_depth(sympy.diag(-1, -1, 1, 1)).explain().steps[1]
    html = step._repr_html_()
    assert "<b>holds</b>" in html
    assert '<td style="opacity: 0.3">0</td>' in html
    assert "<code>tr(D) != tr(a)</code>" in html
    wrong = replace(step, before={"M": step.before["M"] * QQ(2)})
    assert "<b>does not hold</b>" in wrong._repr_html_()


def test_claims_with_symbols_name_the_field_of_rational_functions_over_the_rationals():
    t = sympy.Symbol("t", positive=True)
    flow = factor(sympy.diag(t, 1 / t))
    assert flow.field.is_FractionField
    assert flow.explain().claim.startswith("`M`, over ``QQ(t)``, is the product")
    assert minimal_depth(sympy.diag(t, 1 / t)).explain().claim.startswith("`M`, over ``QQ(t)``,")
    assert ", over QQ(t)," in repr(flow)
