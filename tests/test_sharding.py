"""Channels spread over the devices of a JAX mesh are computed where they are."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("sharded.py")


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
