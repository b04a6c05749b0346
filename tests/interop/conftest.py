"""One thread for PyTorch: on small tensors, threads that wait for each other take the time."""

import pytest


@pytest.fixture(autouse=True)
def one_thread():
    """Give PyTorch one thread, where it is installed."""
    try:
        import torch
    except ImportError:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
