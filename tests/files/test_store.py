"""Results, saved and loaded: each comes back, checked again; a false one does not."""

import json
import re

import numpy as np
import pytest
import sympy

from exactflow import (
    CouplingFlow,
    approximate,
    balance,
    factor,
    load,
    minimal_depth,
    permutation,
    random_matrix,
    save,
    verify,
    whiten,
)
from exactflow.errors import CertificateError, ExactFlowError, InvalidInputError, VerificationError
from exactflow.floats.lossless import lossless
from exactflow.laws.universal import checkerboard

M = random_matrix(4, seed=1)
W = np.array([[0.5, 1, 0], [0.25, -2, 1], [1, 1, 3]])
SIGMA = [[2, 1, 0, 0], [1, 2, 1, 0], [0, 1, 2, 1], [0, 0, 1, 2]]
REVERSING = sympy.diag(-1, 1, 1, 1)


def test_flows_come_back(tmp_path):
    path = tmp_path / "c.json"
    for flow, target in (
        (factor(M), M),
        (factor(M), None),
        (factor(M, partition=[0, 1, 0, 1]), M),
        (factor(REVERSING, orientation="flip"), REVERSING),
        (factor(REVERSING, orientation="pad"), REVERSING),
        (CouplingFlow(partition=(1, 2)), None),
    ):
        save(flow, path, target=target)
        assert load(path) == flow
    save(verify(factor(M), M), path, target=M)
    assert load(path) == factor(M)


def test_layers_of_floats_come_back(tmp_path):
    for orientation, mask in (("flip", None), ("pad", None), ("flip", [1, 0, 1])):
        result = balance(W, orientation=orientation, partition=mask)
        save(result, tmp_path / "c.json", target=W)
        assert load(tmp_path / "c.json") == result.flow
        save(result, tmp_path / "c.npz")
        assert load(tmp_path / "c.npz") == result.flow


@pytest.mark.parametrize("partition", [None, [0, 1, 0, 1]])
def test_what_whitens_comes_back_as_what_generates(tmp_path, partition):
    result = whiten(SIGMA, partition=partition)
    for target in (None, SIGMA):
        save(result, tmp_path / "c.json", target=target)
        assert load(tmp_path / "c.json") == result.rounded_generator
    content = json.loads((tmp_path / "c.json").read_text())
    assert content["covariance"][0] == ["2", "1", "0", "0"]


@pytest.mark.parametrize(
    ("matrix", "scales", "depth"),
    [
        ([[1, 2], [3, 7]], "additive", 2),
        ([[2, 0], [0, "1/2"]], "additive", 4),
        ([[2, 0], [0, "1/2"]], "positive", 2),
        ([[-1, 0], [0, -1]], "positive", 4),
        (permutation([1, 2, 0, 3]), "additive", 5),
        (permutation([1, 0, 3, 2]), "positive", 4),
        (sympy.eye(4), "additive", 0),
    ],
)
@pytest.mark.parametrize("given", [False, True])
def test_depths_come_back_with_their_reasons(tmp_path, matrix, scales, depth, given):
    """The target may be given, in whatever form: its values are compared."""
    answer = minimal_depth(matrix, scales=scales)
    save(answer, tmp_path / "d.json", target=matrix if given else None)
    again = load(tmp_path / "d.json")
    assert (again.depth, again.lower, again.scales) == (depth, depth, scales)
    assert again.flow == answer.flow
    assert list(map(str, again.obstructions)) == list(map(str, answer.obstructions))
    assert all(found.is_valid() for found in again.obstructions)
    save(answer, tmp_path / "d.npz")
    assert load(tmp_path / "d.npz") == answer.flow


def test_what_is_false_is_neither_written_nor_read(tmp_path):
    path = tmp_path / "c.json"
    wrong = M + sympy.eye(4)
    for result in (factor(M), minimal_depth([[1, 2], [3, 7]])):
        target = wrong if isinstance(result, CouplingFlow) else [[1, 2], [3, 8]]
        with pytest.raises(VerificationError):
            save(result, path, target=target)
    with pytest.raises(VerificationError):
        save(balance(W, orientation="flip"), path, target=W + 1)
    assert not path.exists()
    save(minimal_depth([[1, 2], [3, 7]]), path)
    path.write_text(path.read_text().replace('"3"', '"4"'))
    with pytest.raises(VerificationError):
        load(path)
    path.write_text("{}")
    with pytest.raises(CertificateError, match=r"c\.json: certificate: expected the key"):
        load(path)


@pytest.mark.parametrize(
    ("result", "target", "words"),
    [
        (
            factor(M),
            M + sympy.eye(4),
            "^the flow does not equal target: first differing entry: row 0, column 0: expected ",
        ),
        (
            factor([[0, 1], [1, 0]], orientation="pad"),
            [[0, 1], [2, 0]],
            r"^the flow, taken without coordinates 1 and 3 \(the pads\), does not equal target",
        ),
        (factor(M), sympy.eye(3), "expected a 4 x 4 matrix as target, like the flow, got 3 x 3"),
        (
            balance(np.eye(2)),
            np.ones((2, 2)),
            r"^target is not within \S+ of the product of the layers: first",
        ),
        (
            whiten([[2, 1], [1, 2]]),
            [[2, 1], [1, 3]],
            "target is not the covariance that the flow generates",
        ),
        (whiten([[2, 1], [1, 2]]), [[2, 1], [0, 3]], "expected a symmetric covariance"),
        (
            minimal_depth([[1, 2], [3, 7]]),
            [[1, 2], [3, 8]],
            r"^expected 8 at entry \(1, 1\), derived",
        ),
        (
            minimal_depth([[1, 2], [3, 7]]),
            np.eye(3),
            "expected a 2 x 2 matrix as target, like the matrix",
        ),
    ],
)
def test_a_wrong_target_is_refused_in_the_words_of_python(tmp_path, result, target, words):
    with pytest.raises(ExactFlowError, match=words) as refused:
        save(result, tmp_path / "c.json", target=target)
    assert not re.search("^c |; c |--quick|the composition", str(refused.value))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", [factor(M), None, 5])
def test_a_path_that_is_none_is_refused(path):
    for work in (load, lambda path: save("c.json", path)):
        with pytest.raises(InvalidInputError, match="expected a file name as path, got "):
            work(path)
    with pytest.raises(
        InvalidInputError, match=r"got CouplingFlow: the order is save\(result, path"
    ):
        save("c.json", factor(M))


@pytest.mark.parametrize(
    ("result", "name", "words"),
    [
        (balance(np.eye(2)), "c.json", "the matrix that was balanced: pass target=W"),
        (lossless(np.eye(2)), "c.json", "cannot certify a Lossless"),
        (approximate(checkerboard(), 1), "c.json", "cannot certify a W2Approximation"),
        ("flow", "c.json", "cannot certify a str"),
        (factor(M), "c.csv", r"expected the suffix \.json \(a certificate\) or"),
        (factor(M), "none/c.json", "no such folder"),
        (factor([["1/3", 1], [1, 6]]), "c.npz", "entries that equal a float64"),
    ],
)
def test_refuses(tmp_path, result, name, words):
    with pytest.raises(InvalidInputError, match=words):
        save(result, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_target_is_compared_or_refused(tmp_path):
    flow, wrong = factor([[1, 2], [0, 1]]), [[1, 2], [0, 3]]
    with pytest.raises(InvalidInputError, match="leave out target=") as raised:
        save(flow, tmp_path / "flow.npz", target=wrong)
    assert "(.json)" in str(raised.value)
    with pytest.raises(VerificationError, match="does not equal target"):
        save(flow, tmp_path / "flow.json", target=wrong)
    assert not list(tmp_path.iterdir())
