"""Hostile files, and a process that gives each of them to every command and prints what came.

``python hostile.py FOLDER SEED COUNT`` writes the files into an empty folder and prints a line
for each run, two lists in JSON: what was run, and [code, stdout, stderr], of both the first 10,000
characters. A signal ends it after ten seconds of one run; it has a gigabyte of memory.
"""

import contextlib
import faulthandler
import io
import json
import os
import random
import resource
import signal
import struct
import sys
import zipfile
from importlib import import_module
from pathlib import Path

import numpy as np

from exactflow import cli

GIGABYTE, SECONDS = 2**30, 10
CERTIFICATE = {
    "format": "exactflow-certificate",
    "version": 2,
    "field": "QQ",
    "partition": [1, 1],
    "target": [["1", "2"], ["3", "7"]],
    "layers": [
        {"moves": "second", "scale": ["7"], "shift": [["3"]]},
        {"moves": "first", "scale": ["1/7"], "shift": [["2/7"]]},
    ],
}
COMMANDS = [
    ["factor", "FILE"],
    ["depth", "FILE"],
    ["explain", "FILE"],
    ["balance", "FILE"],
    ["whiten", "FILE"],
    ["theorems", "six", "layers", "--check", "FILE"],
    ["check", "FILE"],
    ["check", "good.json", "--target", "FILE"],
    ["export", "FILE", "--to", "rocq"],
    ["prove", "FILE"],
    ["diagnose", "FILE:model", "x.npy"],
]


def values(draw):
    """Return entries that look like numbers, or that are too long, too large or too odd."""
    digits = draw.choice([1, 10, 400, 5000, 33_000, 10**6])
    return draw.choice(
        [
            "9" * digits * 3,
            "-0." + "7" * digits,
            "1/" + "3" * digits,
            f"1e{digits}",
            f"1e-{digits}",
            "1/0",
            "nan",
            "inf",
            "0x10",
            "007",
            "\u0661",
            "\u202e1",
            "\x1b[31m1",
            "__import__('os')",
            "",
            "\0",
            "1_0",
        ]
    )


def texts(draw):
    """Return the content of a text file."""
    entry = values(draw)
    rows = draw.choice([1, 2, 3] if len(entry) > 100 else [2, 40])
    if draw.random() < 0.5:
        grid = [[draw.choice(["1", entry])] * rows for _ in range(rows)]
        return json.dumps(draw.choice([grid, grid[:-1], [grid], {"a": grid}])).encode()
    return draw.choice(
        [
            f"{entry},1\n1,3".encode(),
            f"2,{entry}\n{entry},3".encode(),
            f'[["{entry}", 1], [-2, 3]]'.encode(),
            f"[[{entry}, 1], [-2, 3]]".encode(),
            entry.encode(),
            b"[" * 10 ** draw.randint(1, 6),
            b'{"a":' * 10 ** draw.randint(1, 5),
            b"1," * 10 ** draw.randint(1, 6),
            b"1\n" * 10 ** draw.randint(1, 5),
            b'"' * 10 ** draw.randint(1, 6),
            b"\xff\xfe" + entry.encode("utf-16-le", "surrogatepass"),
            b"\0" * 10 ** draw.randint(1, 6),
            draw.randbytes(draw.randint(0, 1000)),
            json.dumps({"k" * 10**6: 1}).encode(),
        ]
    )


def certificates(draw):
    """Return a certificate of which one member, at any depth, is another value."""
    content = json.loads(json.dumps(CERTIFICATE))
    at, key = content, draw.choice(sorted(content))
    while isinstance(at[key], dict | list) and draw.random() < 0.7:
        at = at[key]
        key = draw.choice(sorted(at)) if isinstance(at, dict) else draw.randrange(len(at))
    at[key] = draw.choice(
        [
            values(draw),
            [],
            {},
            None,
            10**9,
            -1,
            2.5,
            True,
            [[]] * 1000,
            "GF(2)",
            "QQ" * 10**5,
            {"modulus": [values(draw), "0", "1"]},
            f"GF({2**127 - 1})",
            [10**6, 10**6],
        ]
    )
    return json.dumps(content).encode()


def arrays(draw):
    """Return a .npy file whose header claims what is not there, or what is no matrix."""
    buffer = io.BytesIO()
    shape = draw.choice(
        [(2, 2), (2**31, 2**31), (1,) * 200, (0, 5), (), (2, 2, 1, 1), (-1, 2), (2**20, 0)]
    )
    kind = draw.choice(["<f8", "<c16", "<f16", "|O", "<U9", "|V8", "<M8[s]", "<f2", ">i4", "|b1"])
    header = {"descr": kind, "fortran_order": draw.random() < 0.3, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, header)
    data = bytearray(buffer.getvalue() + draw.randbytes(draw.choice([0, 32, 64, 1000])))
    if draw.random() < 0.3:
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(data)


def archives(draw):
    """Return an archive with odd names and members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for _ in range(draw.choice([0, 1, 3, 2000])):
            name = draw.choice(["W.npy", "../x.npy", "\x1b[2J", "a" * 10**4, "", "é\u202e.npy"])
            with contextlib.suppress(ValueError, UserWarning):
                archive.writestr(f"{name}{draw.random()}", draw.choice([b"", arrays(draw)]))
    return buffer.getvalue()


def tensors(draw):
    """Return a .safetensors file with a random header."""
    entry = {
        "dtype": draw.choice(["F64", "F32", "BF16", "F8_E4M3", "C64", "Q"]),
        "shape": draw.choice([[2, 2], [1] * 200, [2**40, 2**40], [], [0, 2], [-1]]),
        "data_offsets": draw.choice([[0, 32], [0, 2**40], [32, 0], [0, 0]]),
    }
    names = ["w", "\x1b[2J", "a" * 10**5, *map(str, range(3000))]
    header = json.dumps(dict.fromkeys(names[: draw.choice([1, 2, 3, 3003])], entry)).encode()
    size = draw.choice([len(header), len(header), 2**60])
    return struct.pack("<Q", size) + header + draw.randbytes(32)


def pickles(draw):
    """Return a .pt file that calls what takes memory, or that is cut."""
    count = struct.pack("<i", draw.choice([2**31 - 1, 2**24, -1]))
    calls = [
        b"cbuiltins\nbytearray\n\x8a\x04" + count + b"\x85R",
        b"ctorch\nFloatTensor\n\x8a\x04" + count + b"\x85R",
        b"cos\nsystem\nX\x04\0\0\0true\x85R",
        b"X" + count,
        b"]q\0" + b"h\0a" * 1000,
        b"}" * 1000,
    ]
    pickle = b"\x80\x02" + draw.choice(calls) + draw.choice([b".", b""])
    if draw.random() < 0.3:
        return pickle
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle)
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


def scripts(draw):
    """Return a script that is none, or that does not run to its end."""
    return draw.choice(
        [
            b"# coding: rot13\nx = 1\n",
            b"# coding: none\n",
            b"# coding: utf-16\nx = 1\n",
            b"x = 1\0\n",
            b"\xff\xfe",
            b"(" * 10 ** draw.randint(1, 5),
            b"-" * 10 ** draw.randint(1, 5) + b"1",
            b"1 / 0\n",
            b"raise SystemExit(1)\n",
            b"raise KeyError('\\x1b[2J')\n",
            b"raise ValueError('x' * 10**6)\n",
            b"def f(): f()\nf()\n",
            b"x = bytearray(2**31)\n",
            b"import no_such_module\n",
            b"class E(Exception):\n def __str__(self): raise self\nraise E\n",
            b"model = [None]\n",
        ]
    )


KINDS = {
    ".csv": texts,
    ".json": lambda draw: draw.choice([texts, certificates])(draw),
    ".cert.json": certificates,
    ".npy": arrays,
    ".npz": lambda draw: draw.choice([archives, arrays])(draw),
    ".safetensors": tensors,
    ".pt": pickles,
    ".py": scripts,
}
NAMES = ["w", "-hj", "a b", "new\nline", "\x1b[31mred", "\u202egnp", "'; touch seen", "é", "--json"]


def write(folder, seed, count):
    """Write so many hostile files; return their names."""
    draw, names = random.Random(seed), []
    for i in range(count):
        suffix = list(KINDS)[i % len(KINDS)]
        names.append(f"{draw.choice(NAMES)}{i}{suffix}")
        (folder / names[-1]).write_bytes(KINDS[suffix](draw))
    return names


def main():
    folder, seed, count = Path(sys.argv[1]), *map(int, sys.argv[2:])
    report = os.fdopen(os.dup(1), "w")
    faulthandler.register(signal.SIGPROF, chain=True)  # says where it was
    names = write(folder, seed, count)
    os.chdir(folder)
    Path("good.json").write_text(json.dumps(CERTIFICATE))
    np.save("x.npy", np.ones((2, 2)))
    with contextlib.suppress(ImportError):
        import_module("torch")  # its libraries are no memory that a file takes
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + GIGABYTE,) * 2)
    for name in names:
        for command in COMMANDS:
            words = [word.replace("FILE", f"./{name}") for word in command]
            print(json.dumps(words), end=" ", file=report, flush=True)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = cli.main(words)
            signal.setitimer(signal.ITIMER_PROF, 0)
            said = [stream.getvalue()[: 10**4] for stream in (out, err)]
            print(json.dumps([code, *said]), file=report, flush=True)


if __name__ == "__main__":
    main()
