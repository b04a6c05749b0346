"""Tensors at every public function: weights, points, covariances are taken; vectors are refused."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from interop.modules import required  # noqa: E402

from exactflow import (  # noqa: E402
    approximate,
    balance,
    conv1x1,
    factor,
    interpolate,
    minimal_depth,
    to_module,
    whiten,
)
from exactflow.errors import InvalidInputError  # noqa: E402
from exactflow.floats.lossless import lossless  # noqa: E402
from exactflow.laws.conditioning import bound_conditioning  # noqa: E402
from exactflow.laws.universal import uniform  # noqa: E402
from exactflow.testing import assert_equal  # noqa: E402

W = torch.tensor([[2.0, 1.0], [0.5, 1.0]])
KERNEL = W[:, :, None, None]
KERNELS = {
    "tensor": KERNEL,
    "parameter": torch.nn.Parameter(KERNEL),
    "bfloat16": KERNEL.bfloat16(),
    "array": KERNEL.numpy(),
    "one axis less": KERNEL[..., 0],
}
POINTS = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", KERNELS)
def test_the_weight_of_a_1x1_convolution_is_its_matrix(name):
    kernel = KERNELS[name]
    assert_equal(factor(kernel), W.numpy())
    assert conv1x1(kernel) == conv1x1(W)
    assert str(minimal_depth(kernel)) == str(minimal_depth(W))
    assert balance(kernel).flow == balance(W.numpy()).flow
    assert lossless(kernel).flow == lossless(W.numpy()).flow


@pytest.mark.parametrize("shape", [(2, 2, 3, 3), (2, 2, 1, 3), (2, 2, 1, 1, 1)])
@pytest.mark.parametrize("function", [factor, conv1x1, minimal_depth, balance, lossless])
def test_larger_kernels_are_refused(function, shape):
    with pytest.raises(InvalidInputError, match="larger kernel is no linear map of the channels"):
        function(torch.ones(shape))


@pytest.mark.parametrize("form", [lambda x: x, lambda x: x.tolist(), lambda x: x.double()])
def test_points_and_covariances(form):
    points, array = form(POINTS), POINTS.double().numpy()
    assert approximate(points, 1).flow == approximate(array, 1).flow
    assert bound_conditioning(points, "0.1").lipschitz == bound_conditioning(array, "0.1").lipschitz
    covariance = POINTS.T @ POINTS
    mean = POINTS[0]
    found = whiten(form(covariance), mean=form(mean))
    assert found.flow == whiten(covariance.numpy(), mean=mean.numpy()).flow
    assert (found.bias == whiten(covariance.numpy(), mean=mean.numpy()).bias).all()


@pytest.mark.parametrize("points", [torch.eye(2), [[1, 0], [0, 1]]])
def test_symmetric_tensors_and_lists_may_be_either(points):
    with pytest.raises(InvalidInputError, match="could be either"):
        bound_conditioning(points, "0.1")


FLOWS = {
    "factor": lambda: factor(W.numpy()),
    "balance": lambda: balance(W.numpy()),
    "whiten": lambda: whiten(np.diag([1.0, 2.0])),
    "whiten, mean": lambda: whiten(np.diag([1.0, 2.0]), mean=[1, 2]),
    "interpolate": lambda: interpolate([[0, 0], [1, 2]], [[1, 1], [3, 2]]),
    "layer": lambda: factor(W.numpy()).layers[0],
}


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.parametrize("x", [torch.ones(2), torch.ones(2, 5), torch.ones(2, dtype=torch.long)])
def test_flows_refuse_tensors_and_name_what_takes_them(name, x):
    flow = FLOWS[name]()
    for run in (flow, flow.forward, flow.backward):
        with pytest.raises(InvalidInputError, match=r"map it by exactflow\.to_module\(flow\)"):
            run(x)


ROWS = [np.ones((5, 2)), np.ones((5, 2), int), [[1, 2]] * 5, [[1.5, 2]] * 5]


@pytest.mark.parametrize("name", ["factor", "balance", "whiten", "interpolate", "layer"])
@pytest.mark.parametrize("rows", ROWS)
def test_rows_in_the_place_of_columns(name, rows):
    with pytest.raises(InvalidInputError, match="transpose it"):
        FLOWS[name]()(rows)


@pytest.mark.parametrize("x", [np.ones((3, 3)), np.ones(3), [1.0, 2.0, 3.0], np.ones((3, 2, 2))])
def test_no_transpose_is_advised_where_it_does_not_help(x):
    with pytest.raises(InvalidInputError) as raised:
        factor(W.numpy())(x)
    assert "transpose" not in str(raised.value)


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_masks_and_sizes_may_be_tensors(dtype):
    mask = torch.tensor([1, 0, 1], dtype=dtype)
    assert factor(np.eye(3), partition=mask).order == (0, 2, 1)
    assert factor(np.eye(3), partition=torch.tensor([2, 1])).partition == (2, 1)
    with pytest.raises(InvalidInputError, match="expected a dense tensor with entries"):
        factor(np.eye(3), partition=mask.to_sparse())


@pytest.mark.parametrize("name", ["factor", "balance", "whiten"])
def test_flows_are_no_arrays(name):
    flow = FLOWS[name]()
    with pytest.raises(TypeError, match="is not an array"):
        np.asarray(flow)
    with pytest.raises(TypeError, match="is not an array"):
        np.asarray(flow, dtype=float)
    for other in (np.eye(2), torch.eye(2), [[1, 0], [0, 1]]):
        with pytest.raises(TypeError, match=f"factors of @, got {type(flow).__name__} and "):
            flow @ other
    for other in (np.eye(2), torch.eye(2)):
        with pytest.raises(TypeError):
            other @ flow
    assert (flow == np.eye(2)) is False


@pytest.mark.parametrize("distance", ["W2", "KL"])
def test_results_of_approximate_are_refused_as_modules_with_the_reason(distance):
    target = uniform([0, 0], [1, 1]) if distance == "KL" else POINTS
    found = approximate(target, 1, distance=distance)
    for flow in (found, found.flow):
        words = f"got {type(flow).__name__}, which has piecewise layers: modules are built"
        with pytest.raises(InvalidInputError, match=words):
            to_module(flow)


BATCHES = {
    "one vector": (torch.ones(2), r"got \(2,\): pass one vector as x\[None\]"),
    "columns": (torch.ones(2, 5), "transpose it, since modules take vectors as rows"),
    "channels last": (torch.ones(5, 4, 2), "move the channels to axis 1"),
    "a number": (torch.ones(()), r"got \(\)$"),
    "another size": (torch.ones(5, 3), r"got \(5, 3\)$"),
    "an array": (np.ones((5, 2)), "expected a tensor, got ndarray"),
}


@pytest.mark.parametrize("x", [torch.ones(5, 3), torch.ones(4, 5, 3), torch.ones(()), [1.0, 2.0]])
def test_zuko_refuses_vectors_of_another_size(x):
    pytest.importorskip("zuko")
    transform = to_module(factor(W.numpy()), library="zuko")()
    for run in (transform, transform.inv):
        with pytest.raises(InvalidInputError, match=r"expected a (batch of shape|tensor)"):
            run(x)


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("library", ["torch", "normflows", "nflows", "glasflow", "freia"])
def test_modules_refuse_other_batches_than_rows(name, library):
    required(library)
    module = to_module(factor(W.numpy()), library=library)
    x, words = BATCHES[name]
    runs = (
        [module, lambda x: module(x, rev=True)] if library == "freia" else [module, module.inverse]
    )
    for run in runs:
        with pytest.raises(InvalidInputError, match=words):
            run([x] if library == "freia" else x)


@pytest.mark.parametrize("image", [3, (2,), (2, "a"), (0, 2), (2, -1), (2, 1.5), "ab"])
def test_sizes_of_images_are_two_positive_integers(image):
    with pytest.raises(InvalidInputError, match="expected two positive integers as image="):
        to_module(factor(W.numpy()), image=image)
