"""Write the corpus of depth certificates: `python generate_depth.py [FOLDER]` (default: depth/).

Each file is named for what it shows; the folders are those of `generate.py`.  The true cases stand
in depth/cases.txt, a paragraph each: name, field and scales; the layers, one a line, as
`first 1 2, 3 4 scale 1 2`; the obstructions, as `ULULU chain -2 1 | -3 1`, matrices and polynomials
between bars.  Each is also written with the two halves exchanged, so that every kind meets every
pattern.  Standard library only, and its own arithmetic: nothing of exactflow, and no checker.
"""

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

from generate import certify, changed, layer, put, without, write

Certificate = dict[str, Any]
CASES = Path(__file__).parent / "depth" / "cases.txt"
MIRROR = str.maketrans("UL", "LU")


def depth_certificate(
    field: str, scales: str, layers: list, obstructions: list, **optional: Any
) -> Certificate:
    """Return the certificate with these layers, their product being the target: of version 2 where
    the halves are of two sizes, or a key asks for it.
    """
    shift = layers[0]["shift"] if layers else ["1"]
    sizes = [len(shift), len(shift[0])]
    sizes = sizes[::-1] if layers and layers[0]["moves"] == "second" else sizes
    flow = certify(field, sizes, layers, **optional)
    return {
        "format": "exactflow-depth-certificate",
        "version": 2 if optional or sizes[0] != sizes[1] else 1,
        "field": field,
        "target": flow["target"],
        "partition": sizes,
        **optional,
        "scales": scales,
        "depth": len(layers),
        "layers": layers,
        "obstructions": obstructions,
    }


def matrix(text: str) -> list[list[str]]:
    """Return the rows of `1 2, 3 4`."""
    return [row.split() for row in text.split(",")]


def read_layer(line: str) -> dict[str, Any]:
    """Return the layer of a line."""
    moves, text = line.split(" ", 1)
    shift, _, scale = text.partition(" scale ")
    return layer(moves, matrix(shift), scale.split() or None)


def read_obstruction(line: str) -> dict[str, Any]:
    """Return the obstruction of a line; the empty pattern is not written."""
    pattern, kind, text = line.split(" ", 2) if line[0].isupper() else ("", *line.split(" ", 1))
    parts = text.split(" | ")
    witness = {
        "trace": lambda: {"k": int(text)},
        "opposed": lambda: {"k": int(text)},
        "similarity": lambda: {"factors": [part.split() for part in parts]},
        "chain": lambda: {"factors": [part.split() for part in parts]},
        "linear": lambda: {"multiplier": [matrix(part) for part in parts]},
    }[kind]()
    return {"pattern": pattern, "kind": kind, **witness}


def mirrored(certificate: Certificate) -> Certificate:
    """Return the certificate of the same matrix with its halves exchanged."""
    other = {"first": "second", "second": "first"}
    layers = [a | {"moves": other[a["moves"]]} for a in certificate["layers"]]
    obstructions = [
        a | {"pattern": a["pattern"].translate(MIRROR)} for a in certificate["obstructions"]
    ]
    if len(layers) == 1:  # the empty word: its equations are about A, C, D, B
        on_A, on_C, on_D, on_B = obstructions[0]["multiplier"]
        obstructions[0]["multiplier"] = [on_D, on_B, on_A, on_C]
    return depth_certificate(certificate["field"], certificate["scales"], layers, obstructions)


def bases() -> dict[str, Certificate]:
    """Return the true certificates of cases.txt, and their mirror images."""
    cases = {}
    for paragraph in CASES.read_text().strip().split("\n\n"):
        head, *lines = paragraph.split("\n")
        name, field, scales = head.split()
        layers = [read_layer(line) for line in lines if line.startswith(("first", "second"))]
        obstructions = [read_obstruction(line) for line in lines[len(layers) :]]
        cases[name] = depth_certificate(field, scales, layers, obstructions)
        cases[f"{name}_mirrored"] = mirrored(cases[name])
    return cases


def correct(base: dict[str, Certificate]) -> dict[str, Any]:
    """Return certificates that a checker accepts."""
    huge = "9" * 4400 + "1"
    one_layer, gf = base["rationals_0_letters_linear"], base["gf2_1_letter_linear"]
    long = depth_certificate("QQ", "additive", [layer("first", [[huge]])], [])
    long["obstructions"] = [read_obstruction("linear 0 | 0 | 0 | 1")]
    trace = base["rationals_5_letters_trace"]
    provenance = {"tool": "exactflow", "x": [1.5, None, "\u00e9"], "depth": {"depth": 7}}
    return base | {
        "depth_zero": depth_certificate("QQ", "additive", [], []),
        "depth_zero_positive": depth_certificate("QQ", "positive", [], []),
        "depth_zero_over_gf2": depth_certificate("GF(2)", "additive", [], []),
        "depth_zero_of_four_coordinates": identity_of_four(),
        "provenance_is_free": put(one_layer, ["provenance"], provenance),
        "provenance_empty": put(one_layer, ["provenance"], {}),
        "not_in_lowest_terms": put(trace, ["target", 0, 0], fraction_of(trace["target"][0][0])),
        "residues_beyond_the_prime": changed(gf, shift_residues),
        "obstructions_in_the_other_order": changed(trace, lambda c: c["obstructions"].reverse()),
        "entries_beyond_4300_digits": long,
        "with_an_order": masked(base),
        "equal_halves_in_version_two": put(trace, ["version"], 2),
        "multiplier_scaled": changed(base["rationals_1_letter_linear"], scale_multiplier),
        "more_factors_than_needed": changed(
            base["rationals_5_letters_chain"], lambda c: add_factor(c, ["-7", "1"])
        ),
    }


def masked(base: dict[str, Certificate]) -> Certificate:
    """Return a certificate of halves that alternate."""
    claim = base["rationals_4_letters_trace"]
    d = len(claim["target"])
    order = [*range(0, d, 2), *range(1, d, 2)]
    members = (claim[key] for key in ("field", "scales", "layers", "obstructions"))
    return depth_certificate(*members, order=order)


def identity_of_four() -> Certificate:
    """Return the certificate of the 4 x 4 identity."""
    one = depth_certificate("QQ", "additive", [layer("first", [["0", "0"], ["0", "0"]])], [])
    return one | {"depth": 0, "layers": []}


def fraction_of(entry: str) -> str:
    """Return the same rational, not in lowest terms."""
    value = Fraction(entry)
    return f"{value.numerator * 21}/{value.denominator * 21}"


def shift_residues(certificate: Certificate) -> None:
    """Write entries outside of range(p)."""
    p = int(certificate["field"][3:-1])
    certificate["target"] = [[str(int(x) - 5 * p) for x in row] for row in certificate["target"]]


def scale_multiplier(certificate: Certificate) -> None:
    """Multiply a multiplier by -7/3."""
    for obstruction in certificate["obstructions"]:
        obstruction["multiplier"] = [
            [[str(Fraction(-7, 3) * Fraction(x)) for x in row] for row in W]
            for W in obstruction["multiplier"]
        ]


def add_factor(certificate: Certificate, f: list[str]) -> None:
    """Give another polynomial to each obstruction that has some."""
    for obstruction in certificate["obstructions"]:
        obstruction.get("factors", []).append(f)


def deeper(certificate: Certificate, donor: Certificate) -> Certificate:
    """Return the false claim of one layer more: one that changes nothing, and reasons lent."""
    n = len(certificate["target"]) // 2
    zero = layer("first", [["0"] * n for _ in range(n)])
    claim = put(certificate, ["layers"], [*certificate["layers"], zero])
    return claim | {"depth": claim["depth"] + 1, "obstructions": donor["obstructions"]}


def incorrect(base: dict[str, Certificate]) -> dict[str, Any]:
    """Return well-formed certificates that are false, or whose obstructions prove nothing."""
    cases = {}
    for name in base:
        if not name.endswith("_mirrored"):
            cases[f"{name}_with_another_target"] = changed(base[name], bump_target)
    trace, chain = base["rationals_5_letters_trace"], base["rationals_5_letters_chain"]
    total, scaled = base["rationals_5_letters_chain_in_total"], base["rationals_5_letters_linear"]
    minors, divisors = (
        base["positive_4_letters_opposed_minors"],
        base["rationals_4_letters_divisors"],
    )
    linear = base["rationals_3_letters_linear_101"]
    terms = base["positive_5_letters_linear"]
    generic = base["rationals_4_letters_trace"]
    n = len(trace["target"]) // 2
    at = ["obstructions", 0]
    doubled = changed(total, lambda c: c["obstructions"][0]["factors"].append(["-1", "1"]))
    return cases | {
        "with_another_order": changed(masked(base), lambda c: c["order"].reverse()),
        "layers_in_reverse_order": changed(generic, lambda c: c["layers"].reverse()),
        "half_swapped": put(trace, ["layers", 0, "moves"], other_half(trace)),
        "layer_shift_off_by_one": put(trace, ["layers", 2, "shift", 0, 0], "9"),
        "target_transposed": changed(
            scaled, lambda c: c.update(target=[list(r) for r in zip(*c["target"], strict=True)])
        ),
        "one_layer_too_many_from_zero": deeper(
            depth_certificate("QQ", "additive", [], []), base["rationals_0_letters_linear"]
        ),
        "one_layer_too_many_from_four": deeper(linear, generic),
        "one_layer_too_many_from_five": deeper(generic, trace),
        "one_layer_too_many_over_gf": deeper(
            base["gf2_3_letters_linear_111"], base["gf2_4_letters_trace"]
        ),
        "multiplier_zero": put(linear, [*at, "multiplier"], [zeros(2)] * 3),
        "multiplier_of_the_other_pattern": changed(linear, swap_witnesses),
        "multiplier_off_by_one": put(linear, [*at, "multiplier", 0, 0, 0], "7"),
        "coefficient_that_agrees": put(trace, [*at, "k"], n),
        "factor_that_both_lack": put(divisors, [*at, "factors"], [["-97", "1"]]),
        "factors_not_coprime": doubled,
        "factor_given_twice": changed(
            total, lambda c: add_factor(c, total["obstructions"][0]["factors"][0])
        ),
        "factor_of_degree_two_with_root_one": put(chain, [*at, "factors"], [["1", "-2", "1"]]),
        "chain_without_the_eigenvalues": put(
            base["rationals_5_letters_chain_no_freedom"], [*at, "factors"], [["97", "1"]]
        ),
        "chain_says_nothing": put(scaled, at, chain_of(scaled["obstructions"][0]["pattern"])),
        "trace_where_C_is_not_zero": put(
            scaled, at, {"pattern": scaled["obstructions"][0]["pattern"], "kind": "trace", "k": 1}
        ),
        "linear_where_c_is_no_multiple_of_C": put(
            chain, at, five_linear(chain["obstructions"][0]["pattern"], len(chain["target"]) // 2)
        ),
        "minors_of_another_size": put(minors, [*at, "k"], 1),
        "terms_of_both_signs": put(terms, [*at, "multiplier", 0, 0, 0], "2"),
        "kernels_of_something_else": put(
            base["positive_4_letters_linear_kernels"],
            [*at, "multiplier"],
            [[["1", "0"], ["0", "-1"]]],
        ),
        "terms_all_zero": put(terms, [*at, "multiplier"], [[], [], []]),
        "terms_where_C_is_not_zero": deeper(base["positive_4_letters_linear"], terms),
    }


def other_half(certificate: Certificate) -> str:
    """Return the half that the first layer does not move."""
    return "second" if certificate["layers"][0]["moves"] == "first" else "first"


def zeros(n: int) -> list[list[str]]:
    """Return the zero matrix as it is written."""
    return [["0"] * n for _ in range(n)]


def swap_witnesses(certificate: Certificate) -> None:
    """Exchange the patterns of the two obstructions."""
    first, second = certificate["obstructions"]
    first["pattern"], second["pattern"] = second["pattern"], first["pattern"]


def chain_of(pattern: str) -> dict[str, Any]:
    """Return an obstruction at x + 97."""
    return {"pattern": pattern, "kind": "chain", "factors": [["97", "1"]]}


def five_linear(pattern: str, n: int) -> dict[str, Any]:
    """Return a multiplier for a word of five letters."""
    row = ["1"] * (n + 1)
    return {"pattern": pattern, "kind": "linear", "multiplier": [[row]]}


def bump_target(certificate: Certificate) -> None:
    """Add one to the last entry of the target."""
    last = certificate["target"][-1]
    last[-1] = str(Fraction(last[-1]) + 1)


def malformed(base: dict[str, Certificate]) -> dict[str, Any]:
    """Return what is no certificate."""
    trace, gf = base["rationals_5_letters_trace"], base["gf3_5_letters_trace"]
    linear, chain = base["rationals_3_letters_linear_101"], base["rationals_5_letters_chain"]
    positive, terms = base["positive_5_letters_opposed_minors"], base["positive_5_letters_linear"]
    text = json.dumps(trace)
    at = ["obstructions", 0]

    def each(path: list[Any], values: dict[str, Any], of: Certificate = trace) -> dict[str, Any]:
        return {name: put(of, path, value) for name, value in values.items()}

    cases: dict[str, Any] = {f"missing_{key}": without(trace, [key]) for key in trace}
    cases |= {
        "file_empty": b"",
        "file_is_null": b"null",
        "file_is_a_list": [trace],
        "file_truncated": text[:-1].encode(),
        "file_not_utf8": b"\xff" + text.encode(),
        "file_in_utf16": text.encode("utf-16"),
        "trailing_comma": text.replace("]}", "],}").encode(),
        "deep_nesting": b"[" * 200_000,
        "duplicate_key": text.replace('"depth": 6', '"depth": 5, "depth": 6').encode(),
        "duplicate_key_in_an_obstruction": text.replace('"k": 1', '"k": 1, "k": 1').encode(),
        "nan_in_provenance": text.replace("{", '{"provenance": {"x": NaN}, ', 1).encode(),
        "nan_as_k": text.replace('"k": 1', '"k": NaN', 1).encode(),
        "lone_surrogate": text.replace("{", '{"provenance": {"x": "\\ud800"}, ', 1).encode(),
        "unknown_key": put(trace, ["flips"], []),
        "unknown_key_in_a_layer": put(trace, ["layers", 0, "sign"], "unchecked"),
        "unknown_key_in_an_obstruction": put(trace, [*at, "f"], ["1"]),
        "witness_of_another_kind": put(trace, [*at, "kind"], "chain"),
        "witness_missing": without(trace, [*at, "k"]),
        "layer_missing": changed(trace, lambda c: c["layers"].pop()),
        "layer_too_many": changed(trace, lambda c: c["layers"].append(c["layers"][0])),
        "obstruction_missing": changed(trace, lambda c: c["obstructions"].pop()),
        "obstruction_twice": changed(
            trace, lambda c: c.update(obstructions=[c["obstructions"][0]] * 2)
        ),
        "obstruction_of_fewer_letters": put(trace, [*at, "pattern"], "ULUL"),
        "obstruction_too_many": changed(
            trace, lambda c: c["obstructions"].append(c["obstructions"][0])
        ),
        "scales_not_one": put(trace, ["layers", 0, "scale", 0], "2"),
        "scale_zero": put(positive, ["layers", 0, "scale", 0], "0"),
        "scale_negative": put(positive, ["layers", 0, "scale", 0], "-1"),
        "trace_with_positive_scales": put(trace, ["scales"], "positive"),
        "opposed_with_additive_scales": put(positive, ["scales"], "additive"),
        "positive_over_gf": put(base["gf2_1_letter_linear"], ["scales"], "positive"),
        "multiplier_of_two_matrices": changed(
            linear, lambda c: c["obstructions"][0]["multiplier"].pop()
        ),
        "multiplier_of_two_polynomials": changed(
            terms, lambda c: c["obstructions"][0]["multiplier"].pop()
        ),
        "term_too_short": changed(terms, lambda c: c["obstructions"][0]["multiplier"][0][0].pop()),
        "exponent_negative": put(terms, [*at, "multiplier", 0, 0, 1], "-1"),
        "exponent_fraction": put(terms, [*at, "multiplier", 0, 0, 1], "1/2"),
        "exponent_large": put(terms, [*at, "multiplier", 0, 0, 1], "101"),
        "multiplier_not_square": put(linear, [*at, "multiplier", 0], [["0", "0"]]),
        "factors_empty": put(chain, [*at, "factors"], []),
        "factor_constant": put(chain, [*at, "factors", 0], ["1"]),
        "factor_zero": put(chain, [*at, "factors", 0], ["0", "0"]),
        "factor_not_monic": put(chain, [*at, "factors", 0], ["1", "2"]),
        "factor_of_high_degree": put(chain, [*at, "factors", 0], ["1"] * 50),
        "factors_too_many": put(chain, [*at, "factors"], [["1", "1"]] * 50),
        "factor_of_numbers": put(chain, [*at, "factors", 0], [-2, 1]),
        "fraction_over_gf": put(gf, ["target", 0, 0], "1/2"),
        "partition_unequal": put(trace, ["partition"], [1, 3]),
        "partition_too_large": put(trace, ["partition"], [10**30, 10**30]),
        "partition_of_5001_digits": put(trace, ["partition"], [10**5000, 10**5000]),
        "partition_zero": put(put(trace, ["partition"], [0, 0]), ["target"], []),
        "partition_true": put(base["rationals_0_letters_linear"], ["partition"], [True, True]),
        "version_of_5001_digits": put(trace, ["version"], 10**5000),
        "factors_of_high_total_degree": put(chain, [*at, "factors"], [["-2", "0", "1"]] * 4),
        "target_empty": put(trace, ["target"], []),
        "target_ragged": changed(trace, lambda c: c["target"][0].pop()),
        "target_odd": put(trace, ["target"], [["1"]] * 3),
        "shift_not_square": changed(trace, lambda c: c["layers"][0]["shift"].pop()),
        "composite": put(gf, ["field"], "GF(9)"),
        "field_one": put(gf, ["field"], "GF(1)"),
        "carmichael": put(gf, ["field"], "GF(561)"),
        "prime_padded": put(gf, ["field"], "GF(03)"),
        "prime_in_arabic_digits": put(gf, ["field"], "GF(\u0663)"),
        "number_field": put(trace, ["field"], {"modulus": ["-2", "0", "1"]}),
    }
    numbers = {"zero": 0, "negative": -1, "too_large": 99, "true": True, "float": 1.0, "text": "1"}
    cases |= each([*at, "k"], {f"k_{name}": value for name, value in numbers.items()})
    depths = {"negative": -1, "seven": 7, "huge": 10**5000, "true": True, "float": 6.0, "text": "6"}
    cases |= each(["depth"], {f"depth_{name}": value for name, value in depths.items()})
    cases |= each(
        ["version"],
        {"version_zero": 0, "version_three": 3, "version_text": "1", "version_true": True},
    )
    two_sizes = base["rationals_halves_1_2_1_letters_linear"]
    cases |= {
        "two_sizes_in_version_one": put(two_sizes, ["version"], 1),
        "two_sizes_of_positive_scales": put(two_sizes, ["scales"], "positive"),
        "two_sizes_exchanged": put(two_sizes, ["partition"], [2, 1]),
        "order_in_version_one": put(masked(base), ["version"], 1),
        "order_of_two": put(masked(base), ["order"], [1, 0]),
        "order_with_a_repeat": put(masked(base), ["order"], [2, 2, 1, 0]),
        "covariance_of_a_depth": changed(two_sizes, lambda c: c.update(covariance=c.pop("target"))),
    }
    cases |= each(["format"], {"format_other": "exactflow-certificate", "format_null": None})
    cases |= each(["scales"], {"scales_other": "any", "scales_null": None, "scales_list": []})
    cases |= each([*at, "kind"], {"kind_other": "magic", "kind_null": None, "kind_list": []})
    cases |= each([*at, "pattern"], {"pattern_null": None, "pattern_lower": "ululu"})
    cases |= each([*at], {"obstruction_null": None, "obstruction_a_list": []})
    entries = {"number": 1, "null": None, "float": "0.5", "plus": "+1", "space": " 1", "empty": ""}
    entries |= {"arabic": "\u0661", "zero_denominator": "1/0", "newline": "1\n", "list": ["1"]}
    cases |= each(["target", 0, 0], {f"entry_{name}": value for name, value in entries.items()})
    return cases


def incomplete(base: dict[str, Certificate]) -> dict[str, Any]:
    """Return certificates of which something is not decided."""
    layers = [layer("first", [["2"]])]
    field = f"GF({2**127 - 1})"
    reason = [read_obstruction("linear 0 | 0 | 0 | 1")]
    return {"prime_of_127_bits": depth_certificate(field, "additive", layers, reason)}


if __name__ == "__main__":
    sys.set_int_max_str_digits(0)  # this process only: some entries are longer on purpose
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else CASES.parent
    write(folder, bases(), correct, incorrect, malformed, incomplete)
