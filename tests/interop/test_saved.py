"""Converted models from their state dicts, by `restore`; and what it refuses."""

import pytest
import torch
from interop.modules import data, library
from torch import nn

from exactflow.errors import InvalidInputError
from exactflow.interop import convert, restore
from exactflow.interop.conversion.comparison import run_both_directions

pytestmark = pytest.mark.filterwarnings("ignore:torch.(lu|qr) is deprecated")


def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4, bias=False))


def images():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 8, 3))


def normflows_model(lu=True):
    nf = library("normflows")
    torch.manual_seed(0)
    flows = [nf.flows.GlowBlock(4, 8, use_lu=lu), nf.flows.Permute(4)]
    model = nf.NormalizingFlow(nf.distributions.DiagGaussian((4, 2, 2)), flows)
    model.inverse(data(3, 4, 2, 2))
    return model


def normflows_vectors():
    nf = library("normflows")
    torch.manual_seed(0)
    flows = [nf.flows.LULinearPermute(5, False), nf.flows.InvertibleAffine(5), nf.flows.ActNorm(5)]
    model = nf.NormalizingFlow(nf.distributions.DiagGaussian(5), flows)
    model.inverse(data(3, 5))
    return model


def nflows_model(name="nflows.transforms"):
    t = library(name)
    torch.manual_seed(0)
    return t.CompositeTransform(
        [
            t.RandomPermutation(5),
            t.LULinear(5, identity_init=False),
            t.NaiveLinear(5),
            t.QRLinear(5, 3),
            t.SVDLinear(5, 4),
            t.HouseholderSequence(5, 3),
        ]
    )


def freia_model():
    ff, fm = library("FrEIA.framework"), library("FrEIA.modules")
    inn = ff.SequenceINN(4)
    inn.append(fm.PermuteRandom)
    inn.append(fm.FixedLinearTransform, M=torch.eye(4) + data(4, 4) / 4, b=data(4))
    return inn


MODELS = {
    "torch": (plain, (3, 4)),
    "torch images": (images, (3, 4, 5, 5)),
    "normflows": (normflows_model, (3, 4, 2, 2)),
    "normflows vectors": (normflows_vectors, (3, 5)),
    "nflows": (nflows_model, (3, 5)),
    "glasflow": (lambda: nflows_model("glasflow.nflows.transforms"), (3, 5)),
    "freia": (freia_model, (3, 4)),
}


@pytest.mark.parametrize("name", MODELS)
def test_state_of_a_converted_model_with_merged_layers(name):
    make, shape = MODELS[name]
    x = data(*shape)
    new, _ = convert(make().eval(), x)
    again = restore(make().eval(), new.state_dict())
    one, two = (run_both_directions(model, (x,), None) for model in (again, new))
    assert torch.equal(one.images[0], two.images[0])
    assert {n: p.requires_grad for n, p in again.named_parameters()} == {
        n: p.requires_grad for n, p in new.named_parameters()
    }


@pytest.mark.parametrize("by", ["couplings", "inverse"])
def test_couplings_take_the_dtype_of_the_model(by):
    new, _ = convert(plain(), by=by)
    again = restore(plain().double(), new.state_dict())
    x = data(3, 4)
    assert torch.allclose(again(x.double()).float(), new(x), atol=1e-5)


def test_a_state_for_layers_of_another_size_is_refused():
    state = convert(nn.Sequential(nn.Linear(4, 4)))[0].state_dict()
    with pytest.raises(InvalidInputError, match="has 6 coordinates, the state 4"):
        restore(nn.Sequential(nn.Linear(6, 6)), state)
    module = nn.Linear(4, 4)
    nn.init.constant_(module.weight, torch.nan)  # the weights of the model are not used
    assert restore(nn.Sequential(module), state)(data(1, 4)).isfinite().all()
    with torch.device("meta"):
        without_values = nn.Sequential(nn.Linear(4, 4))
    assert restore(without_values, state)(data(1, 4)).isfinite().all()


@pytest.mark.parametrize("layer", [nn.ReLU(), nn.Linear(4, 5)])
def test_a_state_for_a_layer_that_convert_does_not_replace_is_refused(layer):
    state = convert(nn.Sequential(nn.Linear(4, 4)))[0].state_dict()
    with pytest.raises(InvalidInputError, match=r"convert replaces no ReLU|square"):
        restore(nn.Sequential(layer), state)


def test_states_of_other_models_are_refused():
    new, _ = convert(plain())
    for state in ({}, None, 3):
        with pytest.raises(InvalidInputError, match="without couplings"):
            restore(nn.Linear(2, 2), state)
    with pytest.raises(InvalidInputError, match="expected a model"):
        restore("model", {})
    with pytest.raises(InvalidInputError, match="without couplings"):
        restore(plain(), plain().state_dict())
    with pytest.raises(InvalidInputError, match="the state does not fit the conversion"):
        restore(nn.Sequential(nn.ReLU()), new.state_dict())
    with pytest.raises(InvalidInputError, match="the state does not fit the conversion"):
        restore(nn.Sequential(*plain(), nn.Linear(3, 3)), new.state_dict())


@pytest.mark.parametrize(
    ("by", "changes"),
    [
        ("inverse", {"weight": None}),
        ("inverse", {"junk": torch.ones(2)}),
        ("couplings", {"layers.0.weight": None}),
        ("couplings", {"_extra_state": torch.tensor([2, 2, 5, 5, 5, 5, 5, 5])}),
        ("couplings", {"_extra_state": torch.tensor([4])}),
        ("couplings", {"_extra_state": torch.tensor(2)}),
    ],
)
def test_states_that_lie_are_refused(by, changes):
    new, _ = convert(nn.Sequential(nn.Linear(4, 4)), by=by)
    state = new.state_dict() | {f"0.couplings.{name}": x for name, x in changes.items()}
    with pytest.raises(InvalidInputError, match="the state does not fit the conversion"):
        restore(nn.Sequential(nn.Linear(4, 4)), {k: t for k, t in state.items() if t is not None})
