"""The depth checker against mutated certificates: what it verifies must be true.

The product of the layers is that of `truth`; the least depth is that of `minimal_depth`, of which
the checker knows nothing.
"""

import copy
import json
import random
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from sympy import GF, QQ
from truth import Field, is_true, matrix_of

from exactflow import checker
from exactflow.exact import linalg
from exactflow.linear.depth import minimal_depth

CORPUS = Path(__file__).parents[1] / "corpus" / "depth" / "correct"
SEEDS = [
    json.loads(path.read_text())
    for path in sorted(CORPUS.glob("*.json"))
    if path.stat().st_size < 4000
]


def product(claim):
    """Return the product of the layers, as entries are written."""
    return [[str(x) for x in row] for row in matrix_of(claim)]


def is_least(claim):
    """Return whether the layers give the target and no fewer do."""
    if not is_true(claim):
        return False
    field = GF(Field(claim["field"]).prime) if claim["field"] != "QQ" else QQ
    entries = [
        [field(Fraction(x).numerator) / field(Fraction(x).denominator) for x in row]
        for row in claim["target"]
    ]
    M = linalg.from_entries(entries, (len(entries), len(entries)), field)
    order = list(claim.get("order", range(len(entries))))
    M = M.extract(order, order)
    answer = minimal_depth(M, scales=claim["scales"], partition=tuple(claim["partition"]))
    return answer.lower <= claim["depth"] <= answer.upper


def entry(rng, claim):
    """Draw an entry."""
    small = str(rng.choice([0, 0, 1, 1, -1, 2, 3, -2]))
    return small if claim["field"] != "QQ" or rng.random() < 0.8 else f"{small}/{rng.randint(1, 3)}"


def mutate_shift(rng, claim):
    """Change an entry of a layer, and the target with it or not."""
    if claim["layers"]:
        shift = rng.choice(claim["layers"])["shift"]
        row = rng.choice(shift)
        row[rng.randrange(len(row))] = entry(rng, claim)
        follow(rng, claim)


def mutate_scale(rng, claim):
    """Change a scale."""
    if claim["layers"]:
        scale = rng.choice(claim["layers"])["scale"]
        scale[rng.randrange(len(scale))] = rng.choice(["1", "2", "1/3", "0", "-1"])
        follow(rng, claim)


def empty_layer(rng, claim):
    """Make a layer the identity: fewer would do."""
    if claim["layers"]:
        layer = rng.choice(claim["layers"])
        layer["shift"] = [["0"] * len(row) for row in layer["shift"]]
        follow(rng, claim)


def simplify_shift(rng, claim):
    """Make a shift sparse: the obstructions may break, or not."""
    if claim["layers"]:
        for row in rng.choice(claim["layers"])["shift"]:
            row[rng.randrange(len(row))] = "0"
        follow(rng, claim)


def swap_layers(rng, claim):
    """Exchange two layers."""
    layers = claim["layers"]
    if layers:
        i, j = rng.randrange(len(layers)), rng.randrange(len(layers))
        layers[i], layers[j] = layers[j], layers[i]
        follow(rng, claim)


def mutate_target(rng, claim):
    """Change an entry of the target."""
    row = rng.choice(claim["target"])
    row[rng.randrange(len(row))] = entry(rng, claim)


def follow(rng, claim):
    """Let the target be the product of the layers, nearly always."""
    if rng.random() < 0.9:
        claim["target"] = product(claim)


def mutate_witness(rng, claim):
    """Change a number of a witness."""
    if claim["obstructions"]:
        obstruction = rng.choice(claim["obstructions"])
        if "k" in obstruction:
            obstruction["k"] = rng.randint(0, 4)
        elif "factors" in obstruction:
            f = rng.choice(obstruction["factors"])
            f[rng.randrange(len(f) - 1)] = entry(rng, claim)
        else:
            row = rng.choice(rng.choice([W for W in obstruction["multiplier"] if W]))
            row[rng.randrange(len(row))] = entry(rng, claim)


def lend_obstructions(rng, claim):
    """Take the obstructions of another certificate, and pad with layers that do nothing."""
    other = rng.choice(SEEDS)
    claim["obstructions"] = copy.deepcopy(other["obstructions"])
    p, q = claim["partition"]
    zero = {"moves": "first", "scale": ["1"] * p, "shift": [["0"] * q for _ in range(p)]}
    while len(claim["layers"]) < other["depth"]:
        claim["layers"].append(copy.deepcopy(zero))
    claim["depth"] = len(claim["layers"])


def swap_patterns(rng, claim):
    """Exchange the witnesses of the two patterns."""
    for obstruction in claim["obstructions"]:
        obstruction["pattern"] = obstruction["pattern"].translate(str.maketrans("UL", "LU"))


def change_kind(rng, claim):
    """Try another kind with the witness."""
    if claim["obstructions"]:
        obstruction = rng.choice(claim["obstructions"])
        for pair in (("similarity", "chain"), ("trace", "opposed")):
            if obstruction["kind"] in pair:
                obstruction["kind"] = pair[obstruction["kind"] == pair[0]]


def change_scales(rng, claim):
    """Claim the same with other scales."""
    claim["scales"] = "positive" if claim["scales"] == "additive" else "additive"


def change_depth(rng, claim):
    """Claim another depth."""
    claim["depth"] += rng.choice([-1, 1])


def damage(rng, claim):
    """Put some other value anywhere."""
    at, key = claim, rng.choice(sorted(claim))
    while isinstance(at[key], dict | list) and at[key] and rng.random() < 0.8:
        at = at[key]
        key = rng.choice(sorted(at)) if isinstance(at, dict) else rng.randrange(len(at))
    at[key] = rng.choice([None, True, 0, -1, 1.5, "", "1", "x", [], {}, ["1"], [["1"]], 10**30])


MUTATIONS = [
    mutate_shift,
    mutate_shift,
    simplify_shift,
    simplify_shift,
    empty_layer,
    mutate_scale,
    swap_layers,
    mutate_target,
    mutate_witness,
    mutate_witness,
    lend_obstructions,
    swap_patterns,
    change_kind,
    change_scales,
    change_depth,
]


def verdict(claim):
    """Return the exit code, once the last line is as it should be."""
    try:
        report = checker.check(json.dumps(claim).encode())
    except checker.MalformedError:
        return 2
    code, last_line = report.verdict.value
    assert last_line == ("s VERIFIED" if code == 0 else "s NOT VERIFIED")
    assert "\n".join(report.lines).isascii()
    assert code in (0, 1, 3)
    return code


@pytest.mark.parametrize(
    "mutations",
    [50, pytest.param(800, marks=pytest.mark.slow), pytest.param(100_000, marks=pytest.mark.fuzz)],
)
def test_what_is_verified_is_true(mutations):
    rng, counts = random.Random(mutations), Counter()
    for _ in range(mutations):
        claim = copy.deepcopy(rng.choice(SEEDS))
        chosen = rng.choices(MUTATIONS, k=rng.randint(1, 3))
        for mutation in chosen:
            try:
                mutation(rng, claim)
            except (IndexError, ValueError):
                continue  # an earlier mutation left nothing to change
        code = verdict(claim)
        counts[code] += 1
        assert code != 0 or is_least(claim)
    print(f"exit codes over {mutations} mutations: {dict(counts)}")
    assert min(counts[0], counts[1], counts[2]) > mutations // 20


@pytest.mark.parametrize("mutations", [400, pytest.param(50_000, marks=pytest.mark.fuzz)])
def test_damage_is_malformed_or_harmless(mutations):
    rng, counts = random.Random(mutations), Counter()
    for _ in range(mutations):
        claim = copy.deepcopy(rng.choice(SEEDS))
        damage(rng, claim)
        code = verdict(claim)
        counts[code] += 1
        assert code != 0 or is_least(claim)
    assert counts[2] > mutations // 2


@pytest.mark.slow
def test_every_seed_is_true():
    assert len(SEEDS) > 80
    assert all(is_least(claim) and verdict(claim) == 0 for claim in SEEDS)


def test_bytes_changed_in_a_certificate():
    rng = random.Random(1)
    for _ in range(400):
        data = bytearray(json.dumps(rng.choice(SEEDS)).encode())
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            code, _ = checker.check(bytes(data)).verdict.value
        except checker.MalformedError:
            continue
        assert code != 0 or is_least(json.loads(data))
