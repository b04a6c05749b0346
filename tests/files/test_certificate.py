"""Certificates: the same bytes for the same flow, and back into an equal flow."""

import json
from pathlib import Path

import pytest
import sympy
from matrices import NEGATIVE, POSITIVE
from sympy import GF, QQ
from sympy.polys.matrices import DomainMatrix

from exactflow import CouplingFlow, LinearCoupling, checker, factor, load, permutation, save
from exactflow.errors import CertificateError, InvalidInputError, VerificationError
from exactflow.files.certificate import certificate_text


def write(flow: CouplingFlow, path: Path, target=None, **claim) -> None:
    path.write_text(certificate_text(flow, target, **claim))


SMALL = [name for name, M in POSITIVE.items() if M.rows <= 6]


def test_a_certificate_of_a_later_version_asks_for_an_update(tmp_path):
    path, text = tmp_path / "c.json", certificate_text(factor([[1, 2], [3, 7]]))
    for version, hint in (("3", ": a later exactflow"), ("17", ": a later exactflow"), ("0", "$")):
        path.write_text(text.replace('"version": 2', f'"version": {version}', 1))
        with pytest.raises(CertificateError, match=f"found the number {version}{hint}"):
            load(path)


@pytest.mark.parametrize("name", SMALL)
def test_round_trip_and_checker(tmp_path, name):
    flow = factor(POSITIVE[name])
    path = tmp_path / "c.json"
    write(flow, path)
    assert load(path) == flow
    assert checker.check_file(path) == 0
    assert path.read_text() == certificate_text(flow)


@pytest.mark.parametrize("name", NEGATIVE)
def test_flips(tmp_path, name):
    flow = factor(NEGATIVE[name], orientation="flip")
    write(flow, tmp_path / "c.json")
    assert load(tmp_path / "c.json").flips == (0,)
    assert checker.check_file(tmp_path / "c.json") == 0


@pytest.mark.parametrize("partition", [None, [0, 1] * 50 + [0]])
def test_a_permutation_of_101_coordinates(tmp_path, partition):
    M = permutation([*range(1, 101), 0])
    flow = factor(M, partition=partition)
    write(flow, tmp_path / "c.json")
    back = load(tmp_path / "c.json")
    assert (back.method, back.layers) == ("permutation", flow.layers)
    assert checker.check_file(tmp_path / "c.json") == 0


def test_finite_field(tmp_path):
    field = GF(101)
    shift = DomainMatrix([[field(3), field(100)]], (1, 2), field)
    flow = CouplingFlow([LinearCoupling((1, 2), "first", shift)])
    write(flow, tmp_path / "c.json")
    assert '"GF(101)"' in (tmp_path / "c.json").read_text()
    assert load(tmp_path / "c.json").layers[0].shift_matrix == shift
    assert checker.check_file(tmp_path / "c.json") == 0


def test_number_field(tmp_path):
    root = sympy.sqrt(2)
    flow = CouplingFlow([LinearCoupling((1, 1), "first", [[root / 3]], scale=[1 + root])])
    write(flow, tmp_path / "c.json")
    content = json.loads((tmp_path / "c.json").read_text())
    assert content["field"] == {"modulus": ["-2", "0", "1"], "root": ["1", "2"]}
    assert content["layers"][0]["shift"] == [[["0", "1/3"]]]
    assert checker.check_file(tmp_path / "c.json") == 0
    back = load(tmp_path / "c.json")
    assert sympy.simplify(back.layers[0].shift[0, 0] - root / 3) == 0


def test_a_field_without_a_root_has_the_largest_real_one(tmp_path):
    flow = CouplingFlow([LinearCoupling((1, 1), "first", [[sympy.sqrt(2)]])])
    content = json.loads(certificate_text(flow))
    del content["field"]["root"]
    (tmp_path / "c.json").write_text(json.dumps(content | {"version": 1}))
    assert checker.check_file(tmp_path / "c.json") == 0
    back = load(tmp_path / "c.json")
    assert sympy.simplify(back.layers[0].shift[0, 0] - sympy.sqrt(2)) == 0


def test_rational_entries_of_a_wider_field(tmp_path):
    flow = CouplingFlow(
        [
            LinearCoupling((1, 1), "first", [["1/3"]], scale=[2]),
            LinearCoupling((1, 1), "second", [[sympy.sqrt(3)]]),
        ]
    )
    write(flow, tmp_path / "c.json")
    assert checker.check_file(tmp_path / "c.json") == 0
    assert load(tmp_path / "c.json").depth == 2


def test_symbols_have_no_certificate():
    flow = CouplingFlow([LinearCoupling((1, 1), "first", [[sympy.Symbol("t")]])])
    with pytest.raises(InvalidInputError, match="substitute numbers for the symbols"):
        certificate_text(flow)


def test_deterministic_bytes():
    M = POSITIVE["random d=4"]
    assert certificate_text(factor(M)) == certificate_text(factor(M))
    assert certificate_text(factor(M), provenance={"b": 1, "a": 2}) == certificate_text(
        factor(M), provenance={"a": 2, "b": 1}
    )


def test_entries_over_4300_digits(tmp_path):
    flow = CouplingFlow([LinearCoupling((1, 1), "first", [[QQ(1, 10**6000 + 1)]])])
    write(flow, tmp_path / "c.json")
    assert load(tmp_path / "c.json") == flow


def test_integers_over_4300_digits_in_the_provenance(tmp_path):
    text = certificate_text(factor(POSITIVE["random d=4"]))
    path = tmp_path / "c.json"
    path.write_text(text.replace('"provenance": {', '"provenance": {"seed": ' + "7" * 5000 + ", "))
    assert checker.check_file(path) == 0
    assert load(path) == factor(POSITIVE["random d=4"])


def test_malformed_and_false_are_told_apart(tmp_path):
    path = tmp_path / "c.json"
    with pytest.raises(CertificateError, match="No such file"):
        load(path)
    path.write_text("{")
    with pytest.raises(CertificateError, match="JSON"):
        load(path)
    text = certificate_text(factor(sympy.Matrix([[2, 1], [1, 1]])))
    path.write_text(text.replace('"target": [["2"', '"target": [["3"'))
    with pytest.raises(VerificationError, match="row 0, column 0"):
        load(path)


def test_nothing_half_written(tmp_path):
    flow = factor(POSITIVE["random d=4"])
    with pytest.raises(InvalidInputError, match="cannot write the file"):
        save(flow, tmp_path / "missing" / "c.json")
    (tmp_path / "c.json").mkdir()
    with pytest.raises(InvalidInputError, match="cannot write the file"):
        save(flow, tmp_path / "c.json")
    assert [p.name for p in tmp_path.iterdir()] == ["c.json"]


def test_the_target_is_what_the_layers_make():
    flow = CouplingFlow([LinearCoupling((1, 1), "second", [[5]])], flips=[0])
    content = json.loads(certificate_text(flow))
    assert content["target"] == [["-1", "0"], ["-5", "1"]]
    assert flow.domain_matrix().to_Matrix() == sympy.Matrix([[-1, 0], [-5, 1]])


def test_orders_are_written_and_read(tmp_path):
    M = POSITIVE["random d=4"]
    flow = factor(M, partition=[0, 1, 0, 1])
    write(flow, tmp_path / "c.json", M)
    assert json.loads((tmp_path / "c.json").read_text())["order"] == [1, 3, 0, 2]
    assert checker.check_file(tmp_path / "c.json") == 0
    assert load(tmp_path / "c.json") == flow
    assert certificate_text(flow, M) == certificate_text(flow)


def test_orders_with_flips(tmp_path):
    M = next(M for M in NEGATIVE.values() if M.rows == 4)
    flow = factor(M, orientation="flip", partition=[0, 0, 1, 1])
    write(flow, tmp_path / "c.json", M)
    assert checker.check_file(tmp_path / "c.json") == 0
    assert load(tmp_path / "c.json").matrix() == M


def test_pads_are_left_out(tmp_path):
    M = sympy.Matrix([[0, 1], [1, 0]])
    flow = factor(M, orientation="pad")
    write(flow, tmp_path / "c.json", M, pads=(1, 3))
    assert certificate_text(flow, pads=(1, 3)) == (tmp_path / "c.json").read_text()
    assert checker.check_file(tmp_path / "c.json") == 0
    assert load(tmp_path / "c.json") == flow
    write(flow, tmp_path / "c.json", 2 * M, pads=(1, 3))
    with pytest.raises(VerificationError, match="first differing entry: row 0, column 2"):
        load(tmp_path / "c.json")
    with pytest.raises(
        InvalidInputError, match="expected a 4 x 4 matrix as target, like the flow, got"
    ):
        certificate_text(flow, M)


def test_within_is_about_a_target_that_differs(tmp_path):
    flow = factor([[2, 1], [0, 1]])
    near = [["2", "1"], ["1/1000", "1"]]
    write(flow, tmp_path / "c.json", near, within=QQ(1, 1000))
    assert checker.check_file(tmp_path / "c.json") == 0
    assert load(tmp_path / "c.json") == flow
    write(flow, tmp_path / "c.json", near, within=QQ(1, 1001))
    with pytest.raises(VerificationError, match=r"not within 0\.000999 \(rounded down\)"):
        load(tmp_path / "c.json")


def test_a_target_that_the_flow_is_not_is_for_the_checker_to_refute(tmp_path):
    write(factor([[2, 1], [0, 1]]), tmp_path / "c.json", [[2, 1], [0, 3]])
    assert checker.check_file(tmp_path / "c.json") == 1


def test_a_target_over_another_field():
    with pytest.raises(InvalidInputError, match="like the flow"):
        certificate_text(factor([[2, 1], [0, 1]]), DomainMatrix.eye(2, GF(7)))


@pytest.mark.parametrize(
    ("coefficients", "index"),
    [
        ([1, 0, -2], 0),
        ([1, 0, -2], 1),
        ([1, 0, 0, -2], 0),
        *[([1, 0, -10, 0, 1], index) for index in (0, 2)],
    ],
)
def test_the_root_that_generates_the_field(tmp_path, coefficients, index):
    modulus = sympy.Poly(coefficients, sympy.Symbol("x"), domain=QQ)
    field = QQ.alg_field_from_poly(modulus, root_index=index)
    generator = field([QQ(1), QQ(0)])
    shift, scale = ([[x]] for x in (generator, generator + 4))
    shift, scale = (DomainMatrix(x, (1, 1), field) for x in (shift, scale))
    flow = CouplingFlow([LinearCoupling((1, 1), "first", shift, scale)], field=field)
    write(flow, tmp_path / "c.json")
    assert checker.check_file(tmp_path / "c.json") == 0
    back = load(tmp_path / "c.json").layers[0]
    root = sympy.rootof(modulus.as_expr(), index)
    assert abs(sympy.N(back.shift[0, 0] - root, 30)) < 1e-25
    assert abs(sympy.N(back.scale[0] - root - 4, 30)) < 1e-25


def test_a_generator_that_is_not_real_names_no_root():
    text = certificate_text(
        CouplingFlow([LinearCoupling((1, 1), "first", [[sympy.sqrt(2) * sympy.I]])])
    )
    assert json.loads(text)["field"].keys() == {"modulus"}


def test_an_undecided_modulus_is_not_read(tmp_path):
    content = {"modulus": ["0"] * 17 + ["1"]}
    (tmp_path / "c.json").write_text(
        json.dumps(json.loads(certificate_text(factor([[2, 1], [0, 1]]))) | {"field": content})
    )
    with pytest.raises(CertificateError, match="degree 17"):
        load(tmp_path / "c.json")


def reads_back(flow, path):
    """Whether the only shift of a flow over a number field comes back as the number it was."""
    save(flow, path)
    assert checker.check_file(path) == 0
    before, after = (f.layers[0].shift[0, 0] for f in (flow, load(path)))
    return abs(sympy.N(after, 20) - sympy.N(before, 20)) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize(
    "number",
    [
        sympy.I,
        -sympy.I,
        sympy.exp(2 * sympy.pi * sympy.I / 5),
        sympy.exp(-4 * sympy.pi * sympy.I / 5),
        2 * sympy.cos(4 * sympy.pi / 9),
        sympy.Integer(-1) ** sympy.Rational(2, 9) - sympy.Integer(-1) ** sympy.Rational(7, 9),
        sympy.sqrt(2) * sympy.I,
        sympy.sqrt(2) + sympy.I,
        -sympy.sqrt(2),
        (1 + sympy.sqrt(5)) / 2,
    ],
    ids=str,
)
def test_a_number_comes_back_as_itself_and_not_as_a_conjugate(tmp_path, number):
    assert reads_back(
        CouplingFlow([LinearCoupling((1, 1), "first", [[number]])]), tmp_path / "c.json"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("coefficients", "index"),
    [
        ([1, 0, 0, -2], 1),  # a cube root of two that is not real
        ([1, 0, 0, -2], 2),
        ([1, 0, 4, 0, 1], 3),  # four roots on one line
        ([1, 0, 4, 0, 1], 0),
        ([1, 0, 0, 0, 0, -2 * 10**6, 4000, -2], 2),  # two real roots that lie close
    ],
)
def test_every_root_of_a_modulus_comes_back(tmp_path, coefficients, index):
    modulus = sympy.Poly(coefficients, sympy.Symbol("x"), domain=QQ)
    root = sympy.rootof(modulus, index, radicals=False)
    field = QQ.algebraic_field(sympy.AlgebraicNumber((modulus, root)))
    shift = DomainMatrix([[field.unit]], (1, 1), field)
    save(CouplingFlow([LinearCoupling((1, 1), "first", shift)]), tmp_path / "c.json")
    after = load(tmp_path / "c.json").layers[0].shift[0, 0]
    assert abs(after.eval_approx(30) - root.eval_approx(30)) < 1e-25


@pytest.mark.parametrize("found", ["x", [], ["1"], [1, 2], ["1", "i"], ["1" * 2000, "1"], None])
def test_decimals_that_are_none_choose_no_root(tmp_path, found):
    content = json.loads(
        certificate_text(CouplingFlow([LinearCoupling((1, 1), "first", [[sympy.I]])]))
    )
    content["provenance"]["generator"] = found
    (tmp_path / "c.json").write_text(json.dumps(content))
    assert load(tmp_path / "c.json").layers[0].shift[0, 0] in (sympy.I, -sympy.I)


REDUCIBLE = {"modulus": ["6", "0", "-5", "0", "1"]}
UNDECIDED = {"modulus": ["4", "0", "0", "0", "1"]}


def over(field, target, shift, sign=False):
    """A certificate of one layer, whose first scale is one or marked as unchecked."""
    layer = {"moves": "first", "scale": [["0", "1"] if sign else ["1"]], "shift": [[shift]]}
    layer |= {"sign": "unchecked"} if sign else {}
    head = {"format": "exactflow-certificate", "version": 2, "field": field, "partition": [1, 1]}
    return head | {"target": target, "layers": [layer]}


@pytest.mark.parametrize(
    ("content", "code", "error"),
    [
        (over(REDUCIBLE, [[["4"], ["0", "1"]], [[], ["1"]]], ["0", "1"]), 1, VerificationError),
        (over(REDUCIBLE, [[["1"], ["0", "1"]], [[], ["1"]]], ["0", "1"]), 3, CertificateError),
        (over(UNDECIDED, [[["1"], ["0", "1"]], [[], ["1"]]], ["0", "1"]), 3, CertificateError),
        (
            over({"modulus": ["1", "0", "1"]}, [[["0", "1"], []], [[], ["1"]]], [], sign=True),
            3,
            CertificateError,
        ),
        (over({"modulus": ["0"] * 17 + ["1"]}, [[]], []), 3, CertificateError),
        (over("GF(9)", [["1", "0"], ["0", "1"]], "0"), 2, CertificateError),
    ],
)
def test_load_accepts_exactly_what_the_checker_verifies(tmp_path, content, code, error):
    (tmp_path / "c.json").write_text(json.dumps(content))
    assert checker.check_file(tmp_path / "c.json") == code
    with pytest.raises(error, match=r"^c\.json: "):
        load(tmp_path / "c.json")


CORPUS = Path(__file__).parents[1] / "corpus"


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["correct", "incorrect", "malformed", "incomplete"])
def test_load_decides_as_the_checker_on_the_corpus(folder):
    for path in sorted(CORPUS.rglob(f"{folder}/*.json")):
        try:
            load(path)
            code = 0
        except VerificationError:
            code = 1
        except CertificateError:
            code = 2
        assert code == min(checker.check_file(path), 2), path.name


def test_a_field_that_the_checker_cannot_decide_is_not_saved(tmp_path):
    modulus = sympy.Poly([1] + [0] * 16 + [-2], sympy.Symbol("x"), domain=QQ)
    field = QQ.alg_field_from_poly(modulus, root_index=0)
    shift = DomainMatrix([[field.unit]], (1, 1), field)
    with pytest.raises(InvalidInputError, match=r"cannot decide .*degree 17"):
        save(CouplingFlow([LinearCoupling((1, 1), "first", shift)]), tmp_path / "c.json")
    assert not list(tmp_path.iterdir())
