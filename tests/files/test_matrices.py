"""Files in, exact matrices out; bad files get one clear error."""

import hashlib
import io
import json
import pickle
import zipfile

import numpy as np
import pytest
import sympy

from exactflow.errors import InvalidInputError
from exactflow.files.matrices import read_square_matrix

WEIGHT = np.array([[0.1, -2.0], [1.5, 3.0]])
EXACT = sympy.Matrix(2, 2, [sympy.Rational(*float(x).as_integer_ratio()) for x in WEIGHT.flat])
THIRDS = sympy.Matrix([["1/3", 2], ["-5/7", "1/10"]])


def npy(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.fixture
def file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


GOOD = [
    ("w.npy", npy(WEIGHT), EXACT, "float64"),
    ("w.NPY", npy(WEIGHT.astype(">f8")), EXACT, ">f8"),
    ("w.npy", npy(np.asfortranarray(WEIGHT)), EXACT, "float64"),
    ("w.npy", npy(WEIGHT.reshape(2, 2, 1, 1)), EXACT, "float64"),
    (
        "w.npy",
        npy(np.array([[1, 2], [3, 4]], dtype=np.int8)),
        sympy.Matrix([[1, 2], [3, 4]]),
        "int8",
    ),
    ("w.npz", npz(w=WEIGHT), EXACT, "float64"),
    ("w.json", json.dumps(WEIGHT.tolist()), EXACT, "json text"),
    ("w.json", '[["1/3", 2], ["-5/7", "0.1"]]', THIRDS, "json text"),
    ("w.csv", "1/3, 2\n-5/7,0.1\n", THIRDS, "csv text"),
    ("w.csv", "\ufeff1/3,2\r\n-5/7,1e-1\r\n\r\n", THIRDS, "csv text"),
]


@pytest.mark.parametrize(("name", "content", "matrix", "dtype"), GOOD)
def test_reads_exactly(file, name, content, matrix, dtype):
    path = file(name, content)
    read = read_square_matrix(path)
    assert read.matrix.to_Matrix() == matrix
    assert read.dtype == dtype
    assert read.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_square_matrix(path, transpose=True).matrix.to_Matrix() == matrix.T


def test_keys(file):
    path = file("w.npz", npz(a=WEIGHT, b=2 * WEIGHT))
    assert read_square_matrix(path, key="b").matrix.to_Matrix() == 2 * EXACT
    with pytest.raises(InvalidInputError, match="'a' 2 x 2, 'b' 2 x 2"):
        read_square_matrix(path)
    with pytest.raises(InvalidInputError, match="'a' 2 x 2, 'b' 2 x 2"):
        read_square_matrix(path, key="c")


def test_keys_of_square_matrices_are_listed_first_and_a_near_one_is_suggested(file):
    biases = {f"flows.{i}.bias": np.ones(3) for i in range(9)}
    convolution = {"flows.8.conv": np.ones((3, 3, 1, 1)), "flows.8.wide": np.ones((3, 3, 5))}
    path = file("w.npz", npz(**biases, **convolution, **{"flows.7.W": WEIGHT}))
    with pytest.raises(InvalidInputError) as found:
        read_square_matrix(path, key="flows.4.W")
    told = str(found.value)
    assert "keys 'flows.7.W' 2 x 2, 'flows.8.conv' 3 x 3 x 1 x 1, 'flows.0.bias' 3, " in told
    assert told.endswith("and 4 more (--key), got 'flows.4.W': did you mean flows.7.W?")


def test_the_text_of_savetxt_is_read_as_written(tmp_path):
    np.savetxt(tmp_path / "w.txt", [[0.5, -2], [0, 3]], header="two rows\nof a matrix")
    read = read_square_matrix(tmp_path / "w.txt")
    assert read.matrix.to_Matrix() == sympy.Matrix([[sympy.Rational(1, 2), -2], [0, 3]])
    assert read.dtype == "txt text"
    (tmp_path / "w.txt").write_text("0.1  1/3 # decimals are exact\n\n 0 1\n")
    exact = sympy.Matrix([[sympy.Rational(1, 10), sympy.Rational(1, 3)], [0, 1]])
    assert read_square_matrix(tmp_path / "w.txt").matrix.to_Matrix() == exact


def test_integers_over_4300_digits(file):
    digits = "9" * 5000
    for name, content in (("w.json", f"[[{digits}]]"), ("w.csv", digits)):
        assert read_square_matrix(file(name, content)).matrix.to_Matrix()[0] == 10**5000 - 1


class Trap:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


BAD = [
    ("w.npy", npy(np.array([[Trap()]], dtype=object)), "never unpickled"),
    ("w.npy", pickle.dumps(Trap()), "never unpickled"),
    ("w.npy", b"", "npy"),
    ("w.npy", npy(WEIGHT)[:-3], "npy"),
    ("w.npy", npy(np.array([[np.nan]])), "finite"),
    ("w.npy", npy(np.zeros((2, 2, 3, 3))), "larger kernel"),
    ("w.npy", npy(np.zeros((2, 3))), "2 x 3"),
    ("w.npz", b"PK nonsense", "archive"),
    ("w.npz", npz(w=np.array([[Trap()]], dtype=object)), "never unpickled"),
    ("w.json", "[[1, 2], [3]]", "equal length"),
    ("w.json", "[[NaN]]", "NaN"),
    ("w.json", "[[1e400]]", "finite"),
    ("w.json", "[[true]]", "bool"),
    ("w.json", '{"a": 1}', "got a JSON object"),
    ("w.json", "[[1", "JSON"),
    ("w.json", "[" * 100_000, "deeply"),
    ("w.json", b"\xff\xfe", "UTF-8"),
    ("w.csv", "1,2\n3", "equal length"),
    ("w.csv", "1,x\n3,4", r"entry \(0, 1\)"),
    ("w.csv", "1/0", "denominator zero"),
    ("w.csv", "", "empty"),
    ("w.csv", "a,b\n1,2\n3,4", "line 1 is a header, 'a, b': remove it"),
    ("w.csv", "0,1\n1,2\n3,4", "line 1 is a header, '0, 1': remove it"),
    ("w.csv", ",0,1\n0,1,2\n1,3,4", "line 1 is a header, ', 0, 1': remove it, and a column of row"),
    ("w.csv", "# made by hand\n1,2\n3,4", "line 1 is a header"),
    (
        "w.csv",
        "1,2\n3;4",
        "line 2 has ';' between numbers: separate fields by commas, and write decimals",
    ),
    ("w.csv", "1\t2\n3\t4", r"line 1 has '\\t' between numbers"),
    ("w.csv", "2 1\n1 1", "line 1 has ' ' between numbers: separate fields by commas"),
    ("w.csv", "1,5;2\n3;4", "line 1 has ';' between numbers"),
    ("w.csv", "a;b\n1;2\n3;4", "line 2 has ';' between numbers"),
    ("w.csv", "row 1,row 2\n1,2\n3,4", "line 1 is a header, 'row 1, row 2'"),
    ("w.json", "[[1,2],[3", "the text is not JSON at line 1, column 10: Expecting"),
    ("w.csv", "nan,nan\n1,2", r"entry \(0, 0\)"),
    ("w.csv", "1,2\n3,4\n5,6", "expected a square matrix, got 3 x 2"),
    (
        "w.txt",
        "1,2\n3,4",
        "line 1 has ',' between numbers: separate fields by blanks, or name a file with",
    ),
    ("w.txt", "a b\n1 2\n3 4", "line 1 is a header, 'a b'"),
    ("w.txt", "# only a comment\n", "empty"),
    ("w.dat", "1", "expected a file of type"),
    ("w", "1", "expected a file of type"),
]


@pytest.mark.parametrize(("name", "content", "words"), BAD)
def test_refuses(file, name, content, words):
    with pytest.raises(InvalidInputError, match=words):
        read_square_matrix(file(name, content))


def test_refuses_what_is_no_file(tmp_path):
    with pytest.raises(InvalidInputError, match="No such file"):
        read_square_matrix(tmp_path / "missing.npy")
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(InvalidInputError, match="directory"):
        read_square_matrix(tmp_path / "folder.npy")
    (tmp_path / "w.csv").write_text("1")
    with pytest.raises(InvalidInputError, match="no key"):
        read_square_matrix(tmp_path / "w.csv", key="a")


def test_a_zip_with_a_bad_member(file):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("w.npy", b"junk")
    with pytest.raises(InvalidInputError, match="npy"):
        read_square_matrix(file("w.npz", buffer.getvalue()))


def test_safetensors(file):
    save = pytest.importorskip("safetensors.numpy").save
    path = file("w.safetensors", save({"a": WEIGHT.astype(np.float32), "b": WEIGHT}))
    assert read_square_matrix(path, key="b").matrix.to_Matrix() == EXACT
    with pytest.raises(InvalidInputError, match="'a' 2 x 2, 'b' 2 x 2"):
        read_square_matrix(path)
    with pytest.raises(InvalidInputError, match="safetensors"):
        read_square_matrix(file("x.safetensors", b"junk"))


def test_torch(tmp_path):
    torch = pytest.importorskip("torch")
    weight = torch.tensor(WEIGHT)
    torch.save({"conv.weight": weight.reshape(2, 2, 1, 1), "bias": weight[0]}, tmp_path / "w.pt")
    assert read_square_matrix(tmp_path / "w.pt", key="conv.weight").matrix.to_Matrix() == EXACT
    torch.save(torch.nn.Parameter(weight.bfloat16()), tmp_path / "b.pt")
    assert read_square_matrix(tmp_path / "b.pt").matrix.to_Matrix()[1, 0] == sympy.Rational(3, 2)
    (tmp_path / "trap.pt").write_bytes(pickle.dumps(Trap(), protocol=2))
    with pytest.raises(InvalidInputError, match="tensors only"):
        read_square_matrix(tmp_path / "trap.pt")
