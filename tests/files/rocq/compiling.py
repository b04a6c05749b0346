"""What coqc says of theorems: helpers of the tests of theorems that are changed.

The texts are compiled in one file, a module each: to load MathComp takes longer than most proofs.
"""

from exactflow.files.rocq.coq import coqc, library


def all_compile(texts, folder):
    """Assert that coqc accepts all texts."""
    source = folder / "theorems.v"
    source.write_text("".join(f"Module M{k}.\n{text}End M{k}.\n" for k, text in enumerate(texts)))
    code, printed = coqc(source, library())
    assert code == 0, printed


def none_compiles(texts, folder, refused="Qed."):
    """Assert that coqc accepts each text up to a sentence of its proof, and refuses this one."""
    heads = [text.partition(refused)[0] for text in texts]
    all_compile((f"{head}Fail {refused}\nAbort.\n" for head in heads), folder)
