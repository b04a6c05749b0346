"""Build, bound and evaluate approximations of the unit square with many atoms.

python -m pytest tests/benchmarks/bench_universal.py
"""

import numpy as np
import pytest
from flint import arb, ctx
from sympy import QQ

from exactflow.flows.nonlinear import PiecewiseFlow
from exactflow.laws.universal import GaussianMixture, approximate, uniform
from proofs.constructions.well_conditioned import approximate_well
from proofs.constructions.well_conditioned.flow_plan import FlowPlan
from proofs.constructions.well_conditioned.line_laws import as_line_law

EPSILONS = {1_000: "1/40", 10_000: "1/120", 100_000: "1/384"}
SQUARE = uniform([0, 0], [1, 1])


@pytest.fixture(params=EPSILONS, scope="module")
def found(request):
    return approximate(SQUARE, EPSILONS[request.param])


@pytest.mark.parametrize("atoms", EPSILONS)
def test_build(benchmark, atoms):
    benchmark.pedantic(approximate, (SQUARE, EPSILONS[atoms]), rounds=1)


def test_bound(benchmark, found):
    def bound():
        with ctx.workprec(found.precision):
            return found.parameters.bound_w2(arb(0))

    benchmark.pedantic(bound, rounds=1)


def test_layers(benchmark, found):
    benchmark.pedantic(found.parameters.build_flow, rounds=1)


def test_floats(benchmark, found):
    points = np.random.default_rng(0).standard_normal((2, 100_000))
    found.flow.forward(points[:, :1])
    benchmark.pedantic(found.flow.forward, (points,), rounds=3)


def test_rational_point(benchmark, found):
    benchmark(found.flow.forward, ["1/3", "1/7"])


TWO = GaussianMixture(["-3/2", "3/2"], "3/5")
PAIRS = 249  # 999 additive layers


@pytest.fixture(scope="module")
def plan():
    with ctx.workprec(96):
        return FlowPlan.of(as_line_law(TWO), QQ(1, 200), QQ(5), pad=False)


def test_well_conditioned_search(benchmark):
    benchmark.pedantic(approximate_well, (TWO,), {"condition": 5, "eps": "1/20"}, rounds=1)


def test_well_conditioned_bound(benchmark, plan):
    """In the units of data; the time is that of 250 pairs and all cells."""

    def bound():
        with ctx.workprec(96):
            return plan.error(plan.path(PAIRS))

    benchmark.pedantic(bound, rounds=3)


def test_well_conditioned_floats(benchmark, plan):
    with ctx.workprec(96):
        flow = PiecewiseFlow(plan.path(PAIRS).layers())
    points = np.random.default_rng(0).standard_normal((2, 100_000))
    flow.forward(points[:, :1])
    benchmark.pedantic(flow.forward, (points,), rounds=3)
