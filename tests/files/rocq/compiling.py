"""What coqc says of theorems: helpers of the tests of theorems that are changed.

The texts are compiled in one file, a module each, and the library once: to load MathComp takes
longer than most proofs.
"""

import subprocess


def coqc(source, folder):
    """Compile a file that may require the library in a folder."""
    command = ["coqc", "-q", "-w", "none", "-Q", folder, "exactflow.certificates", source]
    done = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def all_compile(texts, folder, library):
    """Assert that coqc accepts all texts."""
    source = folder / "theorems.v"
    source.write_text("".join(f"Module M{k}.\n{text}End M{k}.\n" for k, text in enumerate(texts)))
    coqc(source, library)


def none_compiles(texts, folder, library, refused="Qed."):
    """Assert that coqc accepts each text up to a sentence of its proof, and refuses this one."""
    heads = [text.partition(refused)[0] for text in texts]
    all_compile((f"{head}Fail {refused}\nAbort.\n" for head in heads), folder, library)
