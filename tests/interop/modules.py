"""What the tests of modules share: libraries, and both directions of a module in their words."""

import io
import warnings

import pytest
import torch

from exactflow.interop import LIBRARIES
from exactflow.interop.libraries import PACKAGES

OF_TORCH = [name for name in LIBRARIES if name != "flowjax"]
"""The libraries of modules of PyTorch."""


def data(*shape):
    """Draw data, the same in each test."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def linear(d: int = 4, **options):
    """Make a linear layer, the same in each test."""
    torch.manual_seed(d)
    return torch.nn.Linear(d, d, **options)


def directions(module, library: str):
    """Return x -> (y, log_det) and y -> (x, log_det) of what `to_module` returns."""
    if library == "normflows":
        return module.inverse, module.forward
    if library == "freia":
        return lambda x: _single(module([x])), lambda y: _single(module([y], rev=True))
    if library == "zuko":
        return module().call_and_ladj, module().inv.call_and_ladj
    return module.forward, module.inverse


def _single(result):
    (y,), log_det = result
    return y, log_det


def library(name: str):
    """Import a library, or skip."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


def required(name: str):
    """Import the library that `to_module` calls so, or skip."""
    return library(PACKAGES[name])


def onnx_session(module, x, names, dynamo=False):
    """Export a module to ONNX with any number of rows; return onnxruntime's session for it."""
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    if dynamo:
        pytest.importorskip("onnxscript")
        free = {"dynamic_shapes": ({0: torch.export.Dim("n")},)}
    else:
        free = {"dynamic_axes": {name: {0: "n"} for name in ("x", *names)}}
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter of TorchScript is on its way out
        torch.onnx.export(
            module,
            (x,),
            buffer,
            dynamo=dynamo,
            opset_version=18,
            input_names=["x"],
            output_names=names,
            **free,
        )
    return runtime.InferenceSession(buffer.getvalue(), providers=["CPUExecutionProvider"])


def in_onnxruntime(module, x, names):
    """Return an exported module as a function of tensors."""
    session = onnx_session(module, x, names)
    return lambda x: [torch.tensor(y) for y in session.run(None, {"x": x.numpy()})]


def descend(loss, module, rate: float):
    """Take a step of gradient descent."""
    parameters = list(module.parameters())
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                parameter -= rate * gradient
