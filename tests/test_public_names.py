"""The public names are promised: the flat list, sorted, and nothing imported that was not asked for."""

import inspect
import subprocess
import sys

import pytest

import ssmkern as sk

NAMES = [
    "DPLR", "Dense", "Diagonal", "Plan", "Suggestion", "allclose", "balanced_truncation", "basis", "byte_budget",
    "cauchy", "convolve", "convolve_bidirectional", "discretize", "fit_kernel", "frequency_response",
    "from_annotated_s4", "from_control", "from_mamba", "from_s4", "from_s4d", "from_s5", "from_scipy",
    "generating_function", "gramian", "h2_norm", "hankel_singular_values", "kernel", "kernel_nd", "krylov",
    "legs_memory", "linear_recurrence", "mode_scores", "nplr", "plan", "reconstruct", "s4d", "scan",
    "selective_scan", "ssd", "states", "step", "suggest", "timescales", "to_control", "to_scipy", "transition",
    "truncate_output", "untruncate_output", "vandermonde", "vandermonde_transpose", "zero_input_response",
]  # fmt: skip


def test_all_is_sorted_and_complete():
    assert sk.__all__ == sorted(NAMES)


def test_public_attributes_are_those_of_all():
    found = [name for name, value in vars(sk).items() if not name.startswith("_") and not inspect.ismodule(value)]
    assert sorted(found) == sk.__all__


@pytest.mark.parametrize("name", sorted({*NAMES} - {"Plan", "Suggestion"}))  # which only functions make
def test_docstrings_are_complete(name):
    doc = inspect.getdoc(getattr(sk, name))
    sections = ["Parameters", "Raises", "Notes", "Examples"]
    if not name[0].isupper() and name != "byte_budget":  # a class, and a context manager that gives nothing
        sections.append("Returns")
    for section in sections:
        assert f"\n{section}\n{'-' * len(section)}\n" in doc, f"{name} has no section {section}"


def test_nothing_but_numpy_is_imported():
    others = {"torch", "jax", "cupy", "dpnp", "numba", "scipy", "control", "matplotlib", "pywt"}
    code = f"import sys, ssmkern.cli; print(sorted({others} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
