"""What `convert` keeps, reports and refuses; and what its models are for: export of sampling."""

import json
import time
import warnings
from fractions import Fraction

import numpy as np
import pytest
from interop.modules import descend, in_onnxruntime, library

from exactflow import checker
from exactflow.errors import InvalidInputError, MethodError

torch = pytest.importorskip("torch")

from exactflow.interop import convert  # noqa: E402

nn = torch.nn

from exactflow.interop.modules.flow import MergedAway  # noqa: E402
from exactflow.interop.modules.layers import SparseCoupling  # noqa: E402


def linear(d: int = 4, **options):
    torch.manual_seed(d)
    return nn.Linear(d, d, **options)


def data(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


class Turned(nn.Module):
    """A class that nobody knows: channels turned and shifted."""

    def __init__(self, d: int, power: int = 1):
        super().__init__()
        self.W = nn.Parameter(torch.linalg.qr(data(d, d))[0])
        self.power = power

    def forward(self, x):
        """Return the image, and a log-determinant for each member."""
        y = torch.einsum("ij,nj...->ni...", self.W, x) ** self.power + 1
        return y, x.new_zeros(len(x))

    def inverse(self, y):
        """Return the preimage, likewise."""
        return torch.einsum("ij,ni...->nj...", self.W, y - 1), y.new_zeros(len(y))


class Chain(nn.Module):
    """A user's own model."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.net = nn.Sequential(nn.Linear(3, 3))

    def forward(self, x):
        """Return the image."""
        for layer in self.layers:
            x = layer(x)
            x = x[0] if isinstance(x, tuple) else x
        return x


@pytest.mark.parametrize("shape", [(5, 3), (5, 3, 2, 2)])
def test_unknown_modules_are_left_alone_unless_vouched_for(shape):
    model, x = Chain(Turned(3), Turned(3, power=3), nn.ReLU()), data(*shape)
    for options in ({}, {"only": ["layers.*"]}):
        with pytest.raises(InvalidInputError, match=r"2 Turned \(not known.*ReLU"):
            convert(model, x, **options)
    new, report = convert(model, x, only="layers.0")
    (layer,) = report.layers
    assert (layer.path, layer.evidence) == ("layers.0", "probed")
    assert "certified" not in report.table() + report.to_html()
    assert "probed within" in str(report)
    with pytest.raises(InvalidInputError, match="read to certify"):
        layer.certificate()
    assert torch.allclose(new(x), model(x), atol=1e-4)
    y, log_det = new.layers[0](x)
    back, inverse = new.layers[0].inverse(y)
    assert torch.allclose(back, x, atol=1e-5)
    assert log_det.shape == inverse.shape == (5,)
    with pytest.raises(InvalidInputError, match="no example that it meets"):
        convert(model, only="layers.0")
    with pytest.raises(InvalidInputError, match="not linear, as it acts on the example"):
        convert(model, x, only="layers.1")


class Tails(nn.Module):
    """The identity up to 8, beyond it a logarithm."""

    def forward(self, x):
        """Return the image."""
        return torch.where(x.abs() <= 8, x, x.sign() * (8 + (x.abs() - 7).log()))

    def inverse(self, y):
        """Return the preimage."""
        return torch.where(y.abs() <= 8, y, y.sign() * (7 + (y.abs() - 8).exp()))


class Starting(nn.Module):
    """A layer that starts as the identity and is trained."""

    def __init__(self, d):
        super().__init__()
        self.a = nn.Parameter(torch.zeros(d))

    def forward(self, x):
        """Return the image."""
        return x + self.a * torch.tanh(x)

    def inverse(self, y):
        """Return the preimage where it is the identity."""
        return y


class Dequantized(nn.Module):
    """Noise in training mode."""

    def forward(self, x):
        """Return the image."""
        return x + torch.rand_like(x) if self.training else x

    def inverse(self, y):
        """Return the preimage."""
        return y.floor()


@pytest.mark.parametrize("stranger", [Tails, lambda: Starting(4), Dequantized])
def test_what_is_linear_at_the_example_alone_stays(stranger):
    model, x = nn.Sequential(linear(), stranger(), linear()), data(6, 4)
    new, report = convert(model, x)
    assert [layer.path for layer in report.layers] == ["0", "2"]
    assert type(new[1]) is type(model[1])
    assert len(list(new[1].parameters())) == len(list(model[1].parameters()))
    far = 100 * data(6, 4)
    model.eval(), new.eval()
    assert torch.allclose(new(far), model(far), rtol=1e-4)


class Logarithm(nn.Module):
    """A map that is not finite at zero."""

    def forward(self, x):
        """Return the image."""
        return x.log()


class First(nn.Module):
    """A map to fewer numbers."""

    def forward(self, x):
        """Return the image."""
        return x[:, :1]


@pytest.mark.parametrize("stranger", [Logarithm, First])
def test_what_has_no_matrix_is_not_linear(stranger):
    with pytest.raises(InvalidInputError, match="not linear, as it acts on the example"):
        convert(nn.Sequential(stranger()), data(6, 4).abs() + 1, only=["0"])


def test_a_transform_of_nflows_that_clips_stays():
    t = library("nflows.transforms")

    class Clipped(t.Transform):
        """A user's own transform."""

        def forward(self, inputs, context=None):
            """Return the image."""
            return inputs.clamp(-30, 30), inputs.new_zeros(len(inputs))

        inverse = forward

    model = t.CompositeTransform([t.LULinear(4), Clipped(), t.ReversePermutation(4)])
    new, report = convert(model, data(6, 4))
    assert [layer.path for layer in report.layers] == ["_transforms.0"]
    assert torch.equal(new(1e4 * data(6, 4))[0].abs().max(), torch.tensor(30.0))


def test_what_may_be_a_conditioner_is_left_unless_it_is_named():
    model, x = Chain(linear(3), linear(3)), data(5, 3)
    with pytest.raises(InvalidInputError, match="only="):
        convert(model, x)
    new, report = convert(model, x, only=["layers.0", "net.0"])
    assert [layer.path for layer in report.layers] == ["layers.0", "net.0"]
    assert report.left == ()
    assert torch.allclose(new(x), model(x), atol=1e-5)
    with pytest.raises(InvalidInputError, match=r"'layers.7': the layers are layers.0"):
        convert(model, x, only=["layers.7"])


@pytest.mark.filterwarnings("ignore:torch.lu is deprecated")
def test_an_inner_layer_of_a_coupling_can_be_named():
    nf = library("normflows")
    coupling = nf.flows.AffineCouplingBlock(nf.nets.MLP([2, 2, 4], init_zeros=False))
    model, x = nf.NormalizingFlow(None, [coupling, nf.flows.InvertibleAffine(4)]), data(5, 4)
    path = "flows.0.flows.1.param_map.net.0"
    new, report = convert(model, x, only=[path])
    assert [layer.path for layer in report.layers] == [path]
    assert torch.allclose(new.inverse(x), model.inverse(x), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("trained", [True, False])
def test_what_is_kept(dtype, training, trained):
    model = nn.Sequential(linear(), nn.Tanh(), linear(3 + 1, bias=False)).to(dtype).train(training)
    model[0].requires_grad_(trained)
    new, report = convert(model, data(5, 4).to(dtype))
    assert {p.dtype for p in new.parameters()} == {dtype}
    assert {m.training for m in new.modules()} == {training}
    assert {p.requires_grad for p in new[0].parameters()} == {trained}
    assert {p.requires_grad for p in new[2].parameters()} == {True}
    assert [layer.couplings.bias is None for layer in (new[0], new[2])] == [False, True]
    eps = torch.finfo(dtype).eps
    for layer in report.layers:
        assert layer.error < 1e-15
        assert (layer.stored_error == layer.error) == (dtype == torch.float64)
        assert layer.stored_error < 10 * eps


def test_stored_error_is_exact():
    model = linear()
    new, report = convert(model)
    (layer,) = report.layers
    product = np.eye(4, dtype=object)
    for coupling in new.couplings.layers:
        A = np.array([[Fraction(float(i == j)) for j in range(4)] for i in range(4)])
        moved = slice(2) if coupling.moves == "first" else slice(2, 4)
        kept = slice(2, 4) if coupling.moves == "first" else slice(2)
        weight = coupling.weight.detach().double().numpy()
        scale = coupling.scales()
        scale = np.ones(2) if scale is None else scale.detach().double().numpy()
        A[moved, kept] = np.vectorize(Fraction, otypes=[object])(weight)
        A[moved, moved] = np.diag([Fraction(s) for s in scale.tolist()])
        product = A @ product
    signs = np.ones(4) if new.couplings.signs is None else new.couplings.signs.double().numpy()
    W = np.vectorize(Fraction, otypes=[object])(model.weight.detach().double().numpy() * signs)
    assert layer.stored_error == abs(W - product).max() > layer.error


def test_training_goes_on():
    new, _ = convert(nn.Sequential(linear(), nn.Tanh(), linear()), data(8, 4))
    x, goal = data(64, 4), torch.flip(data(64, 4), (1,)).tanh()
    losses = []
    for _ in range(60):
        loss = ((new(x) - goal) ** 2).mean()
        descend(loss, new, 0.2)
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert torch.allclose(new[0].inverse(new[0](x)), x, atol=1e-5)


def test_a_module_in_two_places_stays_one():
    layer = linear()
    new, report = convert(nn.Sequential(layer, nn.Tanh(), layer), data(5, 4))
    assert new[0] is new[2]
    assert report.layers[0].merged == ("2",)


def test_the_model_itself_may_be_the_layer():
    for model, x in (
        (linear(), data(2, 3, 4)),
        (linear(), data(4)),
        (nn.Conv2d(4, 4, 1), data(2, 4, 3, 3)),
        (nn.Conv2d(4, 4, 1), data(4, 3, 3)),
    ):
        new, report = convert(model, x)
        assert torch.allclose(new(x), model(x), atol=1e-5)
        assert torch.allclose(new.inverse(new(x)), x, atol=1e-4)
        assert report.rows()[1][0] == "(model)"


def test_parametrized_layers_are_read_as_they_act():
    layer = nn.utils.parametrizations.orthogonal(linear())
    new, report = convert(nn.Sequential(layer), data(5, 4))
    assert report.layers[0].condition_number < 1.00001
    assert torch.allclose(new(data(5, 4)), layer(data(5, 4)), atol=1e-5)


def test_permutations_are_merged_and_stay_integers():
    t = library("nflows.transforms")
    model = t.CompositeTransform([t.RandomPermutation(8), t.ReversePermutation(8), t.ActNorm(8)])
    model._transforms[2].initialized.fill_(True)
    with pytest.raises(InvalidInputError, match=r"Permutation .*permutations=True"):
        convert(model.eval(), data(5, 8))
    new, report = convert(model.eval(), data(5, 8), permutations=True)
    (layer,) = report.layers
    assert (layer.error, layer.stored_error, layer.condition_number) == (0, 0, 1)
    assert layer.merged == ("_transforms.1",)
    assert not any(p.requires_grad for p in new._transforms[0].parameters())
    assert isinstance(new._transforms[1].couplings, MergedAway)
    assert [left.reason for left in report.left] == ["diagonal, with no matrix beside it"]


def test_wide_permutations_take_milliseconds():
    nf = library("normflows")
    model = nf.NormalizingFlow(None, [nf.flows.Permute(3072)])
    start = time.process_time()
    new, report = convert(model, data(2, 3072), permutations=True)
    assert time.process_time() - start < 1
    (layer,) = new.flows[0].couplings.layers[:1]
    assert isinstance(layer, SparseCoupling)
    assert sum(t.numel() for t in new.state_dict().values()) < 40 * 3072
    assert report.layers[0].error == 0
    assert torch.allclose(new.inverse(data(2, 3072)), model.inverse(data(2, 3072)), atol=1e-5)


def test_an_actnorm_that_waits_for_data_is_left():
    nf = library("normflows")
    model, x = nf.NormalizingFlow(None, [nf.flows.GlowBlock(4, 8)]), data(5, 4, 2, 2)
    new, report = convert(model, x)
    assert report.layers[0].merged == ()
    assert "wait for the first data" in {left.kind: left.reason for left in report.left}["ActNorm"]
    assert not model.flows[0].flows[2].data_dep_init_done
    assert not new.flows[0].flows[2].data_dep_init_done
    assert torch.allclose(new.inverse(x), model.inverse(x), atol=1e-4)


def singular():
    layer = linear()
    layer.weight.data[1] = layer.weight.data[0]
    return layer


def mixed():
    layer = linear()
    layer.bias = nn.Parameter(layer.bias.double())
    return layer


def hooked():
    layer = linear()
    layer.register_forward_pre_hook(lambda module, x: None)
    return layer


def infinite():
    layer = linear()
    layer.weight.data[0, 0] = float("inf")
    return layer


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (singular, "singular"),
        (infinite, "finite numbers"),
        (mixed, "several types, torch.float32, torch.float64"),
        (lambda: nn.Linear(1, 1), "one coordinate"),
        (lambda: nn.Linear(4, 4, dtype=torch.complex64), "real numbers"),
        (hooked, "a hook"),
        (lambda: nn.Linear(4, 3), "square"),
        (lambda: nn.Conv2d(4, 4, 1, groups=2), "groups=2"),
        (lambda: nn.Conv2d(4, 4, 3), "square"),
        (lambda: nn.Conv2d(4, 4, 1, padding=1), "padding"),
        (lambda: convert(linear())[0], "couplings already"),
    ],
)
def test_layers_that_are_left_alone_are_named(layer, reason):
    with pytest.raises(InvalidInputError, match=f"linear layer that couplings can .*{reason}"):
        convert(nn.Sequential(layer()))
    _, report = convert(nn.Sequential(nn.Sequential(layer()), nn.ReLU(), linear()))
    assert reason in {left.path: left.reason for left in report.left}["0.0"]


def scripted():
    with warnings.catch_warnings(action="ignore"):
        return torch.jit.script(linear())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": {"weight": torch.eye(2)}}, "state dict is for"),
        ({"model": torch.eye(2)}, "torch.nn.Module"),
        ({"model": nn.Linear(2, 2, device="meta")}, "meta"),
        ({"model": scripted}, "torch.nn.Module"),
        ({"example": data(5, 3)}, r"runs on the example, got RuntimeError: mat1 .*\(in 0\)"),
        ({"example": data(5, 4).double()}, "runs on the example, got"),
        ({"example": "x"}, "runs on the example, got"),
        ({"within": -1.0}, "finite number, zero or larger, as within"),
        ({"within": float("nan")}, "as within"),
        ({"within": "small"}, "as within"),
        ({"only": [0]}, "list of paths or patterns"),
        ({"only": 3}, "list of paths or patterns"),
        ({"jobs": 0}, "at least one job"),
        ({"layers": 3}, "layers from 5"),
        ({"model": nn.Sequential()}, "no layers"),
    ],
)
def test_bad_requests(arguments, message):
    model = arguments.pop("model", nn.Sequential(linear()))
    model = model() if model is scripted else model
    with pytest.raises(InvalidInputError, match=message):
        convert(model, **arguments)


@pytest.mark.parametrize("size", [1e-30, 1e30])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weights_of_any_size(size, dtype):
    layer = linear(bias=False).to(dtype)
    layer.weight.data *= size
    _, report = convert(layer, data(5, 4).to(dtype))
    assert report.layers[0].error < 1e-14 * size
    assert report.layers[0].output_difference < 1e-5 * size
    assert report.layers[0].round_trip < 1e-4


def test_nothing_is_half_converted():
    model, x = nn.Sequential(linear(), nn.Tanh(), linear()), data(5, 4)
    before = dict(model.named_modules())
    with pytest.raises(MethodError, match=r"within 0.0e\+00 .*0 \(Linear\).*larger within"):
        convert(model, x, within=0.0)
    assert dict(model.named_modules()) == before
    convert(model, x)
    assert dict(model.named_modules()) == before


def test_a_layer_that_is_read_otherwise_than_it_acts_is_refused(monkeypatch):
    from exactflow.interop.affine import AffineMap
    from exactflow.interop.libraries import library

    def wrong(module):
        return AffineMap(2 * np.eye(4))

    monkeypatch.setitem(library("torch").readers, nn.Linear, wrong)
    with pytest.raises(MethodError, match="was not read as the library applies it"):
        convert(linear(), data(5, 4))


def test_models_that_cannot_be_copied():
    class Locked(nn.Linear):
        def __deepcopy__(self, memo):
            raise RuntimeError("locked")

    with pytest.raises(InvalidInputError, match=r"copy.deepcopy copies, got RuntimeError: locked"):
        convert(nn.Sequential(Locked(2, 2)))


@pytest.mark.slow
def test_jobs_give_the_same():
    model = nn.Sequential(*(linear(d) for d in (4, 4)), nn.Tanh(), linear())
    one, two = (convert(model, data(5, 4), jobs=jobs)[0] for jobs in (1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_layers_option():
    _, report = convert(linear(), layers=8)
    assert report.layers[0].couplings == 8


def test_the_report_in_all_its_forms(tmp_path):
    model = nn.Sequential(linear(), linear(4, bias=False), nn.ReLU(), linear())
    _, report = convert(model, data(5, 4))
    table = report.table().splitlines()
    assert table[0].split()[:3] == ["layer", "was", "d"]
    assert table[1].startswith("0 + 1")
    assert table[3] == "left: ReLU, not known to be linear: 2"
    assert table[-1] == str(report)
    assert "2 layers converted to 12 couplings, certified within" in str(report)
    content = json.loads(report.to_json())
    assert [layer["path"] for layer in content["layers"]] == ["0", "3"]
    assert content["layers"][0]["merged"] == ["1"]
    assert 0 < content["layers"][0]["error"] < 1e-15
    assert content["left"] == [{"path": "2", "kind": "ReLU", "reason": "not known to be linear"}]
    assert report.to_html().count("<tr>") == 3
    files = report.write_certificates(tmp_path)
    assert [file.name for file in files] == ["0.json", "3.json"]
    for file in files:
        assert checker.main([str(file)]) == 0
    with pytest.raises(InvalidInputError, match="no such folder"):
        report.write_certificates(tmp_path / "none")


def test_a_certificate_of_a_permutation_is_an_equality(tmp_path):
    t = library("nflows.transforms")
    _, report = convert(t.ReversePermutation(6), permutations=True)
    (file,) = report.write_certificates(tmp_path)
    assert file.name == "model.json"
    assert "within" not in json.loads(file.read_text())
    assert checker.main([str(file)]) == 0


@pytest.mark.filterwarnings("ignore:torch.lu is deprecated")
def test_a_context_reaches_the_couplings_that_take_one():
    nf = library("normflows")
    flows = [
        nf.flows.AutoregressiveRationalQuadraticSpline(4, 1, 8, num_context_channels=2),
        nf.flows.LULinearPermute(4, False),
    ]
    model, example = nf.ConditionalNormalizingFlow(None, flows), (data(5, 4), data(5, 2))
    new, report = convert(model, example)
    assert report.layers[0].path == "flows.1"
    assert torch.allclose(new.inverse(*example), model.inverse(*example), atol=1e-5)


@pytest.mark.parametrize("by_wavelet", [False, True])
def test_wavelets_in_both_directions(by_wavelet):
    ff, fm = library("FrEIA.framework"), library("FrEIA.modules")
    inn = ff.SequenceINN(3, 4, 6)
    options = {"order_by_wavelet": by_wavelet, "rebalance": 0.7}
    inn.append(fm.HaarDownsampling, **options)
    inn.append(fm.HaarUpsampling, **options)
    inn.append(fm.HaarDownsampling, **options)
    x = data(5, 3, 4, 6)
    for new, report in (convert(inn, x), convert(inn)):
        assert [layer.kind[4:-8] for layer in report.layers] == ["Down", "Up", "Down"]
        for one, two in zip(new(x), inn(x), strict=True):
            assert torch.allclose(one, torch.as_tensor(two, dtype=torch.float32), atol=1e-5)
        back, log_det = new(new(x)[0], rev=True)
        assert torch.allclose(back, x, atol=1e-5)
        assert torch.allclose(log_det, -new(x)[1])
        assert new(x[:0])[0].shape == (0, 12, 2, 3)


def test_transforms_of_zuko_that_are_not_lazy():
    z = library("zuko.transforms")
    transform = z.ComposedTransform(
        z.LULinearTransform(torch.eye(4) + data(4, 4) / 4),
        z.PermutationTransform(torch.tensor([1, 2, 3, 0])),
        z.SoftclipTransform(bound=9.0),
        z.RotationTransform(data(4, 4)),
    )
    x = data(2, 5, 4)
    new, report = convert(transform, x)
    assert [layer.merged for layer in report.layers] == [("transforms.1",), ()]
    for one, two in zip(new.call_and_ladj(x), transform.call_and_ladj(x), strict=True):
        assert torch.allclose(one, two, atol=1e-4)
    assert torch.allclose(new.inv(new(x)), x, atol=1e-4)


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
def test_a_glow_of_twelve_blocks_takes_less_than_two_seconds():
    model, x = glow(12), data(4, 12, 4, 4)
    convert(glow(1), x)  # SciPy is imported
    start = time.process_time()
    _, report = convert(model, x)
    assert time.process_time() - start < 2
    assert [len(layer.merged) for layer in report.layers] == [1] * 12
