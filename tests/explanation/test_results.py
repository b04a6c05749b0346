"""Explanations of float layers, of flows under one mask, and of approximations."""

import re
from dataclasses import replace

import numpy as np
import pytest
import sympy
from sympy import GF, QQ
from sympy.polys.matrices import DomainMatrix

from exactflow import CouplingFlow, LinearCoupling, permutation, random_matrix
from exactflow.errors import InvalidInputError, VerificationError
from exactflow.exact.coerce import as_square_matrix
from exactflow.floats.balancing import balance
from exactflow.flows.nonlinear import PiecewiseCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.laws.universal import Atoms, Histogram, approximate
from exactflow.laws.universal.bound_steps import LARGEST_EXPLAINED
from exactflow.linear.masks import merge_masks

ROTATION = np.linalg.qr(np.random.default_rng(0).standard_normal((5, 5)))[0]
LAYER = LinearCoupling((2, 2), "second", [[1, 2], [3, 4]], [5, 6])
BENT = PiecewiseCoupling((2, 2), "second", PiecewiseLinear([0, 1], [[0, 1], [6, 2]]), scale="1/2")
SQUARE = Histogram([[2, 1], [0, 1]], ([0, 0], [1, 1]))


@pytest.mark.parametrize(
    ("matrix", "options"),
    [
        (ROTATION, {"orientation": "flip"}),
        (ROTATION, {"orientation": "pad"}),
        ([[2, 1], [1, 1]], {}),
        ([["1/3", 1, 0], [0, 1, 2], [1, 0, 1]], {"partition": [1, 0, 1], "orientation": "flip"}),
    ],
)
def test_float_layers_are_explained_by_their_product_and_both_errors(matrix, options):
    result = balance(matrix, **options)
    explanation = result.explain()
    assert [step.rule for step in explanation.steps] == ["product", "residual", "inverses"]
    product, residual, inverses = explanation.steps
    assert product.after["Q"] == result.flow.domain_matrix().to_dense()
    assert residual.after["r"] == QQ.from_sympy(result.error)
    assert inverses.after["s"] == QQ.from_sympy(result.inverse_difference_bound)
    if "pad" not in options.values():
        assert residual.after["M"] == as_square_matrix(matrix).to_dense()


def test_float_layers_without_a_bound_for_the_inverse_have_no_step_for_it():
    result = balance(np.diag([1e-150, 1e150, 1, 1]))
    assert result.inverse_difference_bound is sympy.oo
    assert [step.rule for step in result.explain().steps] == ["product", "residual"]


def test_other_float_layers_than_those_certified_are_refused():
    result, other = balance([[2, 1], [1, 1]]), balance([[3, 1], [2, 1]])
    with pytest.raises(VerificationError, match="residual"):
        replace(result, layers=other.layers).explain()


def merged():
    first = CouplingFlow([LAYER])
    yield merge_masks([first, CouplingFlow([LAYER], order=[0, 2, 1, 3])])
    yield merge_masks([first, random_matrix(4, bits=2, seed=1), first], mask=[0, 1, 0, 1])
    yield merge_masks([permutation([1, 0, 3, 2])])
    yield merge_masks([[[1, 0], [0, 1]]])
    one = LinearCoupling((1, 2), "first", [[1, 2]])
    other = LinearCoupling((1, 2), "second", [[1], [2]])
    yield merge_masks([CouplingFlow([one]), CouplingFlow([other], order=[2, 0, 1])])
    F = GF(7)
    matrix = DomainMatrix(
        [[F(i * j + i + 2 + (i == j)) for j in range(4)] for i in range(4)], (4, 4), F
    )
    yield merge_masks([matrix], mask=[1, 0, 0, 1])
    bent = PiecewiseFlow([BENT])
    turned = PiecewiseFlow([BENT], order=[0, 2, 1, 3])
    yield merge_masks([bent, turned, permutation([1, 0, 3, 2]), bent])


def test_flows_under_one_mask_are_explained_by_their_swaps():
    for flow in merged():
        explanation = flow.explain()
        assert explanation.result is flow
        assert explanation.steps[-1].rule in ("product", "points")
        for step in explanation.steps:
            if step.rule == "signed swap":
                (K,) = step.after.values()
                pairs = re.search(r"places of coordinates (.*), one of each", step.why)[1]
                assert K.nnz() == len(pairs.split(", "))


def test_another_flow_under_one_mask_is_refused():
    linear, *_, bent = merged()
    for flow in (linear, bent):
        with pytest.raises(VerificationError, match=r"step \d \((product|points)\) is wrong"):
            flow.derivation(flow.inverse())


def test_a_flow_made_from_piecewise_layers_has_no_construction_to_explain():
    with pytest.raises(InvalidInputError, match="made from given layers"):
        PiecewiseFlow([BENT]).explain()


W2 = [
    (Atoms([[0, 0], [1, 1]], ["1/3", "2/3"]), "1/10", {}),
    (Atoms([[0, 0], [1, 1], [0, 2]]), "1/10", {"layers": 3}),
    (Atoms([[1, 2, 3]]), 1, {}),
    (SQUARE, "1/5", {}),
    (SQUARE, "1/5", {"layers": 3}),
    (np.random.default_rng(0).standard_normal((20, 3)), "1/8", {"partition": (1, 2)}),
]


@pytest.mark.parametrize(("target", "eps", "options"), W2)
def test_each_term_of_a_w2_bound_is_a_step(target, eps, options):
    found = approximate(target, eps, **options)
    explanation = found.explain()
    construction, *terms, total = explanation.steps
    assert (construction.rule, total.rule) == ("construction", "bound")
    for step, (name, value) in zip(terms, found.terms._asdict().items(), strict=True):
        assert step.rule == name
        assert step.after[name] == QQ.from_sympy(value)


@pytest.mark.parametrize("layers", [2, 3])
@pytest.mark.parametrize("name", ["quantization", "weights", "noise", "ramps", "tails"])
def test_a_term_of_a_w2_bound_that_is_too_small_is_refused(name, layers):
    found = approximate(SQUARE, "1/5", layers=layers)
    smaller = found.terms._replace(**{name: getattr(found.terms, name) / 2})
    with pytest.raises(VerificationError, match=f"\\({name}\\)"):
        replace(found, terms=smaller).explain()


def test_moved_atoms_that_are_not_accounted_for_are_refused():
    found = approximate(Atoms([[0, 0], [1, 0], [0, 1], [1, 1]]), "1/10")
    assert found.terms.spread > 0
    with pytest.raises(VerificationError, match=r"\(spread\)"):
        replace(found, terms=found.terms._replace(spread=sympy.S.Zero)).explain()


def test_another_flow_than_the_construction_is_refused():
    found = approximate(SQUARE, "1/5")
    other = replace(found.parameters, delta=found.parameters.delta / 2)
    vars(found)["flow"] = other.build_flow()
    with pytest.raises(VerificationError, match=r"\(construction\)"):
        found.explain()


@pytest.mark.parametrize("options", [{}, {"layers": 3}, {"scales": "additive"}])
def test_the_terms_of_a_kl_bound_are_steps(options):
    found = approximate(SQUARE, "1/4", distance="KL", **options)
    assert [step.rule for step in found.explain().steps] == ["construction", "terms", "bound"]
    parts = [
        part._replace(terms=part.terms._replace(cells=part.terms.cells / 2)) for part in found.parts
    ]
    with pytest.raises(VerificationError, match=r"\(terms\)"):
        replace(found, parts=tuple(parts)).explain()


def test_approximations_with_too_many_atoms_are_not_explained():
    count = LARGEST_EXPLAINED + 1
    found = approximate(Atoms([[k, 0] for k in range(count)]), 1)
    with pytest.raises(InvalidInputError, match=f"has {count}"):
        found.explain()
