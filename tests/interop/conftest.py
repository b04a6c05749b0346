"""One thread for PyTorch: on small tensors, threads that wait for each other take the time.

Without PyTorch there is nothing to test here.
"""

from importlib.util import find_spec

import pytest

collect_ignore_glob = [] if find_spec("torch") else ["*"]


@pytest.fixture(autouse=True)
def one_thread():
    """Give PyTorch one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
