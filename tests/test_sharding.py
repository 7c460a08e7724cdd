"""Channels spread over the devices of a JAX mesh, or over processes, are computed where they are."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("sharded.py")
DOCS = Path(__file__).parents[1] / "docs"


def test_eight_devices_agree_with_one_and_do_not_communicate(jax):
    """In a process of its own: the number of devices is fixed when JAX starts."""
    if jax.__version_info__ < (0, 7, 2):
        pytest.skip("explicit axes of a mesh need JAX 0.7.2")
    done = subprocess.run([sys.executable, PROGRAM], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    cases = json.loads(done.stdout)
    assert len(cases) == 2 * 6
    for name, case in cases.items():
        if name.startswith(("kernel dplr", "scan dplr")):
            assert case["slices"], f"{name}: the batch should be sliced"
        assert case["collectives"] == [], name
        assert set(case["devices"]) == {8}, name
        assert case["difference"] < 1e-6, name


def run_together(*programs):
    """Processes of (arguments, environment), until all have ended."""
    running = [
        subprocess.Popen([sys.executable, *arguments], env=os.environ | more, stderr=subprocess.PIPE, text=True)
        for arguments, more in programs
    ]
    try:
        errors = [process.communicate(timeout=200)[1] for process in running]
    finally:
        for process in running:  # one may wait for another that has failed
            process.kill()
    assert [process.returncode for process in running] == [0] * len(running), "\n".join(errors)


def free_port():
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return str(found.getsockname()[1])


# The programs of the documentation, which compare what they compute with one process.


def test_two_processes_of_jax_do_not_communicate(jax):
    if jax.__version_info__ < (0, 5):
        pytest.skip("arrays of several processes are made as since JAX 0.5")
    program, address = DOCS / "processes_jax.py", f"localhost:{free_port()}"
    fast = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    run_together(*(([program, str(rank), address], fast) for rank in range(2)))


def test_two_processes_of_torch_share_gradients_alone(torch):
    if tuple(map(int, torch.__version__.split(".")[:2])) < (2, 6):
        pytest.skip("torch.distributed.fsdp.fully_shard needs torch 2.6")
    where = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": free_port()}
    run_together(*(([DOCS / "processes_torch.py"], where | {"RANK": str(rank)}) for rank in range(2)))


def test_two_workers_of_dask_do_not_communicate(torch):
    pytest.importorskip("distributed")
    run_together(([DOCS / "processes_dask.py"], {}))
