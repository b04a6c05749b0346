"""Flows as bijections of flowjax: the same numbers as in PyTorch, certified in JAX's floats."""

import warnings

import numpy as np
import pytest
from interop.modules import library

from exactflow import balance, factor, permutation, whiten
from exactflow.errors import InvalidInputError
from exactflow.interop import libraries, linear_map, to_module
from exactflow.interop.roundoff import rounding_error_bound

jax = library("jax")
library("flowjax")
torch = pytest.importorskip("torch")

import equinox as eqx  # noqa: E402
import flowjax.bijections as fb  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from flowjax.distributions import StandardNormal, Transformed  # noqa: E402

W = np.random.default_rng(1).standard_normal((5, 5))
GRAM = W @ W.T + np.eye(5)

FLOWS = {
    "permutation": lambda: (factor(permutation([2, 0, 1, 3])), {}),
    "odd, balanced": lambda: (balance(W, orientation="flip"), {}),
    "scaled, with a bias": lambda: (factor([[2, 1], [1, 3]]), {"bias": [1, -2]}),
    "whitening": lambda: (whiten(GRAM), {}),
    "identity": lambda: (factor(permutation([0, 1])), {}),
    "large entries": lambda: (factor([[1, 10**5], [0, 1]]), {"accept_error": 1}),
}


@pytest.fixture(params=[False, True])
def dtype(request):
    """Run a test in each of JAX's types of floats."""
    context = getattr(jax, "enable_x64", None)
    if context is None:
        from jax.experimental import enable_x64 as context
    with context(request.param):
        yield np.float64 if request.param else np.float32


@pytest.mark.parametrize("name", FLOWS)
def test_the_same_as_in_pytorch(name, dtype):
    flow, options = FLOWS[name]()
    options = {"accept_error": 1e-4} | options
    module, other = to_module(flow, library="flowjax", **options), to_module(flow, **options)
    x = np.random.default_rng(2).uniform(-1, 1, module.shape).astype(dtype)
    x /= abs(x).sum()
    with torch.no_grad():
        expected, log_det = other(torch.tensor(x).double()[None])
    y, found = module.inverse_and_log_det(jnp.asarray(x))
    back, reverse = module.transform_and_log_det(y)
    assert y.dtype == back.dtype == dtype
    exact = flow.flow if hasattr(flow, "evidence") else flow
    bound = float(rounding_error_bound(exact, dtype=dtype) * max(map(abs, exact.matrix())))
    slack = bound + 4 * np.finfo(dtype).eps * float(abs(expected).max())
    assert abs(np.asarray(y, float) - expected.numpy()[0]).max() <= slack
    assert float(found) == pytest.approx(float(log_det[0]), abs=1e-5)
    assert float(reverse) == pytest.approx(-float(found), abs=1e-5)
    assert np.allclose(back, x, atol=1e-2 if name == "large entries" else 1e-4)


def test_the_error_is_that_of_the_type_that_runs(dtype):
    flow = balance(W, orientation="flip")
    if dtype is np.float64:
        to_module(flow, library="flowjax")
    else:
        with pytest.raises(InvalidInputError, match="in float32 may reach") as caught:
            to_module(flow, library="flowjax", accept_error=1e-6)
        assert "jax_enable_x64" in str(caught.value)
        assert "balance" not in str(caught.value)
    large = factor([[1, 2**200], [0, 1]])
    if dtype is np.float32:
        with pytest.raises(InvalidInputError, match="beyond the range of float32"):
            to_module(large, library="flowjax", accept_error=np.inf)


@pytest.mark.parametrize("d", [2, 8, 32])
def test_balanced_rotations_need_no_options(d, dtype):
    turn = np.linalg.qr(np.random.default_rng(d).standard_normal((d, d)))[0]
    to_module(balance(turn, orientation="flip"), library="flowjax")


@pytest.mark.parametrize("seed", range(4))
def test_the_bound_in_float32_holds(seed):
    rng = np.random.default_rng(seed)
    d = int(rng.integers(2, 9))
    flow = factor(
        (rng.integers(-9, 10, (d, d)) + 20 * np.eye(d, dtype=int)).tolist(), orientation="flip"
    )
    bound = float(rounding_error_bound(flow, dtype=np.float32) * max(map(abs, flow.matrix())))
    module = to_module(flow, library="flowjax", accept_error=np.inf)
    exact = np.array(flow.matrix().tolist(), dtype=float)
    columns = np.eye(d) * rng.choice([-1, 1], d)
    for x in columns.T:
        y = module.inverse(jnp.asarray(x, jnp.float32))
        assert abs(np.asarray(y, float) - exact @ x).max() <= bound
    assert rounding_error_bound(flow) < rounding_error_bound(flow, dtype=np.float32)


@pytest.mark.slow  # XLA compiles
def test_what_is_trained():
    flow = factor([[2, 1, 0], [1, 3, 1], [0, 1, 1]])
    module = to_module(flow, library="flowjax", accept_error=1e-4)
    model = Transformed(StandardNormal((3,)), fb.Chain([module, fb.Loc(jnp.zeros(3))]))
    x = jnp.asarray(np.random.default_rng(3).standard_normal((50, 3)), jnp.float32)

    @eqx.filter_jit
    @eqx.filter_value_and_grad
    def loss(model):
        return -model.log_prob(x).mean()

    before, _ = loss(model)
    for _ in range(20):
        value, gradient = loss(model)
        model = eqx.apply_updates(model, jax.tree.map(lambda g: -1e-6 * g, gradient))
    assert value < before
    pairs = zip(module.bijection, model.bijection[0].bijection, strict=True)
    scaled = [pair for pair in pairs if getattr(pair[0], "scale", None) is not None]
    for old, new in scaled:
        assert not jnp.array_equal(old.log_gain, new.log_gain)
    assert scaled
    y = model.bijection.inverse(x[0])
    assert jnp.allclose(model.bijection.transform(y), x[0], atol=1e-3)


@pytest.mark.slow
def test_compiled_and_batched():
    module = to_module(balance(W, orientation="flip"), library="flowjax", accept_error=1e-4)
    x = jnp.asarray(np.random.default_rng(4).standard_normal((7, 5)), jnp.float32)
    y = jax.jit(jax.vmap(module.inverse))(x)
    assert jnp.allclose(y, jnp.stack([module.inverse(row) for row in x]), atol=1e-5)
    jacobian = jax.jacobian(module.inverse)(x[0])
    _, log_det = module.inverse_and_log_det(x[0])
    assert float(jnp.linalg.slogdet(jacobian)[1]) == pytest.approx(float(log_det), abs=1e-4)


def test_models_are_written_and_not_read():
    assert not libraries.load_library("flowjax").readers


def test_what_is_refused():
    with pytest.raises(InvalidInputError, match="modules of flowjax take vectors only"):
        to_module(factor([[2, 1], [1, 1]]), library="flowjax", image=(2, 2))
    module = to_module(factor(permutation([1, 2, 0])), library="flowjax", accept_error=1e-4)
    with pytest.raises(InvalidInputError, match="modules of flowjax are not read"):
        linear_map(module)


def test_saved_and_loaded(tmp_path):
    module = to_module(factor([[2, 1], [1, 3]]), library="flowjax", bias=[1, 2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        eqx.tree_serialise_leaves(tmp_path / "m.eqx", module)
        again = to_module(factor([[3, 1], [1, 4]]), library="flowjax", bias=[0, 0])
        again = eqx.tree_deserialise_leaves(tmp_path / "m.eqx", again)
    x = jnp.asarray([1.0, -3.0])
    assert jnp.array_equal(module.inverse(x), again.inverse(x))
