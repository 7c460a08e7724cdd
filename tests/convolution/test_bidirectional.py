import numpy as np
import pytest
import strategies as sts
from bad_input import Maker, assert_refused
from helpers import COMPLEX, asarray, assert_close, assert_like, compiled, is_jax, rounded, to_numpy, tolerance
from hypothesis import given
from hypothesis import strategies as st

import ssmkern as sk

CONVENTIONS = ("centered", "shifted")


def truth(u, K, backward, D=0.0, convention="centered"):
    """Both sums, term by term, no batch."""
    y, shift = D * u, convention == "shifted"
    for k in range(len(u)):
        for j in range(len(u)):
            lag = k - j
            if lag >= 0 and lag < len(K):
                y[k] = y[k] + K[lag] * u[j]
            if lag < 0 and -lag - shift < len(backward):
                y[k] = y[k] + backward[-lag - shift] * u[j]
    return y


@given(data=st.data())
def test_is_the_two_sided_sum(xp, dtype, data):
    generator = sts.rng(data.draw(sts.seeds))
    sizes = st.sampled_from([5, 16] if is_jax(xp) else [1, 2, 3, 16, 31])
    length, forward, back = (16, 16, 5) if is_jax(xp) else (data.draw(sizes) for _ in range(3))
    u, K, backward = (sts.normal(generator, (n,), data.draw(st.booleans())) for n in (length, forward, back))
    D, convention = data.draw(st.sampled_from([None, 0.5])), data.draw(st.sampled_from(CONVENTIONS))
    arrays = [asarray(xp, x, dtype) for x in (u, K, backward)]
    y = sk.convolve_bidirectional(*arrays, D=D, convention=convention)
    real = not any(np.iscomplexobj(x) for x in (u, K, backward))
    assert_like(y, xp, dtype if real else COMPLEX[dtype], (length,))
    u, K, backward = (rounded(x, dtype) for x in (u, K, backward))
    u = u if real else u.astype(complex)
    scale = np.linalg.norm(u) * (np.linalg.norm(K) + np.linalg.norm(backward))
    assert_close(y, truth(u, K, backward, D or 0.0, convention), tolerance(dtype), scale=scale)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("batches", [((3,), (3,), (3,), ()), ((2, 1), (3,), (), (2, 1)), ((), (3, 2), (2,), (2,))])
def test_batch_is_a_loop(xp, convention, batches):
    generator = sts.rng(1)
    u, K, backward = (sts.normal(generator, (*b, 9), False) for b in batches[:3])
    D = sts.normal(generator, batches[3], False)
    arrays = [asarray(xp, x) for x in (u, K, backward)]

    def run(u, K, backward, D):
        return sk.convolve_bidirectional(u, K, backward, D=D, convention=convention)

    y = compiled(xp, run)(*arrays, asarray(xp, D))
    batch = np.broadcast_shapes(*batches)
    assert_like(y, xp, "float64", (*batch, 9))
    u, K, backward = (np.broadcast_to(x, (*batch, 9)) for x in (u, K, backward))
    D = np.broadcast_to(D, batch)
    rows = [truth(u[i], K[i], backward[i], D[i], convention) for i in np.ndindex(batch)]
    assert_close(y, np.reshape(rows, (*batch, 9)), tolerance("float64"))


def test_shifted_is_what_padding_the_reversed_kernel_gives():
    """The kernel behind its zeros plus the reversed one before the end of a circle of 2 L: K'_0 stands at lag -1."""
    u, K, backward = sts.normal(sts.rng(2), (3, 32), False)
    circle = np.concatenate([K, backward[::-1]])
    y = np.array([sum(circle[(k - j) % 64] * u[j] for j in range(32)) for k in range(32)])
    assert_close(sk.convolve_bidirectional(u, K, backward, convention="shifted"), y, 1e-13)
    later = np.concatenate([[0.0], backward])  # lag -1 in the centered convention
    assert_close(sk.convolve_bidirectional(u, K, later), y, 1e-13)


def test_without_a_future_it_is_causal(xp):
    u, K = (asarray(xp, x) for x in sts.normal(sts.rng(3), (2, 40), False))
    y = sk.convolve_bidirectional(u, K, K[:1], D=0.5)  # lag 0 alone, which is not used
    assert_close(y, to_numpy(sk.convolve(u, K, D=0.5)), 1e-13)


def test_is_the_sum_of_a_convolution_and_a_reversed_one(xp):
    """And with one kernel for both, a reversed signal gives the reversed output."""
    u, K = (asarray(xp, x) for x in sts.normal(sts.rng(4), (2, 40), False))
    y = sk.convolve_bidirectional(u, K, K)
    both = sk.convolve(u, K) + xp.flip(sk.convolve(xp.flip(u), K)) - K[0] * u
    assert_close(y - both, np.zeros(40), 1e-13, scale=10.0)
    mirrored = sk.convolve_bidirectional(xp.flip(u), K, K)
    assert_close(y - xp.flip(mirrored), np.zeros(40), 1e-13, scale=10.0)


def test_a_large_first_term_that_is_not_used_costs_no_digits():
    u, K, backward = sts.normal(sts.rng(5), (3, 40), False)
    backward[0] = 1e12
    y = sk.convolve_bidirectional(u, K, backward)
    assert_close(y, truth(u, K, backward), 1e-13)


def test_bad_input(xp):
    def both(m, u=(4,), K=(4,), K_backward=(4,), **options):
        return sk.convolve_bidirectional(m.ones(*u), m.ones(*K), m.ones(*K_backward), **options)

    assert_refused(
        Maker(xp),
        [
            ("^K_backward:", lambda m: both(m, K_backward=(0,))),
            (r"^batch .*\bK_backward\b", lambda m: both(m, u=(2, 4), K_backward=(3, 4))),
            (r"^batch .*\bD\b", lambda m: both(m, u=(2, 4), D=m.ones(3))),
        ],
    )
