"""The checker against mutated certificates, arbitrary JSON and arbitrary bytes.

What it accepts must be exactly what is true by `truth`, plain products of matrices.  No input may
end in a traceback.
"""

import copy
import io
import json
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from truth import Field, is_true

from exactflow import checker

CORPUS = Path(__file__).parents[1] / "corpus"


SMALL = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

SEEDS = {
    path.stem: json.loads(path.read_bytes())
    for path in sorted((CORPUS / "correct").glob("*.json"))
    if path.stat().st_size < 6000
}


PROBABLY = "s PROBABLY VERIFIED (error <= 2^-100)"


def check(data: bytes, folder: Path, quick: bool = False) -> int:
    """Return the exit code on these bytes, once all that is printed is as it should be."""
    path, out, err = folder / "certificate.json", io.StringIO(), io.StringIO()
    path.write_bytes(data)
    code = checker.check_file(path, None, out, err, quick=quick)
    lines = out.getvalue().splitlines()
    last_line = {0: "s VERIFIED", 1: "s NOT VERIFIED", 2: None, 3: "s NOT VERIFIED"}[code]
    if quick and code == 3 and not lines[-2].startswith("c incomplete: "):
        last_line = PROBABLY
    assert (lines[-1] if lines else None) == last_line
    assert sum(line.startswith("s ") for line in lines) == (code != 2)
    assert bool(err.getvalue()) == (code == 2)
    assert (out.getvalue() + err.getvalue()).isascii()
    return code


def scales_are_positive(claim):
    """Return whether each scale is admissible, for claims that are otherwise well formed."""
    field = Field(claim["field"])
    for layer in claim["layers"]:
        for a in map(field.coefficients, layer["scale"]):
            if not any(a) or (not field.prime and not any(a[1:]) and a[0] < 0):
                return False
    return True


# ---- mutations


def integer_text(draw):
    """Draw an integer as it may be written."""
    n = draw(st.one_of(st.integers(-3, 3), st.integers(-(10**30), 10**30)))
    return "0" * draw(st.sampled_from([0, 0, 0, 2])) + str(n) if n >= 0 else str(n)


def scalar(draw, claim):
    """Draw a scalar of the field of the claim, as a string."""
    text = integer_text(draw)
    if claim["field"] == "QQ" or isinstance(claim["field"], dict):
        denominator = draw(st.one_of(st.just(1), st.integers(1, 12)))
        text = text if denominator == 1 and draw(st.booleans()) else f"{text}/{denominator}"
    return text


def replacement(draw, claim, old):
    """Draw another entry, often close to the old one."""
    if isinstance(claim["field"], dict):
        size = len(claim["field"]["modulus"]) - 1
        entry = [str(c) for c in old] + ["0"] * (size - len(old))
        at = draw(st.integers(0, size - 1))
        entry[at] = replacement(draw, {"field": "QQ"}, entry[at])
        return entry
    kind = draw(st.sampled_from(["other", "sign", "near", "same value", "inverse"]))
    value = Fraction(old)
    finite = claim["field"] != "QQ"
    if kind == "sign":
        return str(-value)
    if kind == "near":
        step = draw(st.sampled_from([1, -1] if finite else [1, -1, Fraction(1, 10**40)]))
        return str(value + step)
    if kind == "same value" and finite:
        return str(int(value) + int(claim["field"][3:-1]) * draw(st.integers(-2, 2)))
    if kind == "same value":
        k = draw(st.integers(1, 9))
        return f"{value.numerator * k}/{value.denominator * k}"
    if kind == "inverse" and value and not finite:
        return str(1 / value)
    return scalar(draw, claim)


def table(claim):
    """Return the target or the covariance."""
    return claim["covariance" if "covariance" in claim else "target"]


def mutate_entry(draw, claim):
    """Change an entry of the target, a shift or a scale."""
    blocks = [table(claim)] + [layer["shift"] for layer in claim["layers"]]
    rows = [row for block in blocks for row in block] + [x["scale"] for x in claim["layers"]]
    row = draw(st.sampled_from(rows))
    at = draw(st.integers(0, len(row) - 1))
    row[at] = replacement(draw, claim, row[at])


def mutate_scale(draw, claim):
    """Change a scale."""
    if claim["layers"]:
        scale = draw(st.sampled_from(claim["layers"]))["scale"]
        at = draw(st.integers(0, len(scale) - 1))
        scale[at] = replacement(draw, claim, scale[at])


def mutate_order(draw, claim):
    """Permute the layers."""
    claim["layers"] = draw(st.permutations(claim["layers"]))


def drop_layer(draw, claim):
    """Drop a layer."""
    if claim["layers"]:
        claim["layers"].pop(draw(st.integers(0, len(claim["layers"]) - 1)))


def double_layer(draw, claim):
    """Insert a layer once more, right after itself or anywhere."""
    if claim["layers"]:
        again = copy.deepcopy(draw(st.sampled_from(claim["layers"])))
        claim["layers"].insert(draw(st.integers(0, len(claim["layers"]))), again)


def cancel_layer(draw, claim):
    """Insert a shear and its inverse side by side: the claim stays as true as it was."""
    ring_is_wide = isinstance(claim["field"], dict)
    for layer in claim["layers"]:
        if all(s in ("1", ["1"]) for s in layer["scale"]):
            opposite = copy.deepcopy(layer)

            def negate(entry):
                return [str(-Fraction(c)) for c in entry] if ring_is_wide else str(-Fraction(entry))

            opposite["shift"] = [[negate(t) for t in row] for row in layer["shift"]]
            at = draw(st.integers(0, len(claim["layers"])))
            claim["layers"][at:at] = [copy.deepcopy(layer), opposite]
            return


def swap_half(draw, claim):
    """Let the other half move, where the shift often does not fit."""
    if claim["layers"]:
        layer = draw(st.sampled_from(claim["layers"]))
        layer["moves"] = "first" if layer["moves"] == "second" else "second"


def mutate_flips(draw, claim):
    """Declare other flips."""
    d = sum(claim["partition"])
    claim["flips"] = draw(st.lists(st.integers(0, d - 1), unique=True, max_size=d))


def mutate_coordinates(draw, claim):
    """Declare another order, or other pads, perhaps with a target of another size."""
    d = sum(claim["partition"])
    key = draw(st.sampled_from(["order", "order", "pads"]))
    if key == "order":
        claim["order"] = draw(st.permutations(range(d)))
    else:
        claim["pads"] = draw(st.lists(st.integers(0, d - 1), unique=True, max_size=d - 1))
        if draw(st.booleans()):
            size = d - len(claim["pads"])
            claim["target"] = [row[:size] for row in table(claim)[:size]]
    claim["version"] = draw(st.sampled_from([2, 2, 2, 1]))


def mutate_bound(draw, claim):
    """Claim an inequality, with a bound near the largest difference or any other."""
    claim["within"] = draw(
        st.sampled_from(["0", "1", "1/3", "1/1000", "4/10000", "400001/1000000000", "-1"])
    )
    claim["version"] = 2


def mutate_root(draw, claim):
    """Name a root, or none, or two."""
    if isinstance(claim["field"], dict):
        low = draw(st.integers(-6, 6))
        claim["field"]["root"] = [f"{low}/2", f"{low + draw(st.integers(1, 4))}/2"]
        claim["version"] = 2


def swap_rows(draw, claim):
    """Exchange two rows of the target, perhaps the same."""
    rows = table(claim)
    i, j = (draw(st.integers(0, len(rows) - 1)) for _ in range(2))
    rows[i], rows[j] = rows[j], rows[i]


def move_partition(draw, claim):
    """Exchange the sizes of the halves."""
    claim["partition"] = claim["partition"][::-1]


MUTATIONS = [
    mutate_entry,
    mutate_entry,
    mutate_entry,
    mutate_scale,
    mutate_order,
    drop_layer,
    double_layer,
    cancel_layer,
    swap_half,
    mutate_flips,
    swap_rows,
    move_partition,
    mutate_coordinates,
    mutate_bound,
    mutate_root,
]


@st.composite
def mutants(draw):
    """Draw a true certificate, changed in one to three ways."""
    claim = copy.deepcopy(SEEDS[draw(st.sampled_from(sorted(SEEDS)))])
    for mutation in draw(st.lists(st.sampled_from(MUTATIONS), min_size=1, max_size=3)):
        mutation(draw, claim)
    return claim


def fits(claim):
    """Return whether every block of the claim has its shape, and every key its place."""
    p, q = claim["partition"]
    for layer in claim["layers"]:
        size, other = (p, q) if layer["moves"] == "first" else (q, p)
        widths = {len(row) for row in layer["shift"]}
        if len(layer["scale"]) != size or len(layer["shift"]) != size or widths != {other}:
            return False
    pads, rows = claim.get("pads", []), table(claim)
    if len(rows) != p + q - len(pads) or len(rows) == 0 or {len(r) for r in rows} != {len(rows)}:
        return False
    if claim["version"] == 1 and claim.keys() & {"order", "pads", "within", "covariance"}:
        return False
    if "within" in claim and (claim["field"] != "QQ" or Fraction(claim["within"]) < 0):
        return False
    if "covariance" in claim:
        transposed = [list(column) for column in zip(*rows, strict=True)]
        equal = [[Fraction(a) for a in r] for r in rows] == [
            [Fraction(a) for a in r] for r in transposed
        ]
        return equal and not pads and "target" not in claim
    return True


def verify_mutant(claim, folder):
    """Assert that the checker says what is true, quickly too, and return its exit code."""
    code, quickly = (check(json.dumps(claim).encode(), folder, quick) for quick in (False, True))
    inequality = "within" in claim or "covariance" in claim
    assert quickly == (3 if code == 0 and not inequality else code)
    if not fits(claim) or not scales_are_positive(claim):
        assert code == 2
    elif code == 2:  # beyond these, only a root, or a scale whose sign depends on it, is refused
        assert isinstance(claim["field"], dict)
        assert "root" in claim["field"] or any(
            len(s) > 1 and any(map(Fraction, s[1:])) for x in claim["layers"] for s in x["scale"]
        )
    else:
        assert code == (0 if is_true(claim) else 1)
    return code


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which each example overwrites the same file."""
    return tmp_path_factory.mktemp("fuzz")


@SMALL
@given(mutants())
def test_accepts_exactly_what_is_true(folder, claim):
    verify_mutant(claim, folder)


@pytest.mark.parametrize(
    "mutations",
    [pytest.param(800, marks=pytest.mark.slow), pytest.param(100_000, marks=pytest.mark.fuzz)],
)
def test_accepts_exactly_what_is_true_of_many_mutations(folder, mutations):
    counts = {0: 0, 1: 0, 2: 0, 3: 0}

    @settings(SMALL, max_examples=mutations)
    @given(mutants())
    def run(claim):
        counts[verify_mutant(claim, folder)] += 1

    run()
    print(f"exit codes over {sum(counts.values())} mutations: {counts}")
    assert sum(counts.values()) >= mutations
    assert min(counts[0], counts[1], counts[2]) > 0


def test_every_seed_is_true(folder):
    assert len(SEEDS) >= 20
    for claim in SEEDS.values():
        assert is_true(claim)
        assert check(json.dumps(claim).encode(), folder) == 0


# ---- what is no certificate

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(
            ["0", "1", "-1/2", "QQ", "GF(7)", "GF(4)", "first", "unchecked", "1/0", [0]]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(
                st.sampled_from(["modulus", "root", "moves", "scale", "shift"]), st.text(max_size=4)
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@st.composite
def damaged(draw):
    """Draw a certificate in which some value, at any depth, is replaced by any other."""
    claim = copy.deepcopy(SEEDS[draw(st.sampled_from(sorted(SEEDS)))])
    whole = {"": claim}
    at, key = whole, ""
    while isinstance(at[key], dict | list) and len(at[key]) and draw(st.integers(0, 3)):
        at = at[key]
        key = draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
    at[key] = draw(VALUES)
    return whole[""]


@st.composite
def with_another_entry(draw):
    """Draw a certificate in which one entry of a matrix is perhaps another number."""
    claim = copy.deepcopy(SEEDS[draw(st.sampled_from(sorted(SEEDS)))])
    whole = [claim[key] for key in ("target", "covariance") if key in claim]
    matrices = [*whole, *(layer["shift"] for layer in claim["layers"])]
    row = draw(st.sampled_from([row for matrix in matrices for row in matrix]))
    j, number = draw(st.integers(0, len(row) - 1)), draw(st.sampled_from(["0", "1", "-1", "2"]))
    row[j] = [number] if isinstance(claim["field"], dict) else number
    return claim


@pytest.mark.slow
@settings(SMALL, max_examples=8)
@given(VALUES)
def test_arbitrary_json(folder, value):
    assert check(json.dumps(value).encode(), folder) == 2


def test_arbitrary_json_inside_a_certificate(folder):
    met = Counter()

    @SMALL
    @given(damaged() | with_another_entry())
    def decides_what_is_well_formed(value):
        code = check(json.dumps(value).encode(), folder)
        met[code] += 1
        if code in (0, 1):
            assert code == (0 if is_true(value) else 1)

    decides_what_is_well_formed()
    assert set(met) >= {0, 1, 2}


@SMALL
@given(st.binary(max_size=200))
def test_arbitrary_bytes(folder, data):
    assert check(data, folder) == 2


def test_bytes_changed_in_a_certificate(folder):
    met = Counter()

    @SMALL
    @given(st.sampled_from(sorted(SEEDS)), st.data())
    def decides_what_is_well_formed(name, data):
        original = json.dumps(SEEDS[name]).encode()
        start = data.draw(st.integers(0, len(original)))
        stop = data.draw(st.integers(start, min(len(original), start + 4)))
        new = st.binary(max_size=4) | st.text("0123456789", max_size=4).map(str.encode)
        changed = original[:start] + data.draw(new) + original[stop:]
        code = check(changed, folder)
        met[code] += 1
        if code in (0, 1):
            assert code == (0 if is_true(json.loads(changed)) else 1)

    decides_what_is_well_formed()
    assert set(met) >= {0, 1, 2}


@SMALL
@given(st.sampled_from([".json", ".csv", ".npy"]), st.binary(max_size=200), st.booleans())
def test_arbitrary_bytes_as_a_target(folder, suffix, data, headed):
    target = folder / f"target{suffix}"
    target.write_bytes(b"\x93NUMPY\1\0" * headed + data)
    certificate = CORPUS / "correct" / "rotation_three_four_five.json"
    out, err = io.StringIO(), io.StringIO()
    assert checker.check_file(certificate, target, out, err) in (1, 2)
