"""What the tests of modules share: both directions of a module, in its library's own words."""


def directions(module, library: str):
    """Return x -> (y, log_det) and y -> (x, log_det) of what `to_module` returns."""
    if library == "normflows":
        return module.inverse, module.forward
    if library == "freia":
        return lambda x: _single(module([x])), lambda y: _single(module([y], rev=True))
    if library == "zuko":
        return module().call_and_ladj, module().inv.call_and_ladj
    return module.forward, module.inverse


def _single(result):
    (y,), log_det = result
    return y, log_det
