"""The table of commands: purpose and module of each.

A module has ``add_arguments(parser)`` and ``run(arguments)``, which returns the exit code. It is
imported when its command runs, and imports what it needs then: no command waits for another.
"""

__all__ = ["COMMANDS"]

COMMANDS = {
    "factor": ("a matrix in, at most six coupling layers out", "factor"),
    "check": ("verify a certificate", "check"),
    "depth": ("how few layers, and why not fewer", "depth"),
    "explain": ("the proof on one matrix, step by step", "explain"),
    "theorems": ("what is proved, and a try of it on a matrix", "theorems"),
    "balance": ("float64 layers of small norm, certified within", "balance"),
    "lossless": ("a bijection of integers near a matrix, to the last bit", "lossless"),
    "apply": ("integers through a lossless flow, and back", "apply"),
    "whiten": ("two layers that whiten, and generate, a Gaussian", "whiten"),
    "prove": ("run proof scripts: one table, a row a claim", "prove"),
    "convert": ("a model with couplings in the place of its linear layers", "convert"),
    "diagnose": ("why a trained model does not return x, layer by layer", "diagnose"),
    "completion": ("the script by which a shell completes commands", "completion"),
    "export": ("a certificate's flow for another system", "export"),
}
