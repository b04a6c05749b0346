"""What fails is named by entry, expected and derived; what holds passes."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given
from sympy import GF, ZZ, diag
from sympy.polys.matrices import DomainMatrix

from exactflow import CouplingFlow, LinearCoupling, cayley_rotation, factor, permutation, to_module
from exactflow.errors import InvalidInputError, UndecidedClaimError
from exactflow.interop.libraries import PACKAGES
from exactflow.proving.strategies import flows
from exactflow.testing import assert_depth, assert_equal, assert_invertible, assert_within

SHEAR = CouplingFlow([LinearCoupling((1, 1), "first", [[2]])])


@given(flows())
def test_a_flow_is_what_it_is(flow):
    assert_equal(flow, flow.matrix())
    assert_within(flow, flow.matrix(), 0)
    assert_invertible(flow, list(range(flow.dimension)))


@pytest.mark.parametrize("way", [assert_equal, lambda M, N: assert_within(M, N, "1/3")])
@pytest.mark.parametrize(
    ("derived", "expected", "words"),
    [
        (SHEAR, [[1, 2], [0, 5]], r"expected 5 at entry \(1, 1\).*derived 1"),
        ([[1, 2], [0, 5]], SHEAR, r"expected 1 at entry \(1, 1\).*derived 5"),
        (SHEAR, [[1, 2.5], [0, 1]], r"expected 5/2 at entry \(0, 1\).*derived 2"),
        (np.eye(2), [[1, 10**5000], [0, 1]], r"expected 1000.*\(5001 characters\).*derived 0"),
        (np.eye(3), np.eye(2), "expected a 2 x 2 matrix, derived a 3 x 3 one"),
    ],
)
def test_what_differs(way, derived, expected, words):
    with pytest.raises(AssertionError, match=words):
        way(derived, expected)


def test_other_fields():
    M = DomainMatrix([[GF(7)(1), GF(7)(3)], [GF(7)(0), GF(7)(1)]], (2, 2), GF(7))
    assert_equal(factor(M), M)
    root = sympy.sqrt(2)
    with pytest.raises(AssertionError, match=r"expected sqrt\(2\) at entry \(0, 1\), derived 1"):
        assert_equal([[1, 1], [0, 1]], [[1, root], [0, 1]])
    with pytest.raises(InvalidInputError, match="over QQ"):
        assert_within([[1, root], [0, 1]], [[1, root], [0, 1]], 1)


def test_a_permutation_of_many_coordinates():
    M = permutation(range(299, -1, -1))
    assert_equal(factor(M), M)


def test_within():
    assert_within([[0.1]], [["0.1"]], 1e-17)
    with pytest.raises(AssertionError, match=r"the largest difference is 3, at entry \(1, 0\)"):
        assert_within([[0, 2], [3, 0]], [[0, 0], [0, 0]], Fraction(3, 2))
    for bound in ("-1", "nonsense", float("nan")):
        with pytest.raises(InvalidInputError):
            assert_within([[0]], [[0]], bound)


def test_depth():
    assert_depth(diag(-1, -1, 1, 1), 6)
    assert_depth(SHEAR, 1)
    assert_depth([[2, 0], [0, 1]], 1, scales="positive")
    with pytest.raises(AssertionError) as raised:
        assert_depth(diag(-1, -1, 1, 1), 5)
    assert str(raised.value).splitlines() == [
        "expected exactly 5 layers, derived exactly 6 additive layers",
        "not ULULU: C = 0, and D and a have different traces",
        "not LULUL: B = 0, and A and d have different traces",
    ]


def test_a_depth_that_is_not_decided_is_not_called_false():
    t = sympy.Symbol("t")
    M = [[t, 0], [0, 1 / t]]
    with pytest.raises(UndecidedClaimError, match="exactly 4 layers, derived from 2 to 4 layers"):
        assert_depth(M, 4, scales="positive")
    with pytest.raises(AssertionError, match="exactly 1 layers, derived from 2 to 4 layers"):
        assert_depth(M, 1, scales="positive")


class Forgetful(CouplingFlow):
    """A flow that loses the second coordinate."""

    def forward(self, x):
        return super().forward([x[0], 0])


def test_exact_numbers_come_back_exactly():
    assert_invertible(factor(cayley_rotation([[0, 1], [-1, 0]])), [["1/3", 1], [2, 10**40]])
    forgetful = Forgetful([LinearCoupling((1, 1), "first", [[2]])])
    with pytest.raises(AssertionError, match=r"expected 3 at entry \(1,\), derived 0"):
        assert_invertible(forgetful, [1, 3])


@pytest.mark.parametrize("bad", [lambda y: y + 1e-3, lambda y: y * np.nan, lambda y: y[:1]])
def test_floats_come_back_nearly(bad):
    class Module:
        def __call__(self, x):
            return 2 * x, 0

        def inverse(self, y):
            return self.back(y / 2), 0

    module, x = Module(), np.array([[1.0, 2.0], [3.0, 4.0]])
    module.back = lambda y: y * (1 + 1e-9)
    assert_invertible(module, x)
    with pytest.raises(AssertionError, match=r"entry \(0, 1\)"):
        assert_invertible(module, x, tol=1.5e-9 / 4)
    module.back = bad
    with pytest.raises(AssertionError):
        assert_invertible(module, x)


@pytest.mark.parametrize("library", ["torch", "normflows", "nflows", "glasflow", "freia", "zuko"])
def test_modules_of_every_library(library):
    torch = pytest.importorskip("torch")
    pytest.importorskip(PACKAGES[library])
    flow = factor(cayley_rotation([[0, 1, 0, 2], [-1, 0, 1, 0], [0, -1, 0, 0], [-2, 0, 0, 0]]))
    made = to_module(flow, library=library)
    module = made() if library == "zuko" else made
    x = torch.arange(8, dtype=torch.float64).reshape(2, 4) / 3
    assert_invertible(module, x)
    with torch.no_grad():
        next(made.parameters()).mul_(torch.nan)
    with pytest.raises(AssertionError, match="x does not come back"):
        assert_invertible(module, x)


@pytest.mark.parametrize("bound", [float("nan"), -1.0, None, "1e-6"])
@pytest.mark.parametrize("name", ["tol", "log_det_tol", "draw_tol"])
def test_bounds_are_numbers(name, bound):
    with pytest.raises(InvalidInputError, match=rf"expected a number >= 0 as {name}=\.\., got"):
        assert_invertible(factor([[1, 2], [0, 1]]), [1.0, 2.0], **{name: bound})


def test_log_determinants_and_draws_of_modules():
    torch = pytest.importorskip("torch")

    class Layer(torch.nn.Module):
        claims = (1, 1)
        least = -9.0

        def forward(self, x):
            return 2 * x, self.claims[0] * torch.tensor(2.0).log() * x.shape[1]

        def inverse(self, y):
            x = torch.where(y < self.least, torch.nan, y / 2)
            return x, -self.claims[1] * torch.tensor(2.0).log() * y.shape[1]

    layer, x = Layer(), torch.ones(3, 2)
    assert_invertible(layer, x)
    for claims, name in (((0, 1), "log-determinant"), ((1, -1), "inverse's log-determinant")):
        layer.claims = claims
        with pytest.raises(AssertionError) as raised:
            assert_invertible(layer, x)
        assert str(raised.value).startswith(f"the model (Layer): {name} off by")
        assert "inverse off by" in str(raised.value)
    assert_invertible(layer, x, log_det_tol=3)
    layer.claims, layer.least = (1, 1), -2.0
    assert_invertible(layer, x, draws=0)
    with pytest.raises(AssertionError, match=r"draws off by inf, above 0\.001"):
        assert_invertible(layer, x)


def test_matrices_over_gf_p_compare_with_integers():
    mod_5 = DomainMatrix([[GF(5)(1), GF(5)(2)], [GF(5)(0), GF(5)(1)]], (2, 2), GF(5))
    assert_equal(mod_5, [[6, 2], [0, -4]])
    assert_equal(factor(mod_5), [[1, 2], [0, 1]])
    assert_equal([["1/3", 0], [0, 1]], [["1/3", 0], [0, 1]])
    with pytest.raises(AssertionError, match=r"expected -2 at entry \(0, 1\)"):
        assert_equal(mod_5, [[1, 3], [0, 1]])
    with pytest.raises(InvalidInputError, match="no field contains all of them"):
        assert_equal(mod_5, mod_5.convert_to(ZZ).convert_to(GF(7)))
    with pytest.raises(InvalidInputError, match="over QQ"):
        assert_within(mod_5, [[1, 2], [0, 1]], 0)
    with pytest.raises(InvalidInputError, match="expected the argument n to be an integer"):
        assert_depth([[1, 2], [0, 1]], "1")


def test_numbers_come_back_as_what_they_are():
    assert_invertible(factor([[1, 2], [0, 1]]), [mpmath.mpf(1) / 3, mpmath.mpf(2)])
    mod_5 = DomainMatrix([[GF(5)(1), GF(5)(2)], [GF(5)(0), GF(5)(1)]], (2, 2), GF(5))
    assert_invertible(factor(mod_5), [7, -1])
    assert_invertible(factor(mod_5), [1, "-1/2"])
    forgetful = Forgetful([LinearCoupling((1, 1), "first", [[2]])])
    with pytest.raises(AssertionError, match="x does not come back"):
        assert_invertible(forgetful, [mpmath.mpf(1), mpmath.mpf(3)])
    for module in (None, lambda x: x):
        with pytest.raises(InvalidInputError, match="expected a flow, or a module that can be"):
            assert_invertible(module, [1.0])
