"""Whole models of normflows as bijections of integer images."""

import copy
import itertools
import pickle
import warnings

import numpy as np
import pytest

from exactflow.errors import InvalidInputError

torch = pytest.importorskip("torch")
nf = pytest.importorskip("normflows")

from exactflow.interop import lossless  # noqa: E402


def block(channels: int, **options):
    options = {"scale": False, "init_zeros": False, "use_lu": False} | options
    return nf.flows.GlowBlock(channels, 16, **options)


def initialized(model, shape):
    """Return a model in evaluation mode, its ActNorms set by a batch."""
    with torch.no_grad():
        for norm in (m for m in model.modules() if isinstance(m, nf.flows.ActNorm)):
            norm.s.normal_(0, 0.3)
            norm.t.normal_(0, 0.2)
            norm.data_dep_init_done.fill_(1)
    return model.eval()


def glow(levels: int = 2, depth: int = 2, channels: int = 3, side: int = 8, **options):
    """Return a multi-scale Glow with random weights."""
    torch.manual_seed(0)
    transform = options.pop("transform", None)
    bases, merges, flows = [], [], []
    for i in range(levels):
        d = channels * 2 ** (levels + 1 - i)
        flows.append([block(d, **options) for _ in range(depth)] + [nf.flows.Squeeze()])
        merges += [nf.flows.Merge()] if i else []
        pixels = side // 2 ** (levels - i)
        bases.append(nf.distributions.DiagGaussian((d // 2 if i else d, pixels, pixels)))
    model = nf.MultiscaleFlow(bases, flows, merges, transform=transform, class_cond=False)
    return initialized(model, (channels, side, side))


def flat(channels: int, **options):
    """Return a model of one level that squeezes nothing."""
    torch.manual_seed(0)
    base = nf.distributions.DiagGaussian((channels, 4, 4))
    flows = [block(channels, **options), nf.flows.Permute(channels), block(channels, **options)]
    return initialized(nf.NormalizingFlow(base, flows), (channels, 4, 4))


def random_images(n: int, channels: int = 3, side: int = 8):
    return torch.randint(0, 256, (n, channels, side, side), dtype=torch.uint8)


def smooth_images(n: int, channels: int = 3, side: int = 8):
    """Return images of a few waves each, which reach 0 and 255."""
    rng = np.random.default_rng(n)
    axis = np.arange(side) / side
    a, b, c, d = rng.uniform(0, 2, (4, n, channels, 1, 1))
    waves = np.sin(np.pi * (a * axis[:, None] + b)) * np.cos(np.pi * (c * axis + d))
    low, high = (f(waves, axis=(1, 2, 3), keepdims=True) for f in (np.min, np.max))
    return torch.tensor(np.rint(255 * (waves - low) / (high - low))).to(torch.uint8)


MODELS = {
    "multi-scale": (lambda: glow(), (3, 8, 8)),
    "one channel": (lambda: glow(channels=1), (1, 8, 8)),
    "LU weights": (lambda: glow(use_lu=True), (3, 8, 8)),
    "shifted": (lambda: glow(transform=nf.transforms.Shift(-0.5)), (3, 8, 8)),
    "other half": (lambda: glow(split_mode="channel_inv"), (3, 8, 8)),
    "double": (lambda: glow().double(), (3, 8, 8)),
    "odd": (lambda: flat(5), (5, 4, 4)),
    "odd, other half": (lambda: flat(5, split_mode="channel_inv"), (5, 4, 4)),
}


@pytest.fixture(params=MODELS, scope="module")
def example(request):
    build, shape = MODELS[request.param]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.lu, which normflows calls
        model = build()
    return model, lossless(model), shape


def float_latents(model, images):
    x = images.to(next(model.parameters()).dtype) / 256
    with torch.no_grad():
        if isinstance(model, nf.MultiscaleFlow):
            return model.inverse_and_log_det(x)
        z, log_det = model.inverse_and_log_det(x)
        return [z], log_det


@pytest.mark.parametrize("kind", [random_images, smooth_images])
@pytest.mark.parametrize("n", [1, 16])
def test_images_come_back_bit_for_bit(example, kind, n):
    _, codec, (channels, side, _) = example
    images = kind(n, channels, side)
    latents = codec(images)
    assert all(z.dtype == torch.int64 for z in latents)
    back = codec.inverse(latents)
    assert back.dtype == torch.uint8
    assert torch.equal(back, images)


def test_latents_densities_and_bits_are_those_of_the_model(example):
    model, codec, (channels, side, _) = example
    images = smooth_images(8, channels, side)
    latents = codec(images)
    expected, log_det = float_latents(model, images)
    for z, real in zip(expected, codec.real(latents), strict=True):
        assert z.shape == real.shape
        assert (z - real).abs().max() < 5e-3
    assert abs(float(log_det[0]) - codec.log_det(latents)) < 1e-2
    x = images.to(expected[0].dtype) / 256
    with torch.no_grad():
        given = () if isinstance(model, nf.NormalizingFlow) else (None,)
        bits = -model.log_prob(x, *given) / x[0].numel() / np.log(2) + 8 + codec.fraction
    assert (codec.bits_per_dimension(images) - bits).abs().max() < 1e-2


def test_a_finer_grid_is_nearer():
    model, images = glow().double(), smooth_images(16)
    expected, _ = float_latents(model, images)
    errors = []
    for fraction in (0, 4, 8, 12):
        codec = lossless(model, fraction=fraction, limit=2**30)
        latents = codec(images)
        assert torch.equal(codec.inverse(latents), images)
        pairs = zip(expected, codec.real(latents), strict=True)
        errors.append(max(float((z - real).abs().max()) for z, real in pairs))
    assert all(b < a / 8 for a, b in itertools.pairwise(errors))


def test_the_model_is_left_as_it_is_and_the_codec_a_copy():
    model = glow()
    before = copy.deepcopy(model.state_dict())
    codec = lossless(model)
    images = random_images(4)
    latents = codec(images)
    assert all(torch.equal(model.state_dict()[k], v) for k, v in before.items())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert all(torch.equal(a, b) for a, b in zip(codec(images), latents, strict=True))
    again = pickle.loads(pickle.dumps(codec))
    assert torch.equal(again.inverse(latents), images)
    codec.load_state_dict(again.state_dict())


def test_other_integers():
    codec = lossless(glow(), limit=2**28)
    images = torch.randint(-3000, 3000, (3, 3, 8, 8), dtype=torch.int16)
    latents = codec(images)
    assert torch.equal(codec.inverse(latents, torch.int16), images)
    with pytest.raises(InvalidInputError, match=r"images of torch\.uint8"):
        codec.inverse(latents)
    assert codec(images[:0])[0].shape[0] == 0


def test_changed_latents_are_refused_or_have_other_images():
    codec = lossless(glow())
    images = random_images(2)
    refused = 0
    for k in range(10):
        latents = [z.clone() for z in codec(images)]
        latents[k % 2].view(-1)[k] += 1
        try:
            assert not torch.equal(codec.inverse(latents), images)
        except InvalidInputError:
            refused += 1
    assert refused
    with pytest.raises(InvalidInputError, match="expected 2 latents"):
        codec.inverse(latents[:1])
    with pytest.raises(InvalidInputError, match="int64 latents"):
        codec.inverse(codec.real(latents))


def far(model):
    with torch.no_grad():
        next(m for m in model.modules() if isinstance(m, nf.flows.ActNorm)).t.fill_(1e30)
    return model


@pytest.mark.filterwarnings("ignore")  # of nflows
def test_what_is_refused():
    fresh = nf.NormalizingFlow(nf.distributions.DiagGaussian((4, 4, 4)), [block(4)])
    masked = nf.flows.MaskedAffineFlow(torch.ones(4))
    base = nf.distributions.DiagGaussian(4)
    checkerboard = nf.flows.AffineCouplingBlock(
        torch.nn.Identity(), False, split_mode="checkerboard"
    )
    merge = nf.MultiscaleFlow([base, base], [[], []], [nf.flows.Merge("checkerboard")])
    for model, match in (
        (flat(4, scale=True), "scale=False"),
        (fresh, "waits for its first batch"),
        (nf.NormalizingFlow(base, [masked]), "MaskedAffineFlow"),
        (nf.NormalizingFlow(base, [checkerboard]), "split channels"),
        (merge, "Merge"),
        (glow(transform=nf.transforms.Logit()), "Logit"),
        (torch.nn.Linear(2, 2), "expected a MultiscaleFlow, a NormalizingFlow"),
        (nflows_model(affine=True), "AffineCouplingTransform"),
        (far(flat(4)), "bias of at most"),
    ):
        with pytest.raises(InvalidInputError, match=match):
            lossless(model)
    for options, match in (
        ({"unit": 0}, "unit > 0"),
        ({"unit": "x"}, "expected"),
        ({"fraction": 25}, "integer fraction"),
        ({"bits": 60}, "integer bits"),
        ({"limit": 2**52}, "integer limit"),
    ):
        with pytest.raises(InvalidInputError, match=match):
            lossless(glow(), **options)


@pytest.mark.parametrize(
    ("images", "match"),
    [
        (torch.zeros(1, 3, 8, 8), "integer images"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), "integer images"),
        (torch.zeros(1, 3, 7, 8, dtype=torch.uint8), "even height"),
        (torch.zeros(1, 4, 8, 8, dtype=torch.uint8), "expected"),
        (torch.full((1, 3, 8, 8), 2**40), "within a limit"),
    ],
)
def test_images_that_are_refused(images, match):
    with pytest.raises(InvalidInputError, match=match):
        lossless(glow())(images)


def test_a_network_that_returns_nan_is_refused():
    model = glow()
    codec = lossless(model)
    with torch.no_grad():
        next(p for n, p in codec.named_parameters() if "network" in n).fill_(float("nan"))
    with pytest.raises(InvalidInputError, match="NaN"):
        codec(random_images(1))


class Network(torch.nn.Module):
    """A network of nflows' couplings, which are given a context."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(inputs, 8, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.Conv2d(8, outputs, 3, padding=1),
        )

    def forward(self, x, context=None):
        """Return the shift."""
        return self.layers(x)


def nflows_model(affine: bool = False):
    """Return a Glow of one level."""
    transforms = pytest.importorskip("nflows.transforms")
    from nflows.distributions import StandardNormal
    from nflows.flows import Flow

    torch.manual_seed(0)
    coupling = (
        transforms.AffineCouplingTransform if affine else transforms.AdditiveCouplingTransform
    )
    blocks = [transforms.SqueezeTransform()]
    for mask in ([1, 0] * 6, [0, 0, 1] * 4):
        norm = transforms.ActNorm(12)
        norm.initialized.data = torch.tensor(True)
        with torch.no_grad():
            norm.log_scale.normal_(0, 0.3)
            norm.shift.normal_(0, 0.3)
        convolution = transforms.OneByOneConvolution(12)
        blocks.append(transforms.CompositeTransform([norm, convolution, coupling(mask, Network)]))
    return Flow(transforms.CompositeTransform(blocks), StandardNormal([12, 4, 4])).eval()


@pytest.mark.filterwarnings("ignore")  # of nflows
def test_nflows():
    model = nflows_model()
    codec = lossless(model)
    images = smooth_images(8)
    latents = codec(images)
    assert torch.equal(codec.inverse(latents), images)
    with torch.no_grad():
        noise = model.transform_to_noise(images / 256)
        bits = -model.log_prob(images / 256) / 192 / np.log(2) + 8 + codec.fraction
    assert (noise - codec.real(latents)[0]).abs().max() < 5e-3
    assert (codec.bits_per_dimension(images) - bits).abs().max() < 1e-3


@pytest.mark.parametrize("fraction", [2, 8])
def test_bits_are_those_of_an_ideal_code_for_the_latents(fraction):
    codec, images = lossless(glow(), fraction=fraction), smooth_images(3)
    total = torch.zeros(3, dtype=torch.float64)
    for base, z, grid in zip(codec.bases, codec(images), codec.grids, strict=True):
        normal = torch.distributions.Normal(base.loc.double(), base.log_scale.double().exp())
        edges = (float(grid) * (z.double() + side).abs() for side in (0.5, -0.5))
        mass = (normal.cdf(next(edges)) - normal.cdf(next(edges))).abs()  # of the cell of a latent
        total = total - mass.log2().flatten(1).sum(1)
    assert (codec.bits_per_dimension(images) - total / 192).abs().max() < 0.02


def reweighted():
    model = glow()
    with torch.no_grad():
        next(m for m in model.modules() if isinstance(m, nf.flows.ActNorm)).s.add_(0.1)
    return model


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (glow, reweighted),
        (lambda: shifted(-0.5), lambda: shifted(-0.25)),
        (glow, lambda: glow(split_mode="channel_inv")),
    ],
)
def test_the_state_of_another_model_is_refused(one, two):
    codec, images = lossless(one()), random_images(2)
    latents = codec(images)
    with pytest.raises(ValueError, match="expected the state of this model"):
        codec.load_state_dict(lossless(two()).state_dict())
    for options in ({"unit": 1}, {"fraction": 4}):
        with pytest.raises(ValueError, match="with the same options"):
            codec.load_state_dict(lossless(one(), **options).state_dict())
    again = lossless(one())
    again.load_state_dict(codec.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(again(images), latents, strict=True))


def shifted(by):
    return glow(transform=nf.transforms.Shift(by))


@pytest.mark.parametrize("kind", [torch.nn.Module.half, torch.nn.Module.double])
def test_the_type_of_floats_stays(kind):
    codec, images = lossless(glow()), random_images(2)
    latents = codec(images)
    with pytest.raises(InvalidInputError, match="lossless on the model in that type"):
        kind(codec)
    again = codec.float().cpu()(images)
    assert all(torch.equal(a, b) for a, b in zip(again, latents, strict=True))
    double = lossless(glow().double())
    with pytest.raises(InvalidInputError, match="lossless on the model in that type"):
        double.float()


def test_no_images_have_no_latents():
    for codec, channels in ((lossless(glow()), 3), (lossless(flat(4)), 4)):
        images = random_images(0, channels, 8 if channels == 3 else 4)
        latents = codec(images)
        assert {len(z) for z in latents} == {0}
        assert codec.inverse(latents).shape == images.shape
        assert codec.bits_per_dimension(images).shape == (0,)


@pytest.mark.filterwarnings("ignore")  # of nflows
def test_conditional_models():
    transforms = pytest.importorskip("nflows.transforms")
    flows, distributions = (pytest.importorskip(f"nflows.{x}") for x in ("flows", "distributions"))
    torch.manual_seed(0)
    parts = [
        transforms.SqueezeTransform(),
        transforms.AdditiveCouplingTransform([1, 0] * 6, Given),
        transforms.OneByOneConvolution(12),
    ]
    base = distributions.StandardNormal([12, 4, 4])
    model = flows.Flow(transforms.CompositeTransform(parts), base, torch.nn.Linear(2, 6)).eval()
    codec, images, context = lossless(model), smooth_images(4), torch.randn(4, 2)
    latents = codec(images, context)
    assert torch.equal(codec.inverse(latents, context=context), images)
    with torch.no_grad():
        noise = model.transform_to_noise(images / 256, context)
    assert (noise - codec.real(latents)[0]).abs().max() < 5e-3
    assert not torch.equal(latents[0], codec(images, -context)[0])
    bits = codec.bits_per_dimension(images, context=context)
    expected = -model.log_prob(images / 256, context) / 192 / np.log(2) + 16
    assert (bits - expected).abs().max() < 1e-3


class Given(torch.nn.Module):
    """A network that shifts by what it makes of the context."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.net = torch.nn.Conv2d(inputs, outputs, 1)

    def forward(self, x, context=None):
        """Return the shift."""
        return self.net(x + context[:, :, None, None])


def test_class_conditional_models():
    torch.manual_seed(0)
    base = nf.distributions.ClassCondDiagGaussian((4, 4, 4), 3)
    model = initialized(nf.ClassCondFlow(base, [block(4), block(4)]), (4, 4, 4))
    codec, images, y = lossless(model), random_images(3, 4, 4), torch.tensor([0, 2, 1])
    assert torch.equal(codec.inverse(codec(images)), images)
    expected = -model.log_prob(images / 256, y) / 64 / np.log(2) + 16
    assert (codec.bits_per_dimension(images, y) - expected).abs().max() < 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("kind", [random_images, smooth_images])
def test_ten_thousand_images(kind):
    model = glow()
    codec = lossless(model)
    for _ in range(10):
        images = kind(1000)
        assert torch.equal(codec.inverse(codec(images)), images)
