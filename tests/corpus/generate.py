"""Write the corpus of certificates: `python generate.py [FOLDER]` (default: beside this file).

Each file is named for what it shows.  The folder says what a checker must answer:

    correct/      exit 0, last line `s VERIFIED`
    incorrect/    exit 1, last line `s NOT VERIFIED`
    malformed/    exit 2, no verdict
    incomplete/   exit 3, last line `s NOT VERIFIED`

Standard library only, and its own arithmetic: nothing of exactflow, and not the checker.  An
element is a list of coefficients modulo a monic polynomial; over QQ and GF(p) it has one.
"""

import copy
import json
import random
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

Certificate = dict[str, Any]
Element = list[Fraction]

SQRT2 = ["-2", "0", "1"]
CBRT2 = ["-2", "0", "0", "1"]


class Arithmetic:
    """Sums and products of elements of QQ, GF(p) or QQ[x]/(m)."""

    def __init__(self, field: Any) -> None:
        self.prime = int(field[3:-1]) if isinstance(field, str) and field != "QQ" else 0
        self.modulus = [Fraction(c) for c in field["modulus"]] if isinstance(field, dict) else None
        self.degree = len(self.modulus) - 1 if self.modulus else 1

    def element(self, *coefficients: Any) -> Element:
        """Return the element with these coefficients."""
        return self.reduce([Fraction(c) for c in coefficients])

    def reduce(self, a: Element) -> Element:
        """Return a modulo the modulus or the prime, with exactly `degree` coefficients."""
        a = list(a)
        while len(a) > self.degree:
            top = a.pop()
            for i in range(self.degree):
                a[len(a) - self.degree + i] -= top * self.modulus[i]
        a += [Fraction(0)] * (self.degree - len(a))
        return [c % self.prime for c in a] if self.prime else a

    def add(self, a: Element, b: Element) -> Element:
        """Return a + b."""
        return self.reduce([x + y for x, y in zip(a, b, strict=True)])

    def multiply(self, a: Element, b: Element) -> Element:
        """Return a b."""
        product = [Fraction(0)] * (len(a) + len(b) - 1)
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                product[i + j] += x * y
        return self.reduce(product)

    def read(self, entry: Any) -> Element:
        """Return the element that a certificate's entry writes."""
        return self.element(*entry) if self.modulus else self.element(entry)

    def write(self, a: Element) -> Any:
        """Return the entry of a certificate for an element."""
        return [str(c) for c in a] if self.modulus else str(a[0])

    def flow(self, certificate: Certificate) -> list[list[Element]]:
        """Return the matrix of the flow that the layers, the order and the flips make in truth."""
        p, q = certificate["partition"]
        d = p + q
        one, zero = self.element(1), self.element(0)
        rows = [[one if i == j else zero for j in range(d)] for i in range(d)]
        for layer in certificate["layers"]:
            moved, fixed = (0, p) if layer["moves"] == "first" else (p, 0)
            new = [list(row) for row in rows]
            for i, (s, shift) in enumerate(zip(layer["scale"], layer["shift"], strict=True)):
                for j in range(d):
                    value = self.multiply(self.read(s), rows[moved + i][j])
                    for k, t in enumerate(shift):
                        value = self.add(value, self.multiply(self.read(t), rows[fixed + k][j]))
                    new[moved + i][j] = value
            rows = new
        place = [certificate.get("order", list(range(d))).index(i) for i in range(d)]
        rows = [[rows[i][j] for j in place] for i in place]
        for j in certificate.get("flips", []):
            for row in rows:
                row[j] = self.multiply(self.element(-1), row[j])
        return rows

    def compose(self, certificate: Certificate) -> list[list[Any]]:
        """Return the target of a certificate with these layers, which must leave zeros at pads."""
        rows, pads = self.flow(certificate), certificate.get("pads", [])
        off = [i for i in range(len(rows)) if i not in pads]
        assert not any(any(rows[i][j]) for i in pads for j in off)
        return [[self.write(rows[i][j]) for j in off] for i in off]


def certify(field: Any, partition: list[int], layers: list[dict], **optional: Any) -> Certificate:
    """Return a true certificate with these layers: of version 2 where a key asks for it."""
    version = 2 if optional.keys() - {"flips", "provenance"} or "root" in field else 1
    certificate = {"format": "exactflow-certificate", "version": version, "field": field}
    certificate |= {"partition": partition, "target": [], "layers": layers, **optional}
    certificate["target"] = Arithmetic(field).compose(certificate)
    return certificate


def of_covariance(certificate: Certificate) -> Certificate:
    """Return the certificate that its flow Q makes the covariance Q Q^T."""
    flow = [[a[0] for a in row] for row in Arithmetic("QQ").flow(certificate)]
    table = [[sum(a * b for a, b in zip(u, v, strict=True)) for v in flow] for u in flow]
    members = {key: value for key, value in certificate.items() if key != "target"}
    return members | {"version": 2, "covariance": [[str(a) for a in row] for row in table]}


def layer(moves: str, shift: list[list[Any]], scale: list[Any] | None = None, **more: Any) -> dict:
    """Return a layer as it stands in a certificate."""
    ones: list[Any] = ["1"] * len(shift)
    if isinstance(shift[0][0], list):
        ones = [["1"] for _ in shift]
    return {"moves": moves, "scale": scale or ones, "shift": shift, **more}


def random_layers(
    p: int, q: int, count: int, draw: Callable[[], Any], first: str = "first"
) -> list[dict]:
    """Return layers that move the halves in turn, with shifts drawn one entry at a time."""
    layers, moves = [], first
    for _ in range(count):
        rows, columns = (p, q) if moves == "first" else (q, p)
        layers.append(layer(moves, [[draw() for _ in range(columns)] for _ in range(rows)]))
        moves = "second" if moves == "first" else "first"
    return layers


def changed(certificate: Certificate, change: Callable[[Certificate], Any]) -> Certificate:
    """Return a copy to which the change was made."""
    other = copy.deepcopy(certificate)
    change(other)
    return other


def put(certificate: Certificate, path: list[Any], value: Any) -> Certificate:
    """Return a copy in which the value at the path is replaced (or added)."""
    other = copy.deepcopy(certificate)
    at = other
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return other


def without(certificate: Certificate, path: list[Any]) -> Certificate:
    """Return a copy in which the member at the path is absent."""
    other = copy.deepcopy(certificate)
    at = other
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]
    return other


def bases() -> dict[str, Certificate]:
    """Return the true certificates from which the others are made."""
    rng = random.Random(20240501)

    def rational() -> str:
        return str(Fraction(rng.randint(-9, 9), rng.randint(1, 9)))

    def integer() -> str:
        return str(rng.randint(-3, 3))

    def residue() -> str:
        return str(rng.randint(-20, 20))

    def surd() -> list[str]:
        return [rational(), rational()]

    def cubic() -> list[str]:
        return [integer(), rational(), integer()]

    two = {"modulus": SQRT2}
    rotation = [layer("first", [["-1/2"]]), layer("second", [["4/5"]]), layer("first", [["-1/2"]])]
    swap = [layer("first", [["-1"]]), layer("second", [["1"]]), layer("first", [["-1"]])]
    scaled = random_layers(2, 2, 3, rational)
    scaled[2]["scale"] = ["7/2", "3"]
    root = random_layers(1, 1, 2, surd)
    root[1]["scale"] = [["3/2"]]
    totally_positive = random_layers(1, 2, 3, surd)
    totally_positive[1]["scale"] = [["3", "1"], ["2", "-1/2"]]
    gf7 = random_layers(2, 2, 3, residue)
    gf7[0]["scale"] = ["-3", "12"]
    narrow, cube = random.Random(7), {"modulus": CBRT2, "root": ["1", "3/2"]}
    signed = random_layers(1, 1, 2, surd)
    signed[0]["scale"] = [["1", "1"]]
    four = random_layers(2, 2, 4, rational)
    first_version = {
        "rotation_three_four_five": certify("QQ", [1, 1], rotation),
        "swap_of_two_with_a_flip": certify("QQ", [1, 1], swap, flips=[1]),
        "rationals_two_and_two": certify("QQ", [2, 2], random_layers(2, 2, 6, rational)),
        "integers_three_and_three": certify("QQ", [3, 3], random_layers(3, 3, 5, integer)),
        "uneven_partition_one_and_three": certify("QQ", [1, 3], random_layers(1, 3, 4, rational)),
        "uneven_partition_three_and_two": certify("QQ", [3, 2], random_layers(3, 2, 4, integer)),
        "second_half_moves_first": certify("QQ", [2, 1], random_layers(2, 1, 3, integer, "second")),
        "scales_not_one": certify("QQ", [2, 2], scaled),
        "zero_layers": certify("QQ", [2, 1], []),
        "zero_layers_and_flips": certify("QQ", [1, 2], [], flips=[2, 0]),
        "flips_before_the_first_layer": certify(
            "QQ", [2, 2], random_layers(2, 2, 3, rational), flips=[3, 0]
        ),
        "same_half_moves_twice": certify(
            "QQ", [1, 1], [layer("first", [["2"]], ["3"]), layer("first", [["5"]], ["1/7"])]
        ),
        "gf2_swap": certify("GF(2)", [1, 1], swap, flips=[0]),
        "gf7_with_scales": certify("GF(7)", [2, 2], gf7),
        "gf101_flips": certify("GF(101)", [2, 1], random_layers(2, 1, 4, residue), flips=[1]),
        "gf53": certify(
            "GF(53)", [1, 1], [layer("first", [["-7"]], ["2"]), layer("second", [["60"]])]
        ),
        "gf97": certify(
            "GF(97)", [1, 1], [layer("second", [["96"]], ["5"]), layer("first", [["8"]])]
        ),
        "gf_mersenne_61": certify(
            "GF(2305843009213693951)", [2, 2], random_layers(2, 2, 6, residue)
        ),
        "sqrt2": certify(two, [2, 2], random_layers(2, 2, 4, surd)),
        "sqrt2_rational_scale": certify(two, [1, 1], root),
        "sqrt2_scales_positive_at_both_roots": certify(two, [1, 2], totally_positive),
        "sqrt2_flips": certify(two, [1, 1], random_layers(1, 1, 3, surd), flips=[0]),
        "cube_root_of_two": certify({"modulus": CBRT2}, [1, 1], random_layers(1, 1, 3, cubic)),
        "rational_modulus_coefficients": certify(
            {"modulus": ["-1/2", "1/3", "1"]}, [1, 1], random_layers(1, 1, 3, surd)
        ),
        "modulus_of_degree_one": certify(
            {"modulus": ["-5", "1"]}, [1, 1], random_layers(1, 1, 3, lambda: [rational()])
        ),
        "gaussian_rationals": certify(
            {"modulus": ["1", "0", "1"]}, [1, 1], random_layers(1, 1, 3, surd)
        ),
        "eighth_roots_of_unity": certify(
            {"modulus": ["1", "0", "0", "0", "1"]},
            [1, 1],
            random_layers(1, 1, 3, lambda: [integer() for _ in range(4)]),
        ),
    }

    def zero_padding(matrix: list[list[int]], inverse: list[list[str]]) -> list[dict]:
        """Return three layers that take (x, 0) to (matrix x, 0)."""
        size = range(len(matrix))
        middle = [[str((i == j) - Fraction(inverse[i][j])) for j in size] for i in size]
        last = [["-1" if i == j else "0" for j in size] for i in size]
        shift = [[str(a) for a in row] for row in matrix]
        return [layer("second", shift), layer("first", middle), layer("second", last)]

    padding = zero_padding([[0, 2], [1, 0]], [["0", "1"], ["1/2", "0"]])
    near = certify("QQ", [1, 1], rotation, within="1/1000")
    near["target"] = [["1501/2500", "-4/5"], ["4/5", "3/5"]]
    return first_version | {
        "order_checkerboard": certify("QQ", [2, 2], four, order=[0, 2, 1, 3]),
        "order_cyclic_and_flips": certify("QQ", [2, 2], four, order=[2, 0, 3, 1], flips=[0]),
        "order_natural": certify("QQ", [2, 2], four, order=[0, 1, 2, 3]),
        "order_of_uneven_halves": certify(
            "QQ", [1, 3], random_layers(1, 3, 4, rational), order=[2, 3, 1, 0]
        ),
        "order_gf7": certify("GF(7)", [2, 2], gf7, order=[3, 0, 2, 1], flips=[3]),
        "order_sqrt2": certify(two, [1, 2], totally_positive, order=[2, 0, 1], flips=[1]),
        "pads_of_half_the_coordinates": certify("QQ", [2, 2], padding, pads=[2, 3]),
        "pads_between": certify("QQ", [2, 2], padding, pads=[2, 0], order=[1, 3, 0, 2]),
        "pads_and_flips": certify("QQ", [2, 2], padding, pads=[2, 3], flips=[1, 2]),
        "pads_of_a_singular_target": certify(
            "QQ", [1, 2], [layer("first", [["0", "5/2"]], ["3"])], pads=[2], order=[0, 1, 2]
        ),
        "pads_gf5": certify("GF(5)", [1, 1], zero_padding([[2]], [["3"]]), pads=[1]),
        "pads_sqrt2": certify(
            two,
            [1, 1],
            [
                layer("second", [[["0", "1"]]]),
                layer("first", [[["1", "-1/2"]]]),
                layer("second", [[["-1"]]]),
            ],
            pads=[1],
        ),
        "pads_none": certify("QQ", [1, 1], rotation, pads=[]),
        "within_a_thousandth": near,
        "within_exactly_the_difference": near | {"within": "4/10000"},
        "within_zero": certify("QQ", [1, 1], rotation, within="0"),
        "within_with_order_and_pads": certify(
            "QQ", [2, 2], padding, pads=[0, 2], order=[1, 3, 0, 2], within="1/7"
        ),
        "covariance_of_shears": of_covariance(certify("QQ", [2, 2], four)),
        "covariance_with_order_and_flips": of_covariance(
            certify("QQ", [2, 2], four, order=[2, 0, 3, 1], flips=[0])
        ),
        "covariance_within": of_covariance(certify("QQ", [1, 1], rotation))
        | {"covariance": [["1001/1000", "0"], ["0/5", "1"]], "within": "1/1000"},
        "root_where_a_scale_is_positive": certify(two | {"root": ["1", "2"]}, [1, 1], signed),
        "root_negative": certify(
            two | {"root": ["-3/2", "-7/5"]},
            [1, 1],
            [layer("first", [[["1", "1"]]], [["1", "-1"]])],
        ),
        "root_of_a_cubic": certify(
            cube,
            [1, 2],
            [layer("second", [[["1"]], [["0", "1"]]], [["-1", "0", "1"], ["-5/4", "1"]])],
        ),
        "root_named_without_need": certify(
            two | {"root": ["0", "10"]},
            [1, 1],
            random_layers(1, 1, 3, lambda: [str(narrow.randint(-3, 3)), "1"]),
        ),
    }


def correct(base: dict[str, Certificate]) -> dict[str, Any]:
    """Return certificates that a checker accepts."""
    huge = "9" * 4400 + "1"
    rotation = base["rotation_three_four_five"]
    third = [layer("first", [["1/3"]]), layer("second", [["-2/5"]])]
    lowest = certify("QQ", [1, 1], third)
    blown_up = put(lowest, ["layers", 0, "shift", 0, 0], "0007/21")
    blown_up = put(blown_up, ["target", 0, 1], "100/300")
    padded = certify("GF(5)", [1, 1], [layer("first", [["2"]])])
    short = certify({"modulus": SQRT2}, [1, 1], [layer("first", [[["0", "0"]]])])
    provenance = {"tool": "exactflow 1.0", "seed": -7, "note": "é √ \ud83d\ude00", "x": [1.5, None]}
    provenance["anything"] = {"nested": {"target": [["not", "read"]], "big": 10**30}}
    huge_layers = [layer("first", [[huge]]), layer("second", [["1/" + huge]])]
    singular_pair = [layer("first", [["0"]]), layer("second", [["0"]])]
    return base | {
        "not_in_lowest_terms": blown_up,
        "minus_zero": put(certify("QQ", [1, 1], singular_pair), ["target", 0, 1], "-0/5"),
        "residues_beyond_the_prime": put(padded, ["target", 0, 1], "-1003"),
        "zero_written_as_empty_list": put(short, ["layers", 0, "shift", 0, 0], []),
        "provenance_is_free": put(rotation, ["provenance"], provenance),
        "provenance_empty": put(rotation, ["provenance"], {}),
        "flips_empty": put(rotation, ["flips"], []),
        "entries_beyond_4300_digits": certify("QQ", [1, 1], huge_layers),
    }


def of_transpose(certificate: Certificate) -> Certificate:
    """Return the false certificate that its flow Q makes the covariance Q^T Q."""
    columns = [[a[0] for a in u] for u in zip(*Arithmetic("QQ").flow(certificate), strict=True)]
    table = [[sum(a * b for a, b in zip(u, v, strict=True)) for v in columns] for u in columns]
    return of_covariance(certificate) | {"covariance": [[str(a) for a in row] for row in table]}


def incorrect(base: dict[str, Certificate]) -> dict[str, Any]:
    """Return well-formed certificates of false claims."""
    cases: dict[str, Any] = {}
    for name, field in {
        "rationals_two_and_two": "rationals",
        "gf7_with_scales": "gf7",
        "sqrt2": "sqrt2",
    }.items():
        true = base[name]

        def bump(entry: Any) -> Any:
            if isinstance(entry, list):
                return [entry[0], str(Fraction(entry[1]) + 1)]
            return str(Fraction(entry) + 1)

        def at(path: list[Any], true: Certificate = true, bump: Callable = bump) -> Certificate:
            value = true
            for step in path:
                value = value[step]
            return put(true, path, bump(value))

        cases[f"{field}_target_first_entry_off_by_one"] = at(["target", 0, 0])
        cases[f"{field}_target_last_entry_off_by_one"] = at(["target", 3, 3])
        cases[f"{field}_first_layer_shift_off_by_one"] = at(["layers", 0, "shift", 1, 0])
        cases[f"{field}_last_layer_shift_off_by_one"] = at(["layers", -1, "shift", 0, 1])
        cases[f"{field}_middle_layer_shift_off_by_one"] = at(["layers", 1, "shift", 1, 1])
        cases[f"{field}_layers_in_reverse_order"] = changed(true, lambda c: c["layers"].reverse())
        cases[f"{field}_layer_dropped"] = changed(true, lambda c: c["layers"].pop(1))
        cases[f"{field}_layer_doubled"] = changed(
            true, lambda c: c["layers"].insert(1, c["layers"][1])
        )
        cases[f"{field}_half_swapped"] = put(true, ["layers", 0, "moves"], "second")
        cases[f"{field}_flip_added"] = put(true, ["flips"], [2])
        cases[f"{field}_target_transposed"] = changed(
            true, lambda c: c.update(target=[list(row) for row in zip(*c["target"], strict=True)])
        )
    rotation, swap = base["rotation_three_four_five"], base["swap_of_two_with_a_flip"]
    scaled, flipped = base["scales_not_one"], base["flips_before_the_first_layer"]
    near = str(Fraction(10**400 * 3 + 5, 10**400 * 5))
    identity = certify("QQ", [1, 1], [])
    huge = certify("QQ", [1, 1], [layer("first", [["9" * 5000]])])
    cases |= {
        "rotation_by_the_opposite_angle": changed(
            rotation, lambda c: c["target"].reverse() or [r.reverse() for r in c["target"]]
        ),
        "rotation_with_a_float_of_its_sine": put(rotation, ["target", 1, 0], str(Fraction(0.8))),
        "rotation_off_by_ten_to_the_minus_400": put(rotation, ["target", 0, 0], near),
        "shift_with_the_wrong_sign": put(rotation, ["layers", 1, "shift", 0, 0], "-4/5"),
        "shift_inverted": put(rotation, ["layers", 1, "shift", 0, 0], "5/4"),
        "denominator_off_by_one": put(rotation, ["layers", 0, "shift", 0, 0], "-1/3"),
        "flip_forgotten": without(swap, ["flips"]),
        "flip_of_the_other_coordinate": put(swap, ["flips"], [0]),
        "flips_after_the_last_layer": changed(
            flipped,
            lambda c: c.update(
                target=[
                    [str(-Fraction(a)) if i in (0, 3) else a for a in row]
                    for i, row in enumerate(without(flipped, ["flips"])["target"])
                ]
            ),
        ),
        "scales_swapped": put(scaled, ["layers", 2, "scale"], ["3", "7/2"]),
        "scale_inverted": put(scaled, ["layers", 2, "scale"], ["2/7", "3"]),
        "scale_forgotten": put(scaled, ["layers", 2, "scale"], ["1", "1"]),
        "zero_layers_and_not_the_identity": put(identity, ["target", 0, 1], "1"),
        "zero_layers_and_the_zero_matrix": put(identity, ["target"], [["0", "0"], ["0", "0"]]),
        "zero_layers_and_flips_forgotten": without(base["zero_layers_and_flips"], ["flips"]),
        "target_singular": put(rotation, ["target"], [["1", "1"], ["1", "1"]]),
        "target_with_columns_permuted": changed(
            base["integers_three_and_three"], lambda c: [r.reverse() for r in c["target"]]
        ),
        "zero_layers_and_a_flip_not_declared": put(base["zero_layers"], ["target", 2, 2], "-1"),
        "entry_with_5000_digits_off_by_one": put(huge, ["target", 0, 1], "9" * 4999 + "8"),
        "gf2_nonzero_where_zero": put(base["gf2_swap"], ["target", 0, 0], "1"),
        "gf101_flip_forgotten": without(base["gf101_flips"], ["flips"]),
        "gf101_read_over_the_rationals": put(base["gf101_flips"], ["field"], "QQ"),
        "gf101_read_modulo_103": put(base["gf101_flips"], ["field"], "GF(103)"),
        "gf_of_an_undecided_number_and_false": put(
            certify(f"GF({2**89 - 1})", [1, 1], [layer("first", [["5"]])]), ["target", 0, 1], "6"
        ),
        "conjugate_entry": put(
            base["sqrt2"],
            ["target", 0, 0],
            [base["sqrt2"]["target"][0][0][0], str(-Fraction(base["sqrt2"]["target"][0][0][1]))],
        ),
        "sqrt2_read_as_sqrt3": put(base["sqrt2"], ["field", "modulus"], ["-3", "0", "1"]),
        "rational_part_alone": put(
            base["sqrt2"], ["target", 0, 0], base["sqrt2"]["target"][0][0][:1]
        ),
        "order_forgotten": without(base["order_checkerboard"], ["order"]),
        "order_inverted": put(base["order_cyclic_and_flips"], ["order"], [1, 3, 0, 2]),
        "order_within_the_wrong_halves": put(base["order_checkerboard"], ["order"], [1, 3, 0, 2]),
        "order_gf7_of_two_exchanged": put(base["order_gf7"], ["order"], [0, 3, 2, 1]),
        "order_sqrt2_forgotten": without(base["order_sqrt2"], ["order"]),
        "order_and_flips_in_the_order_of_the_layers": put(
            base["order_cyclic_and_flips"], ["flips"], [2]
        ),
        "pads_where_no_zeros_come_out": put(
            put(base["order_natural"], ["pads"], [3]),
            ["target"],
            [row[:3] for row in base["order_natural"]["target"][:3]],
        ),
        "pads_of_which_one_lets_something_out": put(
            base["pads_of_half_the_coordinates"], ["layers", 2, "shift", 1, 0], "1/3"
        ),
        "pads_at_other_places": put(base["pads_between"], ["pads"], [1, 0]),
        "pads_target_off_by_one": put(base["pads_between"], ["target", 1, 1], "1"),
        "pads_target_transposed": changed(
            base["pads_of_half_the_coordinates"],
            lambda c: c.update(target=[list(row) for row in zip(*c["target"], strict=True)]),
        ),
        "pads_flip_of_a_coordinate": put(base["pads_of_half_the_coordinates"], ["flips"], [0]),
        "pads_gf5_target_off_by_one": put(base["pads_gf5"], ["target", 0, 0], "3"),
        "pads_sqrt2_conjugate": put(base["pads_sqrt2"], ["target", 0, 0], ["0", "-1"]),
        "within_less_than_the_difference": put(
            base["within_a_thousandth"],
            ["within"],
            "399999999999999999999/1000000000000000000000000",
        ),
        "within_zero_and_a_difference": put(base["within_a_thousandth"], ["within"], "0"),
        "within_a_negative_difference": put(base["within_a_thousandth"], ["target", 1, 1], "1/2"),
        "within_and_something_at_the_pads": put(
            base["within_with_order_and_pads"], ["layers", 2, "shift", 1, 0], "1/3"
        ),
        "covariance_off_by_one": changed(
            base["covariance_of_shears"], lambda c: c["covariance"][1].__setitem__(1, "0")
        ),
        "covariance_of_the_transpose": of_transpose(base["rationals_two_and_two"]),
        "covariance_the_matrix_itself": put(
            of_covariance(rotation), ["covariance"], [["3/5", "-4/5"], ["-4/5", "3/5"]]
        ),
        "covariance_order_forgotten": without(base["covariance_with_order_and_flips"], ["order"]),
        "covariance_within_too_little": put(base["covariance_within"], ["within"], "1/1001"),
        "root_and_equality_false": put(
            base["root_where_a_scale_is_positive"], ["target", 0, 0], ["7", "1/7"]
        ),
        "sign_unchecked_and_equality_false": put(
            put(base["sqrt2"], ["layers", 0, "sign"], "unchecked"), ["target", 2, 2], ["17"]
        ),
    }
    return cases


def malformed(base: dict[str, Certificate]) -> dict[str, Any]:
    """Return certificates (or bytes) that have no verdict."""
    good, field7 = base["rotation_three_four_five"], base["gf7_with_scales"]
    root = base["sqrt2"]
    written = json.dumps(good)
    raw = written.encode()
    entry, scale = ["layers", 0, "shift", 0, 0], ["layers", 0, "scale", 0]
    cases: dict[str, Any] = {
        "file_empty": b"",
        "file_truncated": raw[: len(raw) // 2],
        "file_truncated_by_one_byte": raw[:-1],
        "file_with_trailing_garbage": raw + b" x",
        "file_with_two_objects": raw + raw,
        "file_with_byte_order_mark": b"\xef\xbb\xbf" + raw,
        "file_in_utf16": written.encode("utf-16"),
        "file_not_utf8": raw.replace(b'"1/2"', b'"\xff"').replace(b"QQ", b"Q\xe9"),
        "file_of_nul_bytes": b"\0" * 16,
        "file_is_null": b"null",
        "file_is_a_list": b"[" + raw + b"]",
        "file_is_a_string": json.dumps(written).encode(),
        "file_with_comment": raw + b"// checked by hand",
        "trailing_comma": raw[:-1] + b",}",
        "single_quotes": written.replace('"', "'").encode(),
        "deep_nesting": b"[" * 100_000,
        "deep_nesting_closed": b"[" * 50_000 + b"]" * 50_000,
        "deep_nesting_in_an_entry": raw.replace(b'"-1/2"', b"[" * 5000 + b"]" * 5000),
        "deep_nesting_of_objects": b'{"format":' * 20_000,
        "nested_below_the_limit_in_field": raw.replace(b'"QQ"', b"[" * 900 + b"]" * 900),
        "duplicate_key_target": raw[:-1] + b', "target": [["1", "0"], ["0", "1"]]}',
        "duplicate_key_written_with_an_escape": raw[:-1] + b', "fi\\u0065ld": "QQ"}',
        "duplicate_key_in_a_layer": raw.replace(b'"moves"', b'"moves": "first", "moves"', 1),
        "duplicate_key_in_provenance": raw[:-1] + b', "provenance": {"a": 1, "a": 1}}',
        "nan_as_an_entry": raw.replace(b'"-1/2"', b"NaN", 1),
        "infinity_as_a_scale": raw.replace(b'["1"]', b"[Infinity]", 1),
        "minus_infinity_in_provenance": raw[:-1] + b', "provenance": {"a": -Infinity}}',
        "nan_in_provenance": raw[:-1] + b', "provenance": {"a": NaN}}',
        "lone_surrogate_in_an_entry": raw.replace(b'"-1/2"', b'"\\ud800"', 1),
        "lone_surrogate_in_a_key": raw[:-1] + b', "\\udfff": 1}',
        "lone_surrogate_in_provenance": raw[:-1] + b', "provenance": {"a": ["\\ud83d"]}}',
        "control_character_in_a_string": raw.replace(b'"-1/2"', b'"-1/2\n"', 1),
        "version_with_5000_digits": raw.replace(b'"version": 1', b'"version": ' + b"1" * 5000),
        "version_zero_padded": raw.replace(b'"version": 1', b'"version": 01'),
        "version_float_exponent": raw.replace(b'"version": 1', b'"version": 1e0'),
        "prime_followed_by_more": put(field7, ["field"], "GF(7)(7)"),
    }
    cases["partition_of_10_to_the_5000"] = raw.replace(b"[1, 1]", b"[1, 1" + b"0" * 5000 + b"]")
    for key, entry_of_list in (("order", "order_natural"), ("pads", "pads_and_flips")):
        with_list = base[entry_of_list]
        cases |= {
            f"{key}_null": put(with_list, [key], None),
            f"{key}_a_number": put(with_list, [key], 1),
            f"{key}_of_strings": put(with_list, [key, 0], "0"),
            f"{key}_of_booleans": put(with_list, [key, 0], False),
            f"{key}_of_floats": put(with_list, [key, 0], 0.0),
            f"{key}_negative": put(with_list, [key, 0], -1),
            f"{key}_out_of_range": put(with_list, [key, 1], 4),
            f"{key}_repeated": put(with_list, [key, 0], with_list[key][1]),
            f"{key}_one_too_many": changed(with_list, lambda c, key=key: c[key].append(0)),
            f"{key}_one_too_few": changed(with_list, lambda c, key=key: c[key].pop()),
        }
    cases["pads_everywhere"] = put(put(base["pads_none"], ["pads"], [0, 1]), ["target"], [])
    for key in ("format", "version", "field", "partition", "target", "layers"):
        cases[f"missing_{key}"] = without(good, [key])
    for key in ("moves", "scale", "shift"):
        cases[f"layer_missing_{key}"] = without(good, ["layers", 1, key])
    entries = {
        "number_as_an_entry": 1,
        "float_as_an_entry": 0.5,
        "true_as_an_entry": True,
        "null_as_an_entry": None,
        "list_as_an_entry_over_the_rationals": ["1"],
        "empty_string": "",
        "plus_sign": "+1",
        "double_minus": "--1",
        "minus_alone": "-",
        "leading_space": " 1",
        "trailing_newline": "1\n",
        "inner_space": "1 / 2",
        "underscore_in_digits": "1_000",
        "decimal_point": "0.5",
        "exponent": "1e3",
        "hexadecimal": "0x10",
        "arabic_digits": "\u0661",
        "fullwidth_digits": "\uff11",
        "superscript_digit": "\u00b2",
        "unicode_minus": "\u22121",
        "zero_denominator": "1/0",
        "zero_over_zero": "0/00",
        "negative_denominator": "1/-2",
        "two_slashes": "1/2/3",
        "slash_without_denominator": "1/",
        "slash_without_numerator": "/2",
        "word_inf": "inf",
        "word_nan": "nan",
        "nul_in_an_entry": "1\0",
    }
    cases |= {name: put(good, entry, value) for name, value in entries.items()}
    cases |= {
        "zero_denominator_in_the_target": put(good, ["target", 1, 1], "3/0"),
        "number_in_the_target": put(good, ["target", 1, 1], 0),
        "scale_zero": put(good, scale, "0"),
        "scale_negative": put(good, scale, "-1"),
        "scale_negative_twice_cancelling": put(
            put(good, scale, "-1"), ["layers", 2, "scale", 0], "-1"
        ),
        "scale_minus_zero": put(good, scale, "-0/3"),
        "scale_a_number": put(good, scale, 1),
        "scale_not_a_list": put(good, ["layers", 0, "scale"], "1"),
        "scale_too_short": put(good, ["layers", 0, "scale"], []),
        "scale_too_long": put(good, ["layers", 0, "scale"], ["1", "1"]),
        "shift_not_a_matrix": put(good, ["layers", 0, "shift"], ["1"]),
        "shift_a_string_of_the_right_length": put(good, ["layers", 0, "shift"], "1"),
        "shift_with_too_many_rows": put(good, ["layers", 0, "shift"], [["1"], ["1"]]),
        "shift_with_too_many_columns": put(good, ["layers", 0, "shift"], [["1", "1"]]),
        "shift_empty": put(good, ["layers", 0, "shift"], []),
        "shift_transposed": changed(
            base["uneven_partition_one_and_three"],
            lambda c: c["layers"][0].update(shift=[["1"], ["1"], ["1"]]),
        ),
        "target_ragged": put(good, ["target"], [["1", "0"], ["0"]]),
        "target_not_square": put(good, ["target"], [["1", "0", "0"], ["0", "1", "0"]]),
        "target_empty": put(good, ["target"], []),
        "target_rows_are_strings": put(good, ["target"], ["10", "01"]),
        "target_an_object": put(good, ["target"], {"0": ["1", "0"], "1": ["0", "1"]}),
        "target_one_size_up": put(good, ["target"], [["1", "0", "0"]] * 3),
        "layers_an_object": put(good, ["layers"], {}),
        "layers_null": put(good, ["layers"], None),
        "layer_a_list": put(good, ["layers", 0], ["first", ["1"], [["1"]]]),
        "moves_third": put(good, ["layers", 0, "moves"], "third"),
        "moves_a_number": put(good, ["layers", 0, "moves"], 1),
        "moves_in_capitals": put(good, ["layers", 0, "moves"], "First"),
        "unknown_key": put(good, ["signature"], "trust me"),
        "unknown_key_in_a_layer": put(good, ["layers", 0, "bias"], ["0"]),
        "sign_over_the_rationals": put(good, ["layers", 0, "sign"], "unchecked"),
        "sign_over_gf7": put(field7, ["layers", 0, "sign"], "unchecked"),
        "sign_checked": put(root, ["layers", 0, "sign"], "checked"),
        "sign_null": put(root, ["layers", 0, "sign"], None),
        "format_other": put(good, ["format"], "exactflow-certificate-2"),
        "format_null": put(good, ["format"], None),
        "version_zero": put(good, ["version"], 0),
        "version_three": put(good, ["version"], 3),
        "version_float": put(good, ["version"], 1.0),
        "version_true": put(good, ["version"], True),
        "version_a_string": put(good, ["version"], "1"),
        "provenance_a_string": put(good, ["provenance"], "me"),
        "provenance_null": put(good, ["provenance"], None),
        "partition_of_three": put(good, ["partition"], [1, 1, 1]),
        "partition_with_zero": put(good, ["partition"], [0, 2]),
        "partition_with_an_empty_half": put(certify("QQ", [1, 1], []), ["partition"], [0, 2]),
        "partition_negative": put(good, ["partition"], [-1, 3]),
        "partition_of_floats": put(good, ["partition"], [1.0, 1.0]),
        "partition_of_strings": put(good, ["partition"], ["1", "1"]),
        "partition_of_booleans": put(good, ["partition"], [True, True]),
        "partition_absurd": put(good, ["partition"], [10**12, 10**12]),
        "partition_a_number": put(good, ["partition"], 2),
        "flips_repeated": put(good, ["flips"], [0, 0]),
        "flips_out_of_range": put(good, ["flips"], [2]),
        "flips_negative": put(good, ["flips"], [-1]),
        "flips_of_strings": put(good, ["flips"], ["0"]),
        "flips_of_booleans": put(good, ["flips"], [True]),
        "flips_of_floats": put(good, ["flips"], [0.0]),
        "flips_null": put(good, ["flips"], None),
        "flips_a_number": put(good, ["flips"], 0),
        "field_real_numbers": put(good, ["field"], "RR"),
        "field_in_lower_case": put(good, ["field"], "qq"),
        "field_null": put(good, ["field"], None),
        "field_a_list": put(good, ["field"], ["QQ"]),
        "prime_zero_padded": put(field7, ["field"], "GF(07)"),
        "prime_with_a_sign": put(field7, ["field"], "GF(+7)"),
        "prime_negative": put(field7, ["field"], "GF(-7)"),
        "prime_with_a_space": put(field7, ["field"], "GF(7 )"),
        "prime_with_a_newline": put(field7, ["field"], "GF(7)\n"),
        "prime_in_arabic_digits": put(field7, ["field"], "GF(\u0667)"),
        "prime_missing": put(field7, ["field"], "GF()"),
        "prime_zero": put(field7, ["field"], "GF(0)"),
        "prime_one": put(field7, ["field"], "GF(1)"),
        "prime_nine": put(field7, ["field"], "GF(9)"),
        "prime_product_of_43_and_47": put(field7, ["field"], "GF(2021)"),
        "prime_carmichael_561": put(field7, ["field"], "GF(561)"),
        "prime_strong_pseudoprime_to_twelve_bases": put(
            field7, ["field"], "GF(318665857834031151167461)"
        ),
        "prime_a_large_composite": put(field7, ["field"], f"GF({(2**89 - 1) * (2**107 - 1)})"),
        "fraction_over_gf7": put(field7, ["target", 0, 0], "1/2"),
        "fraction_over_gf7_with_denominator_one": put(field7, ["target", 0, 0], "1/1"),
        "scale_zero_modulo_seven": put(field7, ["layers", 0, "scale", 0], "-14"),
        "modulus_not_monic": put(root, ["field", "modulus"], ["-2", "0", "2"]),
        "modulus_constant": put(root, ["field", "modulus"], ["1"]),
        "modulus_empty": put(root, ["field", "modulus"], []),
        "modulus_a_string": put(root, ["field", "modulus"], "x^2 - 2"),
        "modulus_of_numbers": put(root, ["field", "modulus"], [-2, 0, 1]),
        "modulus_with_leading_zero": put(root, ["field", "modulus"], ["-2", "0", "1", "0"]),
        "modulus_with_zero_denominator": put(root, ["field", "modulus"], ["-2/0", "0", "1"]),
        "modulus_with_a_rational_root": put(root, ["field", "modulus"], ["-1/4", "0", "1"]),
        "modulus_with_a_repeated_factor": put(
            root, ["field", "modulus"], ["4", "0", "-4", "0", "1"]
        ),
        "modulus_divisible_by_x": put(root, ["field", "modulus"], ["0", "-2", "0", "1"]),
        "modulus_with_a_second_key": put(root, ["field", "name"], "sqrt 2"),
        "modulus_key_missing": put(root, ["field"], {}),
        "element_a_string_over_a_number_field": put(root, ["target", 0, 0], "0"),
        "element_null_over_a_number_field": put(root, ["target", 0, 0], None),
        "element_too_long": put(root, ["target", 0, 0], ["0", "0", "0"]),
        "element_of_numbers": put(root, ["target", 0, 0], [1, 2]),
        "element_nested": put(root, ["target", 0, 0], [["1"], ["2"]]),
        "scale_zero_over_a_number_field": put(root, ["layers", 0, "scale", 0], []),
        "scale_negative_constant_unchecked": put(
            put(root, ["layers", 0, "scale", 0], ["-1", "0"]), ["layers", 0, "sign"], "unchecked"
        ),
        "scale_negative_at_both_roots": put(
            put(root, ["layers", 0, "scale", 0], ["-3", "1"]), ["layers", 0, "sign"], "unchecked"
        ),
        "scale_of_two_signs_not_marked": put(root, ["layers", 0, "scale", 0], ["1", "1"]),
        "order_in_version_1": put(base["order_checkerboard"], ["version"], 1),
        "pads_in_version_1": put(base["pads_none"], ["version"], 1),
        "within_in_version_1": put(base["within_zero"], ["version"], 1),
        "covariance_in_version_1": put(base["covariance_of_shears"], ["version"], 1),
        "root_in_version_1": put(base["root_negative"], ["version"], 1),
        "covariance_and_target": put(
            base["covariance_of_shears"], ["target"], base["rationals_two_and_two"]["target"]
        ),
        "covariance_not_symmetric": put(base["covariance_within"], ["covariance", 0, 1], "1/9000"),
        "covariance_not_square": put(base["covariance_within"], ["covariance", 0], ["1"]),
        "covariance_null": put(base["covariance_within"], ["covariance"], None),
        "covariance_with_pads": put(base["covariance_within"], ["pads"], [0]),
        "covariance_over_gf7": put(
            {key: value for key, value in base["order_gf7"].items() if key != "target"},
            ["covariance"],
            [["1" if i == j else "0" for j in range(4)] for i in range(4)],
        ),
        "within_negative": put(base["within_zero"], ["within"], "-1/10"),
        "within_a_decimal": put(base["within_zero"], ["within"], "1e-9"),
        "within_a_number": put(base["within_zero"], ["within"], 0),
        "within_null": put(base["within_zero"], ["within"], None),
        "within_infinite": put(base["within_zero"], ["within"], "1/0"),
        "within_over_gf7": put(base["order_gf7"], ["within"], "0"),
        "within_over_a_number_field": put(base["order_sqrt2"], ["within"], "0"),
        "version_two_without_target": without(base["order_natural"], ["target"]),
        "root_not_a_list": put(base["root_negative"], ["field", "root"], "-7/5"),
        "root_null": put(base["root_named_without_need"], ["field", "root"], None),
        "root_of_three": put(base["root_negative"], ["field", "root"], ["-2", "-1", "0"]),
        "root_of_numbers": put(base["root_negative"], ["field", "root"], [-2, -1]),
        "root_where_there_is_none": put(base["root_negative"], ["field", "root"], ["3", "4"]),
        "root_where_there_are_two": put(base["root_negative"], ["field", "root"], ["-2", "2"]),
        "root_reversed": put(base["root_negative"], ["field", "root"], ["-1", "-2"]),
        "root_a_point": put(base["root_negative"], ["field", "root"], ["-3/2", "-3/2"]),
        "root_of_a_field_without_real_roots": put(
            put(base["gaussian_rationals"], ["version"], 2), ["field", "root"], ["-1", "1"]
        ),
        "root_at_the_end_of_the_interval": put(
            put(base["modulus_of_degree_one"], ["version"], 2), ["field", "root"], ["4", "5"]
        ),
        "root_where_a_scale_is_negative": put(
            base["root_where_a_scale_is_positive"], ["field", "root"], ["-2", "-1"]
        ),
        "scale_of_a_field_without_real_roots": put(
            base["gaussian_rationals"], ["layers", 0, "scale", 0], ["0", "1"]
        ),
    }
    return cases


def incomplete(base: dict[str, Certificate]) -> dict[str, Any]:
    """Return certificates of which the equality holds, and something else is undecided."""
    shift = [[["1", "1"]]]
    mixed = [layer("second", shift, [["1", "1"]], sign="unchecked"), layer("first", shift)]
    gaussian = [layer("first", shift, [["0", "1"]], sign="unchecked")]
    prime_127, prime_521 = f"GF({2**127 - 1})", f"GF({2**521 - 1})"
    line = [layer("first", [["-5"]], ["3"]), layer("second", [["7"]])]
    return {
        "sign_of_a_scale_unchecked": certify({"modulus": SQRT2}, [1, 1], mixed),
        "sign_unchecked_though_positive": put(base["sqrt2"], ["layers", 1, "sign"], "unchecked"),
        "scale_is_not_real": certify({"modulus": ["1", "0", "1"]}, [1, 1], gaussian),
        "modulus_reducible_but_not_shown": put(
            base["eighth_roots_of_unity"], ["field", "modulus"], ["-2", "0", "-1", "0", "1"]
        )
        | {"layers": [], "target": [[["1"], []], [[], ["1"]]]},
        "modulus_of_degree_17": put(base["sqrt2"], ["field", "modulus"], ["0"] * 17 + ["1"]),
        "modulus_with_5000_digits": put(base["sqrt2"], ["field", "modulus", 0], "9" * 5000),
        "sign_unchecked_though_a_root_is_named": put(
            base["root_where_a_scale_is_positive"], ["layers", 0, "sign"], "unchecked"
        ),
        "root_of_a_modulus_not_shown_irreducible": certify(
            {"modulus": ["-2", "0", "-1", "0", "1"], "root": ["1", "2"]},
            [1, 1],
            [layer("first", [[["0", "1"]]], [["1", "1"]])],
        ),
        "within_a_modulus_of_degree_17": put(
            base["root_negative"], ["field", "modulus"], ["0"] * 17 + ["1"]
        ),
        "prime_of_127_bits": certify(prime_127, [1, 1], line),
        "prime_of_521_bits": certify(prime_521, [1, 1], line, flips=[0]),
    }


def write(folder: Path, base: dict[str, Certificate], *makers: Callable) -> None:
    """Write the files of each maker into a folder of its name, the same bytes every time."""
    for make in makers:
        at = folder / make.__name__
        at.mkdir(parents=True, exist_ok=True)
        for name, case in make(base).items():
            data = case if isinstance(case, bytes) else (json.dumps(case) + "\n").encode()
            (at / f"{name}.json").write_bytes(data)


if __name__ == "__main__":
    sys.set_int_max_str_digits(0)  # this process only: some entries are longer on purpose
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    write(folder, bases(), correct, incorrect, malformed, incomplete)
