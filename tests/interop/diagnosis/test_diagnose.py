"""What is measured, what is left alone, and what is refused."""

import copy
import random

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from interop.toy_flows import Affine, Linear, Model, Scale, assert_only_numbers, data, model  # noqa: E402
from torch import nn  # noqa: E402

from exactflow.errors import InvalidInputError  # noqa: E402
from exactflow.interop import diagnose  # noqa: E402


def wide(d, seed=0):
    """Return a matrix with singular values from 1 to 1000."""
    generator = torch.Generator().manual_seed(seed)
    U, V = (torch.linalg.qr(torch.randn(d, d, generator=generator))[0] for _ in range(2))
    return U @ torch.diag(torch.logspace(0, 3, d)) @ V


@pytest.mark.parametrize("d", [2, 5, 256])
def test_condition_numbers_of_matrices(d):
    (layer,) = diagnose(Linear(wide(d)), data(2, d)).layers
    assert layer.condition == pytest.approx(1000, rel=1e-3)


def test_condition_numbers_above_the_dense_limit_are_not_checked():
    (layer,) = diagnose(Linear(wide(300)), data(2, 300)).layers
    assert layer.condition is None
    assert "because the Jacobian has 300 rows, above the limit of 256" in layer.notes[0]


def test_condition_number_of_a_coupling_is_that_of_its_jacobian_at_x():
    flow, x = model(count=1), data(1)
    J = torch.autograd.functional.jacobian(lambda v: flow(v[None])[0][0], x[0])
    (layer,) = diagnose(flow, x).layers
    assert layer.condition == pytest.approx(float(torch.linalg.cond(J)), rel=1e-4)


def test_a_notebook_shows_both_tables_and_the_notes_in_the_colours_of_the_page():
    found = diagnose(Linear(wide(300)), data(2, 300))
    html = found._repr_html_()
    assert html.startswith(f"<p><b>{found.summary}</b> [numeric]</p><table")
    assert html.count("<table") == 2
    assert "because the Jacobian has 300" in html
    assert html.count('<td style="opacity: 0.3">-</td>') == str(found.table()).split().count("-")
    assert "color" not in html


def test_digits_are_lost_where_the_matrix_is_steep():
    steep = torch.diag(torch.tensor([1.0, 1.0, 1.0, 1e-3])) @ wide(4)
    found = diagnose(model(at=1, layer=Linear(steep)), data())
    (layer,) = [x for x in found.layers if x.path == "layers.1"]
    assert 0.5 < layer.digits_lost <= np.log10(layer.condition) + 1
    assert layer.digits_lost == max(x.digits_lost for x in found.layers)


def test_many_small_losses_add_up():
    """Each layer loses less than one digit, thirty of them all seven."""
    W = torch.tensor([[2.0, 1.3], [0.7, 1.1]])
    found = diagnose(Model(*(Linear(W) for _ in range(30))), data(3, 2))
    assert found.round_trip_error > 1e-2
    assert all(layer.error < 1e-6 for layer in found.layers)
    assert all(layer.condition < 10 for layer in found.layers)
    assert all(layer.digits_lost < 2 for layer in found.layers)
    assert sum(row.digits_lost for row in found.rows) == pytest.approx(24 * np.log10(2), abs=0.5)


def test_the_model_is_the_same_afterwards():
    flow = model(
        count=3,
        at=1,
        layer=Affine(
            4,
            lambda i, o: nn.Sequential(
                nn.Linear(i, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, o)
            ),
        ),
    ).train()
    flow.layers[0].eval()
    flow.layers[2].net[0].weight.requires_grad_(False)
    flow(data())[0].sum().backward()
    x = data().requires_grad_()
    before = copy.deepcopy(flow.state_dict())
    gradients = [None if p.grad is None else p.grad.clone() for p in flow.parameters()]
    modes = [part.training for part in flow.modules()]
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    attributes = [set(vars(part)) for part in flow.modules()]
    with torch.no_grad():
        diagnose(flow, x)
    assert all(torch.equal(before[name], value) for name, value in flow.state_dict().items())
    for old, p in zip(gradients, flow.parameters(), strict=True):
        assert (old is None and p.grad is None) or torch.equal(old, p.grad)
    assert modes == [part.training for part in flow.modules()]
    assert attributes == [set(vars(part)) for part in flow.modules()]
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()
    assert (states[2] == np.random.get_state()[1]).all()
    assert x.grad is None
    assert not flow.layers[2].net[0].weight.requires_grad


def test_a_model_that_no_deepcopy_takes_because_of_results_kept_in_it():
    flow = model()
    flow.layers[1].last = flow.layers[1].net[0].weight * 2
    assert_only_numbers(diagnose(flow, data()))


def test_training_mode_that_cannot_even_run():
    """torch's BatchNorm refuses a batch of one in training mode."""

    def net(i, o):
        return nn.Sequential(nn.Linear(i, 8), nn.BatchNorm1d(8), nn.Linear(8, o))

    with pytest.raises(InvalidInputError, match=r"layers\.2 raises ValueError: Expected more than"):
        diagnose(model(at=2, layer=Affine(4, net)).train(), data(1))


def test_a_layer_called_twice_and_one_tied_to_another():
    layer = Affine(4)
    assert_only_numbers(diagnose(Model(layer, Affine(4), layer).eval(), data()))


def test_options_instead_of_methods():
    class Reversible(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Affine(4)

        def forward(self, x, reverse=False):
            return self.inner.inverse(x)[0] if reverse else self.inner(x)[0]

    found = diagnose(Reversible(), data())
    assert [x.path for x in found.layers] == ["inner"]
    assert_only_numbers(found)


@pytest.mark.parametrize(
    ("flow", "x", "words"),
    [
        (nn.Linear(2, 2), data(), "with an inverse, got Linear"),
        ("model", data(), "as a module of PyTorch"),
        (None, data(), "as a module of PyTorch"),
        (model().state_dict(), data(), "got OrderedDict: build the model by its code, and load"),
        (model(), data().numpy(), "expected x as a batch of floats (N, d) or (N, channels, ..)"),
        (model(), data().numpy(), "got ndarray: pass torch.as_tensor(x)"),
        (model(), [data()], "or (N, channels, ..), got list: pass torch.as_tensor(x)"),
        (model(), torch.ones(3, 4, dtype=torch.long), "got torch.int64 of shape (3, 4)"),
        (model(), torch.ones(4), "shape (4,)"),
        (model(), torch.ones(0, 4), "shape (0, 4)"),
        (model(), data() / 0, "finite numbers"),
        (model(), data(5, 7), "the model does not run on x of shape (5, 7): layers.0 raises"),
        (model(), torch.ones(2, 3, 4, 4), "the model does not run on x of shape"),
    ],
)
def test_what_is_refused(flow, x, words):
    with pytest.raises(InvalidInputError) as raised:
        diagnose(flow, x)
    assert words in str(raised.value)


def test_an_empty_model_and_a_single_layer():
    assert_only_numbers(diagnose(Model(), data()))
    (layer,) = diagnose(Scale([1.0, 0.0, 0.0, 2.0]), data()).layers
    assert layer.path == "the model"
    assert layer.condition == pytest.approx(np.exp(2), rel=1e-6)
