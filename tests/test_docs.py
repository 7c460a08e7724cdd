"""The Python blocks of README.md and docs/*.md run, in order, as a reader would run them."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import libraries
import pytest

ROOT = Path(__file__).parents[1]
OPTIONAL = ("torch", "jax", "cupy", "dpnp", "control", "dask")
FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks_of(path):
    """Pairs of the optional library that a block imports, or numpy, and its code."""
    pairs = []
    for code in re.findall(r"^```python\n(.*?)^```$", path.read_text(encoding="utf-8"), flags=re.M | re.S):
        needs = [name for name in OPTIONAL if re.search(rf"^import {name}\b", code, flags=re.M)]
        assert len(needs) <= 1, f"a block of {path.name} needs {needs}: it would seldom be run"
        pairs.append((needs[0] if needs else "numpy", code))
    return pairs


def cases():
    for path in FILES:
        for library in dict.fromkeys(library for library, _ in blocks_of(path)):
            yield pytest.param(path, library, id=f"{path.name}-{library}")


@pytest.mark.parametrize(("path", "library"), list(cases()))
def test_blocks_run(path, library, tmp_path):
    """The blocks of one library, after those of NumPy that stand before them, in a process of their own."""
    if not find_spec(library):
        pytest.skip(f"{library} is not installed")
    if library in libraries.ON_DEVICE and not libraries.has_device(library):
        pytest.skip(f"{library} finds no device")
    script = tmp_path / "blocks.py"
    script.write_text("\n".join(code for needs, code in blocks_of(path) if needs in ("numpy", library)), "utf-8")
    command = [sys.executable, "-W", "error", str(script)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_every_library_has_a_quickstart():
    assert {library for library, _ in blocks_of(ROOT / "docs" / "backends.md")} >= {"torch", "jax", "cupy", "dpnp"}


def test_readme_has_two_set_up_commands():
    commands = re.findall(r"^```bash\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), flags=re.M | re.S)
    assert len(commands) == 2
    for command, job in zip(commands, ("-m ssmkern demo", "-m pytest"), strict=True):
        assert command.count("\n") == 1
        assert command.startswith("python3 -m venv")
        assert job in command


def test_the_reference_lists_every_public_name():
    import ssmkern as sk

    listed = re.findall(r"^   ([A-Za-z_0-9]+)$", (ROOT / "docs" / "api.md").read_text("utf-8"), flags=re.M)
    assert sorted(listed) == sorted(sk.__all__)
