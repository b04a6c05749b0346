"""What converted models are for: export of the sampling direction; and how long it takes."""

import time

import pytest
import torch
from interop.modules import data, in_onnxruntime, library
from torch import nn

from exactflow.interop import convert


class Sampling(nn.Module):
    """The direction of a Glow that draws images."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, z):
        """Return images."""
        return self.model(z)


def glow(blocks: int, channels: int = 12, lu: bool = True, hidden: int = 16):
    nf = library("normflows")
    torch.manual_seed(0)
    flows = [
        nf.flows.GlowBlock(channels, hidden, use_lu=lu, init_zeros=False) for _ in range(blocks)
    ]
    model = nf.NormalizingFlow(None, flows)
    with torch.no_grad():
        model.inverse(data(4, channels, 4, 4))  # the first data, for ActNorm
    return model.eval()


@pytest.mark.parametrize("lu", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.filterwarnings("ignore:torch.lu is deprecated")
def test_sampling_from_a_glow_is_exported_after_convert_only(lu):
    pytest.importorskip("onnx")
    model, z = glow(1, lu=lu), data(3, 12, 4, 4)
    with pytest.raises(torch.onnx.errors.OnnxExporterError):
        in_onnxruntime(Sampling(model), z, ["data"])
    for by in ("couplings", "inverse"):
        new, report = convert(model, z, by=by)
        assert [len(layer.merged) for layer in report.layers] == [1]
        run = in_onnxruntime(Sampling(new), z, ["data"])
        for n in (3, 7):
            z = data(n, 12, 4, 4)
            with torch.no_grad():
                assert torch.allclose(run(z)[0], model(z), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:torch.lu is deprecated")
def test_sampling_from_a_glow_is_a_graph_of_torch_export_after_convert_only():
    model, z = glow(1), data(3, 12, 4, 4)
    sizes = ({0: torch.export.Dim("n")},)
    with pytest.raises(Exception, match="data-dependent"):
        torch.export.export(Sampling(model), (z,), dynamic_shapes=sizes)
    new, _ = convert(model, z)
    program = torch.export.export(Sampling(new), (z,), dynamic_shapes=sizes).module()
    z = data(7, 12, 4, 4)
    with torch.no_grad():
        assert torch.allclose(program(z), model(z), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_newer_exporter_to_onnx(tmp_path):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    new, _ = convert(glow(1), data(3, 12, 4, 4))
    sizes = ({0: torch.export.Dim("n")},)
    program = torch.onnx.export(
        Sampling(new), (data(3, 12, 4, 4),), dynamo=True, dynamic_shapes=sizes, verbose=False
    )
    program.save(str(tmp_path / "glow.onnx"))
    session = runtime.InferenceSession(tmp_path / "glow.onnx", providers=["CPUExecutionProvider"])
    z = data(7, 12, 4, 4)
    (x,) = session.run(None, {session.get_inputs()[0].name: z.numpy()})
    with torch.no_grad():
        assert torch.allclose(torch.tensor(x), new(z), rtol=1e-4, atol=1e-4)


def test_a_linear_layer_of_a_spline_flow_is_exported_after_convert_only():
    pytest.importorskip("onnx")
    flows = library("normflows.flows")
    model, z = (
        library("normflows").NormalizingFlow(None, [flows.LULinearPermute(6, False)]),
        data(3, 6),
    )
    with pytest.raises(torch.onnx.errors.OnnxExporterError):
        in_onnxruntime(Sampling(model), z, ["data"])
    run = in_onnxruntime(Sampling(convert(model, z)[0]), z, ["data"])
    with torch.no_grad():
        assert torch.allclose(run(data(7, 6))[0], model(data(7, 6)), atol=1e-4)


@pytest.mark.filterwarnings("ignore:torch.lu is deprecated")
def test_a_glow_of_twelve_blocks_takes_less_than_three_seconds():
    model, x = glow(12), data(4, 12, 4, 4)
    convert(glow(1), x)  # SciPy is imported
    start = time.process_time()
    _, report = convert(model, x)
    assert time.process_time() - start < 3
    assert [len(layer.merged) for layer in report.layers] == [1] * 12
