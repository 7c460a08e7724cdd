"""JAX: containers as pytrees, compilation, vectorization, and single precision without x64."""

import dataclasses
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import strategies as sts
from helpers import (
    asarray,
    assert_close,
    dtype_name,
    reference_kernel,
    rounded,
    single_precision,
    to_host,
    to_library,
    to_numpy,
    tolerance,
)

import ssmkern as sk


@pytest.mark.parametrize("kind", sts.KINDS)
def test_containers_are_pytrees(jax, jnp, kind):
    system = to_library(jnp, sts.make(kind)).replace(dt=0.1)
    leaves, structure = jax.tree.flatten(system)
    others = 2 if isinstance(system, sk.Dense) else 3  # D, which is None, mimo, conjugate_pairs
    assert len(leaves) == len(dataclasses.fields(system)) - others
    back = jax.tree.unflatten(structure, leaves)
    assert type(back) is type(system)
    assert back.conjugate_pairs is system.conjugate_pairs
    for field in dataclasses.fields(system):
        assert getattr(back, field.name) is getattr(system, field.name)
    doubled = jax.tree.map(lambda x: 2 * x, system)
    np.testing.assert_array_equal(to_numpy(doubled.B), 2 * to_numpy(system.B))
    assert doubled.D is None


def test_pairs_are_part_of_the_structure(jax, jnp):
    """A program compiled for conjugate pairs is not reused for a system without."""
    with_pairs = to_library(jnp, sts.make("diagonal-pairs"))
    without = with_pairs.replace(conjugate_pairs=False)
    assert jax.tree.structure(with_pairs) != jax.tree.structure(without)
    kernel = jax.jit(lambda system: sk.kernel(system, 31, dt=0.1))
    assert dtype_name(kernel(with_pairs)) == "float64"
    assert dtype_name(kernel(without)) == "complex128"


@pytest.mark.parametrize(("kind", "algorithm"), sts.PLAIN_KERNELS)
def test_compiled_kernel_equals_eager(jax, jnp, kind, algorithm):
    system = sts.make(kind, seed=1, batch=sts.BATCHES[3])
    dt = np.array([0.02, 0.3])
    kernel = jax.jit(lambda system, dt: sk.kernel(system, 31, dt=dt, algorithm=algorithm))
    K = kernel(to_library(jnp, system), jnp.asarray(dt))
    assert_close(K, reference_kernel(system, 31, dt), tolerance("float64", 31), axis=-1)
    eager = sk.kernel(to_library(jnp, system), 31, dt=jnp.asarray(dt), algorithm=algorithm)
    assert_close(K, to_numpy(eager), tolerance("float64"), axis=-1)


@pytest.mark.parametrize("kind", sts.PLAIN)
def test_the_rest_compiles(jax, jnp, kind):
    """discretize, generating functions, truncation, steps in a compiled loop, convolution: as on NumPy."""
    system = sts.make(kind, seed=2).replace(D=0.5)
    u = sts.rng(3).standard_normal(16)

    @jax.jit
    def everything(system, dt, z, u):
        discrete = sk.discretize(system, dt, "zoh" if kind == "diagonal-pairs" else "bilinear")
        truncated = sk.truncate_output(discrete, 16)
        _, y = jax.lax.scan(lambda x, sample: sk.step(discrete, sample, x)[::-1], jnp.zeros_like(discrete.B), u)
        return (
            sk.generating_function(discrete, z),
            truncated,
            sk.untruncate_output(discrete.replace(C=truncated), 16),
            y,
            sk.convolve(u, sk.kernel(discrete, 16), D=0.5),
        )

    z = np.exp(1j * np.arange(4.0))
    found = everything(to_library(jnp, system), jnp.asarray(0.1), jnp.asarray(z), jnp.asarray(u))
    discrete = sk.discretize(system, 0.1, "zoh" if kind == "diagonal-pairs" else "bilinear")
    y = np.convolve(u, reference_kernel(discrete, 16))[:16] + 0.5 * u
    values, truncated = sk.generating_function(discrete, z), sk.truncate_output(discrete, 16)
    # The resolvent and (I - A^16)^-1 amplify by up to 1 / (dt damping) = 100.
    for result, expected in zip(found, (values, truncated, discrete.C, y, y), strict=True):
        assert_close(result, expected, 100 * tolerance("float64"))


def test_vmap_is_the_batch(jax, jnp):
    for kind in sts.PLAIN:
        system = sts.make(kind, seed=6, batch=sts.BATCHES[1])
        dt = np.array([0.02, 0.1, 0.3])
        K = jax.jit(jax.vmap(lambda s, d: sk.kernel(s, 31, dt=d)))(to_library(jnp, system), jnp.asarray(dt))
        assert_close(K, reference_kernel(system, 31, dt), tolerance("float64", 31), axis=-1)


def test_traced_values_are_not_checked_but_shapes_and_dtypes_are(jax, jnp):
    system = to_library(jnp, sts.make("diagonal-real", n=2))
    kernel = jax.jit(lambda s, dt: sk.kernel(s, 4, dt=dt))
    assert kernel(system, jnp.asarray(-0.1)).shape == (4,)  # eager: refused
    with pytest.raises(ValueError, match=r"^batch .*\bdt\b"):
        kernel(system.replace(B=jnp.ones((3, 2))), jnp.ones(4))
    with pytest.raises(TypeError, match=r"^dt:"):
        kernel(system, jnp.asarray(1))
    with pytest.raises(TypeError, match=r"^dt:.*complex"):
        kernel(system, jnp.asarray(1j))
    with pytest.raises(ValueError, match=r"^B:"):
        jax.jit(lambda B: sk.Diagonal(system.Lambda, B))(jnp.ones(3))
    with pytest.raises(TypeError, match=r"half precision"):
        jax.jit(lambda B: sk.Diagonal(system.Lambda, B))(jnp.ones(2, dtype=jnp.bfloat16))
    with pytest.raises(TypeError, match=r"^length:.*static"):
        jax.jit(lambda length: sk.kernel(system, length, dt=0.1))(4)


# --- x64 off: no float64 and no complex128 anywhere -------------------------------------------------------------------


SINGLE = [("bilinear", kind, algorithm) for kind, algorithm in sts.PLAIN_KERNELS if algorithm != "recurrence"]
SINGLE += [("zoh", "diagonal-pairs", m) for m in ("vandermonde", "cauchy")]
SINGLE += [("foh", "dense", "krylov"), ("zoh", "dplr-pairs", "krylov")]


@pytest.mark.parametrize(("discretization", "kind", "algorithm"), SINGLE)
def test_kernels_in_single_precision_only(jax, jnp, discretization, kind, algorithm):
    """No float64 to form powers in, and no warning that one was asked for (warnings are errors here)."""
    system = sts.make(kind, seed=7)
    with single_precision(jax):
        moved = to_library(jnp, system, "float32")
        kernel = jax.jit(lambda s: sk.kernel(s, 300, dt=0.02, discretization=discretization, algorithm=algorithm))
        K = kernel(moved)
        assert dtype_name(K) == "float32"
    expected = reference_kernel(rounded(system, "float32"), 300, 0.02, discretization)
    # 300 steps in float32 throughout: the powers of a matrix lose a few eps a step.
    assert_close(K, expected, 1e-4 if algorithm == "krylov" else 2e-5)


def test_long_kernel_keeps_its_phase_in_single_precision_only(jax, jnp):
    """Phases are reduced to turns: at l = 4096 a float32 phase of 6 l radians would be off by 1e-3."""
    Lambda = np.array([-0.01 + 0.3j, -0.01 + 3.0j, -0.01 + 6.0j])
    system = sk.Diagonal(Lambda, np.ones(3) + 0j, np.ones(3) + 0j, conjugate_pairs=True)
    with single_precision(jax):
        K = sk.kernel(to_library(jnp, system, "float32"), 4096, dt=0.5, discretization="zoh")
    expected = sk.kernel(rounded(system, "float32"), 4096, dt=0.5, discretization="zoh")
    assert_close(K, expected, 1e-3)


def test_recurrences_in_single_precision_only(jax, jnp):
    """Inside they are in float64 all the same, and so are their gradients."""
    system = rounded(sts.make("diagonal-pairs", seed=7), "float32")
    u, dt = (rounded(x, "float32") for x in (sts.rng(8).standard_normal(300), sts.rng(9).uniform(0.01, 0.1, 300)))
    expected = sk.scan(system, u, dt=dt, discretization="zoh")
    change = 1e-6 * (np.arange(300) == 7)
    ahead, behind = (sk.scan(system, u, dt=dt + h, discretization="zoh")[0] for h in (change, -change))
    slope = (np.sum(ahead**2) - np.sum(behind**2)) / 2e-6
    with single_precision(jax):
        moved, u32, dt32 = to_library(jnp, system, "float32"), asarray(jnp, u, "float32"), asarray(jnp, dt, "float32")
        found = jax.jit(lambda u, dt: sk.scan(moved, u, dt=dt, discretization="zoh"))(u32, dt32)
        gradient = jax.jit(jax.grad(lambda dt: jnp.sum(sk.scan(moved, u32, dt=dt, discretization="zoh")[0] ** 2)))(dt32)
        memories = [jax.jit(partial(sk.legs_memory, n=32, discretization=m))(u32)[1] for m in ("bilinear", "zoh")]
    for x, name, reference in zip(found, ("float32", "complex64"), expected, strict=True):
        assert dtype_name(x) == name
        assert_close(x, reference, 1e-6)
    assert abs(float(gradient[7]) - slope) < 1e-5 * abs(slope)
    for x, method in zip(memories, ("bilinear", "zoh"), strict=True):
        assert dtype_name(x) == "float32"
        assert_close(x, sk.legs_memory(u, 32, discretization=method)[1], 1e-6)


def test_products_and_the_rest_in_single_precision_only(jax, jnp):
    generator = sts.rng(8)
    v, x = sts.normal(generator, (4,)), 0.9 * np.exp(1j * generator.uniform(-3, 3, 4))
    u, z = generator.standard_normal(31), np.exp(1j * np.arange(1.0, 9.0))
    A = np.diag(x) @ np.linalg.qr(sts.normal(generator, (4, 4)))[0]
    table = x[:, None] ** np.arange(31)
    with single_precision(jax):

        def single(host):
            return asarray(jnp, host, "float32")

        results = {
            "vandermonde": (sk.vandermonde(single(v), single(x), 31), v @ table),
            "transpose": (sk.vandermonde_transpose(single(u), single(x)), table @ u),
            "cauchy": (sk.cauchy(single(v), single(z), single(x)), np.sum(v / (z[:, None] - x), axis=-1)),
            "krylov": (sk.krylov(single(A), single(v), 3), np.stack([v, A @ v, A @ A @ v], axis=-1)),
            "convolve": (sk.convolve(single(u), single(u)), np.convolve(u, u)[:31]),
        }
        system, V = sk.nplr("legs", 8, xp=jnp, basis=True)
        A8, _ = sk.transition("legs", 8, xp=jnp)
        assert dtype_name(system.Lambda) == dtype_name(V) == "complex64"
        assert dtype_name(A8) == dtype_name(sk.timescales(3, xp=jnp)) == "float32"
        assert dtype_name(sk.s4d("lin", 8, xp=jnp).B) == "complex64"
    for found, expected in results.values():
        assert_close(found, expected, 1e-5)
    host = to_host(system)
    rebuilt = (
        2 * ((to_numpy(V) * host.Lambda) @ to_numpy(V).conj().T).real - (PV := 2 * (to_numpy(V) @ host.P).real) @ PV.T
    )
    assert_close(rebuilt, sk.transition("legs", 8)[0], 1e-5)


@pytest.mark.parametrize("kind", sts.PLAIN)
def test_what_is_compiled_can_still_be_vectorized(jax, jnp, kind):
    """Batching comes after tracing, when float64 is switched off again."""
    host = sts.make(kind, seed=3)
    scales = np.array([1.0, 2.0, -1.0], dtype=np.float32)
    with single_precision(jax):
        system = to_library(jnp, host, "float32")

        @jax.jit
        def kernel(scale):
            return sk.kernel(system.replace(C=scale * system.C), 20, dt=0.1)

        found = jax.vmap(kernel)(jnp.asarray(scales))
        slopes = jax.vmap(jax.grad(lambda scale: jnp.sum(kernel(scale) ** 2)))(jnp.asarray(scales))
        chosen = jax.vmap(lambda scale: jax.lax.cond(scale > 0, kernel, lambda _: jnp.zeros(20), scale))(
            jnp.asarray(scales)
        )
    K = reference_kernel(rounded(host, "float32"), 20, 0.1)
    assert dtype_name(found) == "float32"
    assert_close(found, scales[:, None] * K, 1e-5)
    assert_close(slopes, 2 * scales * np.sum(K**2), 1e-5)
    assert_close(chosen, np.array([1, 2, 0])[:, None] * K, 1e-5)


def test_numbers_that_were_traced_have_no_say_in_the_dtype(jax, jnp):
    system = to_library(jnp, sts.make("diagonal-pairs"), "float32")
    kernel = jax.jit(lambda system, dt: sk.kernel(system, 20, dt=dt))
    assert dtype_name(kernel(system, 0.1)) == dtype_name(sk.kernel(system, 20, dt=0.1)) == "float32"
    assert dtype_name(kernel(system, jnp.asarray(0.1, dtype=jnp.float64))) == "float64"


# --- where other libraries are, or are not --------------------------------------------------------------------------


def run(code):
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)


def test_works_where_only_numpy_is_installed():
    """Imports of the others fail, as on a machine without them, and the main path runs."""
    done = run(
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name.partition('.')[0] in ('torch', 'jax', 'cupy', 'dpnp', 'scipy', 'matplotlib'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "import numpy as np, ssmkern as sk\n"
        "system = sk.nplr('legs', 8, C=np.ones(8))\n"
        "print(sk.convolve(np.ones(16), sk.kernel(system, 16, dt=0.1)).shape)\n"
    )
    assert done.stdout.strip() == "(16,)", done.stderr


def test_a_system_made_of_another_is_a_pytree(jax):
    """In a process of its own: here every container has been made before."""
    done = run(
        "import jax, ssmkern as sk\n"
        "system = sk.nplr('legs', 4, xp=jax.numpy)\n"
        "print(jax.jit(lambda dense: dense.A + 0)(system.to_dense()).shape)"
    )
    assert done.stdout.strip() == "(4, 4)", done.stderr
