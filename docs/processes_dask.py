"""Channels in chunks, as tasks of two worker processes: run `python processes_dask.py`."""

import numpy as np
import torch
from distributed import Client, LocalCluster

import ssmkern as sk

CHANNELS, LENGTH, PARTS = 8, 64, 4


def compute(C, dt, u):
    """Kernel, gradient of its energy, outputs of a scan and of a selective scan, of some channels."""
    system = sk.s4d("lin", 8).replace(C=C)
    y, _ = sk.scan(sk.discretize(system, dt), u)
    vectors = np.ones((LENGTH, 2))
    selective, _ = sk.selective_scan(u, dt[:, None] * np.exp(u), np.asarray([-1.0, -2.0]), vectors, vectors)
    return sk.kernel(system, LENGTH, dt=dt), gradient(C, dt), y, selective


def gradient(C, dt):
    C = torch.asarray(C, requires_grad=True)
    K = sk.kernel(sk.s4d("lin", 8, xp=torch).replace(C=C), LENGTH, dt=torch.asarray(dt))
    K.square().sum().backward()
    return C.grad.numpy()


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    C, u = rng.normal(size=(CHANNELS, 4)) + 0j, rng.normal(size=(CHANNELS, LENGTH))
    values = C, np.geomspace(1e-3, 1e-1, CHANNELS), u
    parts = zip(*(np.split(x, PARTS) for x in values), strict=True)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.wait_for_workers(2)
        futures = [client.submit(compute, *part) for part in parts]
        found = [np.concatenate(results) for results in zip(*client.gather(futures), strict=True)]
        assert len({worker for places in client.who_has(futures).values() for worker in places}) == 2
        received = client.run(lambda dask_worker: len(dask_worker.transfer_incoming_log))  # from other workers
        assert list(received.values()) == [0, 0]
    for x, expected in zip(found, compute(*values), strict=True):
        np.testing.assert_allclose(x, expected, rtol=1e-10, atol=1e-12 * np.max(np.abs(expected)))
