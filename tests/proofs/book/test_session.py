"""What the playground answers, without a browser: also where there is no NumPy."""

import base64
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import exactflow
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
    factors = answer["factors"]
    assert factors[0]["made"] == factors[0]["matrix"]
    assert factors[-1]["made"] == answer["matrix"]
    assert [factor["name"][0] for factor in factors] == ["1", "2", "3", "4"]
    assert answer["matrix"]["text"][3] == ["1/3", "0", "1", "5/2"]
    assert answer["verdict"]["word"] == "proved"
    assert checker.check(answer["certificate"].encode()).verdict is checker.Verdict.VERIFIED


@pytest.mark.parametrize(
    "text", ["1 2\n3 7", "1,2\n3,7", "1,2;3,7", "[[1, 2], [3, 7]]", " 1 2 ;\n3 7"]
)
def test_forms_of_a_matrix(text):
    assert ask(text=text)["matrix"]["text"] == [["1", "2"], ["3", "7"]]


def test_decimals_are_exact():
    assert ask(text="0.1 0\n0 1e1")["matrix"]["text"] == [["1/10", "0"], ["0", "10"]]


def test_signs_and_spaces_of_a_copied_formula():
    assert ask(text="1\u00a0\u22122\n3\u20097")["matrix"]["text"] == [["1", "-2"], ["3", "7"]]


def test_the_proofs_are_shown_for_small_matrices():
    first, second = ask(text=session.EXAMPLES["three coordinates rotate"])["proofs"].items()
    assert first[0] == "The proof, step by step"
    assert second[0] == "The proof that fewer do not exist"
    assert "<details>" in first[1]
    assert "Suppose" in second[1]
    eye = "\n".join(" ".join(str(int(i == j)) for j in range(10)) for i in range(10))
    assert ask(text=eye)["proofs"] == {}


def test_scales_may_save_layers():
    answer = ask(text="2 0\n0 1/2")
    assert answer["headline"] == (
        "Two coupling layers equal this matrix exactly. Without scales it takes four."
    )
    assert answer["why"]["question"] == "Why not three without scales?"


@pytest.mark.parametrize(
    ("text", "orientation", "says", "question"),
    [
        ("0 1 2 4 5 3", "flip", "Six coupling layers equal this matrix exactly. Five", "five"),
        ("1 2 0", "flip", "Five coupling layers equal this matrix exactly. Four addit", "four"),
        ("2 1\n3 7", "flip", "Two coupling layers equal this matrix exactly. One does not.", "one"),
        ("2 0 1\n0 3 0\n1 1 1", "flip", "Three coupling layers equal this matrix exactly.", "two"),
        ("0 1\n1 0", "flip", "exactly, after coordinate 0 is negated. Two additive ones", "two"),
        ("0 1\n1 0", "pad", "exactly, with a pad in each half. Four additive ones do not.", "four"),
    ],
)
def test_depth_and_why_not_fewer(text, orientation, says, question):
    answer = ask(text=text, orientation=orientation)
    assert says in answer["headline"]
    assert answer["why"]["question"] == f"Why not {question}?"
    assert len(answer["why"]["reasons"]) == 2
    assert ("S, T, G, H" in answer["why"]["legend"]) == ("additive" not in answer["headline"])


def test_layers_of_minimal_depth_are_shown_where_they_are_fewer():
    answer = ask(text="0 1 0 0\n0 0 1 0\n0 0 0 1\n-1 0 0 0")
    assert len(answer["factors"]) == 4
    assert answer["notes"] == ["factor constructs six layers; minimal_depth found these."]
    assert eval(answer["python"], vars(exactflow)).depth == 4
    assert answer["verdict"]["word"] == "proved"


def test_layers_of_floats_are_not_shown_as_equal():
    """Four layers exist, as `minimal_depth` certifies; the six that are shown equal the matrix."""
    answer = ask(
        text="1 2 0 1 3 1\n0 1 1 2 0 1\n3 1 1 0 1 2\n1 0 2 1 1 0\n0 2 1 1 3 1\n1 1 0 2 1 4"
    )
    assert answer["verdict"]["word"] == "proved"
    assert len(answer["factors"]) == 6
    assert "Four layers of real scales are proved to exist" in " ".join(answer["notes"])


def test_one_scale_of_colours():
    answer = ask(text="1 1000000\n0 1")
    assert answer["scale"].endswith("the darkest is 1e6, on a logarithmic scale.")
    assert answer["matrix"]["tint"] == [[0.15, 1.0], [0.0, 0.15]]


@pytest.mark.parametrize("name", session.EXAMPLES)
def test_the_call_in_python_gives_the_layers_that_are_shown(name):
    answer = ask(text=session.EXAMPLES[name])
    if "error" not in answer:
        flow = eval(answer["python"], vars(exactflow))
        layers = [factor for factor in answer["factors"] if factor["name"] != "flip"]
        assert flow.depth == len(layers)
        shown = [layer["matrix"]["text"] for layer in layers]
        entries = [[[str(x) for x in row] for row in layer.matrix().tolist()] for layer in flow]
        assert entries == shown


def test_indices_start_at_0():
    assert ask(text="1 2 3 4")["error"].endswith(
        "got 1 to 4: indices start at 0, so subtract 1 from each"
    )


@pytest.mark.parametrize("orientation", ["flip", "pad"])
def test_a_negative_determinant_is_repaired_and_that_is_said(orientation):
    answer = ask(text="0 1\n1 0", orientation=orientation)
    assert answer["verdict"]["word"] == "proved"
    assert answer["notes"][0].startswith("The determinant is negative, and couplings preserve ori")
    assert ("negated" if orientation == "flip" else "a pad") in answer["notes"][0]
    assert ask(text="0 1\n1 0")["headline"] == ask(text="0 1\n1 0", orientation="flip")["headline"]


@pytest.mark.parametrize("name", session.EXAMPLES)
def test_every_example_is_answered(name):
    assert ("error" in ask(text=session.EXAMPLES[name])) == (name == "a singular matrix")


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
    assert answer["matrix"]["text"] == [["2", "1"], ["3", "2"]]


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


INPUTS_WITHOUT_NUMPY = {
    "1 0; 0 1": "No coupling layer is needed: this matrix is the identity.",
    "-1 0; 0 1": "No coupling layer is needed once coordinate 0 is negated.",
    "0 1 2 3 4 5": "No coupling layer is needed: this matrix is the identity.",
    "0 1 2 4 5 3": "Six coupling layers equal this matrix exactly. Five additive ones do not.",
    "2 0; 0 1/2": "Two coupling layers equal this matrix exactly. Without scales it takes four.",
    "-1 0 0 0; 0 -1 0 0; 0 0 1 0; 0 0 0 1": (
        "Six coupling layers equal this matrix exactly. Five additive ones do not."
    ),
    "-5 2 6 5; 5 -6 -3 -6; 0 5 0 0; 3 -1 5 -4": (
        "Four coupling layers equal this matrix exactly. Three do not."
    ),
    "1 2 0 1 3 1; 0 1 1 2 0 1; 3 1 1 0 1 2; 1 0 2 1 1 0; 0 2 1 1 3 1; 1 1 0 2 1 4": (
        "Five coupling layers equal this matrix exactly. Three do not."
    ),
    " ".join(map(str, [*range(1, 24), 0])): (
        "Six coupling layers equal this matrix exactly, after coordinate 0 is negated."
    ),
    "1 2; 2 4": (
        "expected an invertible matrix, got a singular one (rank 1 of 2): a flow is invertible, so "
        "no flow represents it"
    ),
}


def test_ten_inputs_without_numpy_as_in_a_browser():
    code = """
import json, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("numpy", "scipy", "rich", "threadpoolctl"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import session
for text in json.loads(sys.argv[1]):
    for orientation in ("flip", "pad"):
        answer = json.loads(session.answer(json.dumps({"text": text, "orientation": orientation})))
        print(answer.get("verdict", {}).get("word", "error"))
        if orientation == "flip":
            print(answer.get("headline") or answer["error"])
"""
    inputs = [*INPUTS_WITHOUT_NUMPY, *session.EXAMPLES.values()]
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(inputs)],
        cwd=FOLDER, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == 3 * len(inputs), done.stderr
    assert lines[1::3][: len(INPUTS_WITHOUT_NUMPY)] == [*INPUTS_WITHOUT_NUMPY.values()]
    singular = [text in ("1 2; 2 4", "1 2\n2 4") for text in inputs]
    for words in (lines[::3], lines[2::3]):
        assert words == ["error" if refused else "proved" for refused in singular]
