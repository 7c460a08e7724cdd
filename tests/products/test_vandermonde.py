import mpmath
import numpy as np
import strategies as sts
from bad_input import Maker, assert_refused
from helpers import COMPLEX, EPS, asarray, assert_close, assert_like, compiled, is_jax, rounded, to_numpy, tolerance
from hypothesis import given
from hypothesis import strategies as st

import ssmkern as sk


def powers_by_mpmath(x, length):
    """x_n^l as an (n, length) array."""
    with mpmath.workdps(40):
        return np.array([[complex(mpmath.mpmathify(a) ** k) for k in range(length)] for a in x.tolist()])


def nodes(generator, n, kind):
    """Points in and on the unit circle, and those where a logarithm has no value or no sign."""
    if kind == "real":
        return generator.uniform(-1.0, 1.0, n)
    if kind == "special":
        return generator.choice([0.0, 1.0, -1.0, 1j, -1j, 1e-30, 0.5, -0.5, 1 - 1e-9], n).astype(complex)
    size = np.exp(-np.exp(generator.uniform(-9, 0, n))) if kind == "inside" else np.ones(n)
    return size * np.exp(1j * generator.uniform(-np.pi, np.pi, n))


def draw_case(data, xp, dtype):
    few = is_jax(xp)
    kind = data.draw(st.sampled_from(["inside", "circle", "real", "special"]))
    generator = sts.rng(data.draw(sts.seeds))
    n, length = data.draw(sts.orders(few)), data.draw(sts.lengths(few))
    x = nodes(generator, n, kind)
    if kind == "circle" and dtype == "float32":
        x = x * (1 - 1e-6)  # rounding must not push the modulus, and with it the 300th power, above 1
    return generator, x, length, kind == "real"


@given(data=st.data())
def test_vandermonde_agrees_with_mpmath(xp, dtype, data):
    generator, x, length, real = draw_case(data, xp, dtype)
    v = sts.normal(generator, x.shape, not real)
    result = sk.vandermonde(asarray(xp, v, dtype), asarray(xp, x, dtype), length)
    assert_like(result, xp, dtype if real else COMPLEX[dtype], (length,))
    v, x = rounded(v, dtype), rounded(x, dtype)
    # Terms may cancel: measured against their sizes.
    assert_close(result, v @ powers_by_mpmath(x, length), tolerance(dtype, length), scale=np.max(np.abs(v)))


@given(data=st.data())
def test_transpose_agrees_with_mpmath(xp, dtype, data):
    generator, x, length, real = draw_case(data, xp, dtype)
    u = sts.normal(generator, (length,), not real)
    result = sk.vandermonde_transpose(asarray(xp, u, dtype), asarray(xp, x, dtype))
    assert_like(result, xp, dtype if real else COMPLEX[dtype], x.shape)
    u, x = rounded(u, dtype), rounded(x, dtype)
    assert_close(result, powers_by_mpmath(x, length) @ u, tolerance(dtype, length), scale=np.linalg.norm(u))


@given(data=st.data())
def test_the_two_are_transposes(data):
    generator, x, length, real = draw_case(data, np, "float64")
    v, u = sts.normal(generator, x.shape, not real), sts.normal(generator, (length,), not real)
    left, right = np.sum(sk.vandermonde(v, x, length) * u), np.sum(v * sk.vandermonde_transpose(u, x))
    assert abs(left - right) <= tolerance("float64", length) * np.linalg.norm(v) * np.linalg.norm(u) * np.sqrt(length)


def test_long_sequences_keep_the_phase(xp, dtype):
    """At l = 5000 a phase formed in float32 would be wrong by 1e-3."""
    x = np.exp((-1e-4 + 1j) * np.array([0.3, 1.0, 2.9, -2.2]))
    v, length = np.array([1.0, -1j, 0.5, 2.0]), 5003
    result = compiled(xp, lambda v, x: sk.vandermonde(v, x, length))(asarray(xp, v, dtype), asarray(xp, x, dtype))
    x = rounded(x, dtype)
    chosen = np.array([0, 1, 63, 64, 4000, length - 1])
    with mpmath.workdps(40):
        power = np.array([[complex(mpmath.mpmathify(a) ** int(k)) for k in chosen] for a in x.tolist()])
    assert_close(to_numpy(result)[chosen], v @ power, 1e-5 if dtype == "float32" else length * 10 * EPS["float64"])


def test_batch_is_a_loop(xp):
    batches = [((2, 1), (3,)), ((3,), (3,)), ((2,), ()), ((), (2,))]
    for of_v, of_x in batches[:1] if is_jax(xp) else batches:
        generator = sts.rng(3)
        x = 0.9 * np.exp(1j * generator.uniform(-3, 3, (*of_x, 4)))
        v, u = sts.normal(generator, (*of_v, 4)), sts.normal(generator, (*of_v, 31))
        table = x[..., None] ** np.arange(31)
        batch = np.broadcast_shapes(of_v, of_x)
        forward = sk.vandermonde(asarray(xp, v), asarray(xp, x), 31)
        assert_like(forward, xp, "complex128", (*batch, 31))
        assert_close(forward, np.sum(v[..., None] * table, axis=-2), tolerance("float64", 31))
        backward = sk.vandermonde_transpose(asarray(xp, u), asarray(xp, x))
        assert_like(backward, xp, "complex128", (*batch, 4))
        assert_close(backward, np.sum(u[..., None, :] * table, axis=-1), tolerance("float64", 31))


def test_chunks_join(xp):
    generator = sts.rng(4)
    x, v = 0.9 * np.exp(1j * generator.uniform(-3, 3, (3, 5))), sts.normal(generator, (2, 1, 5))
    u = sts.normal(generator, (2, 1, 100))
    table = x[..., None] ** np.arange(100)
    with sk.byte_budget(1000):
        forward = compiled(xp, lambda v, x: sk.vandermonde(v, x, 100))(asarray(xp, v), asarray(xp, x))
        backward = compiled(xp, sk.vandermonde_transpose)(asarray(xp, u), asarray(xp, x))
    assert_close(forward, np.sum(v[..., None] * table, axis=-2), tolerance("float64", 100))
    assert_close(backward, np.sum(u[..., None, :] * table, axis=-1), tolerance("float64", 100))


def test_real_weights_and_complex_nodes(xp):
    v, x = np.array([1.0, 2.0]), np.array([0.5j, -0.5])
    result = sk.vandermonde(asarray(xp, v), asarray(xp, x), 3)
    assert_like(result, xp, "complex128", (3,))
    assert_close(result, np.array([3.0, 0.5j - 1.0, -0.25 + 0.5]), tolerance("float64"))


def test_growth_overflows_to_infinity(xp):
    """|x| > 1 is computed as asked: right as long as it can be represented, infinite from there on."""
    with np.errstate(all="ignore"):
        result = to_numpy(sk.vandermonde(asarray(xp, np.array([1.0])), asarray(xp, np.array([10.0])), 400))
        assert np.all(np.abs(result[:300] / 10.0 ** np.arange(300) - 1) < tolerance("float64", 300))
    assert np.all(np.isposinf(result[310:]))


def test_bad_input(xp):
    assert_refused(
        Maker(xp),
        [
            ("^x:", lambda m: sk.vandermonde(m.ones(2), m.ones(3), 4)),
            (r"^batch .*\bx\b", lambda m: sk.vandermonde(m.ones(2, 2), m.ones(3, 2), 4)),
            (r"^batch .*\bx\b", lambda m: sk.vandermonde_transpose(m.ones(2, 4), m.ones(3, 2))),
        ],
    )
