"""What the playground answers, without a browser: also where there is no NumPy."""

import base64
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from exactflow import checker, factor, minimal_depth
from exactflow.files.certificate import certificate_text
from exactflow.files.depth_certificate import depth_certificate_text

FOLDER = Path(__file__).parents[3] / "proofs" / "book" / "extra" / "playground"
sys.path.insert(0, str(FOLDER))
import session  # noqa: E402


def ask(**request):
    return json.loads(session.answer(json.dumps(request)))


def test_layers_lead_from_nothing_to_the_matrix():
    answer = ask(text="2 1 0 1\n1 3 1 0\n0 1 2 1\n1/3 0 1 5/2")
    steps = answer["steps"]
    identity = [[str(int(i == j)) for j in range(4)] for i in range(4)]
    assert steps[0]["made"]["text"] == identity
    assert steps[-1]["made"]["text"] == answer["target"]["text"]
    assert answer["target"]["text"][3] == ["1/3", "0", "1", "5/2"]
    assert answer["verdict"]["word"] == "proved"
    assert checker.check(answer["certificate"].encode()).verdict is checker.Verdict.VERIFIED


@pytest.mark.parametrize(
    "text", ["1 2\n3 7", "1,2\n3,7", "1,2;3,7", "[[1, 2], [3, 7]]", " 1 2 ;\n3 7"]
)
def test_forms_of_a_matrix(text):
    assert ask(text=text)["target"]["text"] == [["1", "2"], ["3", "7"]]


def test_decimals_are_exact():
    assert ask(text="0.1 0\n0 1e1")["target"]["text"] == [["1/10", "0"], ["0", "10"]]


def test_signs_and_spaces_of_a_copied_formula():
    assert ask(text="1\u00a0\u22122\n3\u20097")["target"]["text"] == [["1", "-2"], ["3", "7"]]


def test_the_proof_is_shown_for_small_matrices():
    assert "<details>" in ask(text=session.EXAMPLES["a rotation in two planes"])["explanation"]
    eye = "\n".join(" ".join(str(int(i == j)) for j in range(10)) for i in range(10))
    assert ask(text=eye)["explanation"] == ""


def test_scales_may_save_layers():
    answer = ask(text="2 0\n0 1/2")
    assert answer["sentence"].startswith("2 coupling layers")
    assert answer["depth"]["sentence"].startswith(
        "With scales, 2 layers do. Without scales, it takes exactly 4 additive layers."
    )


def test_depth_and_why_not_fewer():
    answer = ask(text=session.EXAMPLES["diag(-I, I), which needs six layers"])
    assert answer["depth"]["sentence"].startswith(
        "Without scales, it takes exactly 6 additive layers. U is a layer that"
    )
    assert len(answer["depth"]["reasons"]) == 2


@pytest.mark.parametrize(
    ("text", "orientation", "says"),
    [
        ("1 2 0", "error", "Without scales, it takes exactly 5 additive layers."),
        ("2 1\n3 7", "error", "It takes exactly 2 layers with positive scales."),
        ("2 0 1\n0 3 0\n1 1 1", "error", "It takes exactly 3 layers with positive scales."),
        ("0 1\n1 0", "flip", "Without scales, it takes exactly 3 additive layers."),
    ],
)
def test_depth_of_every_matrix_that_is_factored(text, orientation, says):
    told = ask(text=text, orientation=orientation)["depth"]
    assert says in told["sentence"]
    assert len(told["reasons"]) == 2
    assert ("S, T, G, H" in told["sentence"]) == ("positive" in says)


def test_indices_start_at_0():
    assert ask(text="1 2 3 4")["error"].endswith(
        "got 1 to 4: indices start at 0, so subtract 1 from each"
    )


@pytest.mark.parametrize("orientation", ["flip", "pad"])
def test_a_negative_determinant_is_repaired_where_asked(orientation):
    answer = ask(text="0 1\n1 0", orientation=orientation)
    assert answer["verdict"]["word"] == "proved"
    assert ("negated" if orientation == "flip" else "pads") in answer["sentence"]


@pytest.mark.parametrize("name", session.EXAMPLES)
def test_every_example_is_answered(name):
    answer = ask(text=session.EXAMPLES[name])
    refused = name in ("a negative determinant", "a singular matrix")
    assert ("error" in answer) == refused


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"text": ""}, "got nothing"),
        ({"text": "1 2\n3"}, "expected"),
        ({"text": "1 x\n0 1"}, "expected"),
        ({"text": "nan 0\n0 1"}, "expected"),
        ({"text": "__import__('os') 1\n0 1"}, "expected"),
        ({"text": "[1, 2"}, "expected JSON"),
        ({"text": "[" * 100_000}, "expected a list of rows, got brackets nested"),
        ({"text": '{"a": ' + "[ " * 100_000}, "expected a list of rows, got brackets nested"),
        ({"text": "1 2\n2 4"}, "rank 1 of 2"),
        ({"text": "0 1\n1 0"}, "choose above to negate a coordinate first"),
        ({"text": "\n".join([" ".join(["1"] * 25)] * 25)}, "at most 24 coordinates"),
        ({"text": "1" * (session.MOST_BYTES + 1)}, "at most 4,000,000"),
        ({"text": "{}"}, "malformed"),
        ({"text": '{"format": "exactflow-depth-certificate"}'}, "malformed"),
        ({"name": "a.pt", "data": ""}, "expected a file of type"),
        ({"name": "a.npy", "data": ""}, "malformed"),
        ({"name": "a.csv", "data": base64.b64encode(b"\xff\xfe\x00").decode()}, "UTF-8"),
    ],
)
def test_bad_input(request_, words):
    assert words in ask(**request_)["error"]


@pytest.mark.parametrize("dtype", ["float32", "float64", ">f8", "int8"])
def test_npy_files(dtype):
    stream = io.BytesIO()
    np.save(stream, np.array([[2, 1], [3, 2]], dtype=dtype))
    answer = ask(name="W.npy", data=base64.b64encode(stream.getvalue()).decode())
    assert answer["target"]["text"] == [["2", "1"], ["3", "2"]]


def test_certificates_are_checked():
    right = certificate_text(factor([[2, 1], [3, 2]]))
    assert ask(text=right)["verdict"]["word"] == "proved"
    wrong = right.replace('"target": [["2"', '"target": [["5"')
    assert wrong != right
    found = ask(text=wrong)["verdict"]
    assert found["word"] == "refuted"
    assert any("row 0, column 0" in line for line in found["lines"])
    deep = depth_certificate_text(minimal_depth([[2, 1], [3, 2]]))
    assert ask(text=deep)["verdict"]["word"] == "proved"
    assert ask(name="d.json", data=base64.b64encode(deep.encode()).decode())["kind"] == "check"


def test_without_numpy_as_in_a_browser():
    code = """
import json, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("numpy", "scipy", "rich", "threadpoolctl"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import session
for text in session.EXAMPLES.values():
    session.answer(json.dumps({"text": text, "orientation": "pad"}))
answer = json.loads(session.answer(json.dumps({"text": "3 0 1 4 5 2 7 6"})))
print(answer["verdict"]["word"], len(answer["steps"]))
text = "-5 2 6 5; 5 -6 -3 -6; 0 5 0 0; 3 -1 5 -4"
answer = json.loads(session.answer(json.dumps({"text": text})))
print(answer["verdict"]["word"], answer["depth"]["sentence"][:16])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.stdout == "proved 7\nproved Not decided here\n", done.stderr
