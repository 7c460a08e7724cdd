"""Whole sequences through the recurrence, with the state passed in and out."""

from __future__ import annotations

from typing import Any, cast

from .._arrays import (
    Array,
    Namespace,
    array_namespace,
    complex_value,
    computes,
    device_of,
    real_of,
)
from .._arrays.checks import (
    batch_shape,
    check_choice,
    check_length,
    check_real,
    check_vector,
    shape_of,
)
from ..kernels import kernel
from ..systems import (
    Diagonal,
    System,
    check_discrete,
    check_output,
    check_system,
)
from ._irregular import DISCRETIZATIONS, check_irregular, check_steps, irregular_scan
from ._lengths import check_lengths, check_starts
from ._sequences import Inputs, run_sequences
from ._shared import scan_shared
from ._step import check_inputs, check_state, promote


@computes
def scan(
    system: System,
    u: Array,
    x0: Array | None = None,
    *,
    lengths: Any = None,
    starts: Array | None = None,
    dt: Array | None = None,
    discretization: str = "bilinear",
    block: int | None = None,
) -> tuple[Array, Array]:
    """Run a system over a whole sequence: ``x_k = A x_(k-1) + B u_k``, ``y_k = C x_k + D u_k``, from ``x_(-1) = x0``.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        Discrete system with C; with ``dt`` a continuous `Diagonal` system.
    u : array, shape ``(..., L)``
        Input, real for a system of conjugate pairs; with ``mimo`` ``(..., m, L)``. Its batch broadcasts with that of
        the system: for a system ``(h,)``, u is ``(h, L)`` or ``(batch, h, L)``.
    x0 : array, shape ``(..., n)``, optional
        State before the first sample, None for rest. With conjugate pairs it holds the stored modes and is complex.
    lengths : int, integer array, shape ``(...)``, or list or tuple of ints, optional
        Samples of each sequence, 0 to L. What u and dt hold beyond them is not used, y is 0 there.
    starts : boolean array, shape ``(..., L)``, optional
        True at the first sample of each sequence, where several stand behind each other: before it the state is x0
        again.
    dt : array, shape ``(..., L)``, optional
        A step of its own for each sample, in the time unit of Lambda, for a continuous `Diagonal` system.
    discretization : {"bilinear", "euler", "backward_diff", "zoh", "dss"}
        How each of these steps is discretized, as in `discretize`; "foh", which needs equal steps, is none of them.
    block : int, optional
        Samples in a block, a power of 2; None takes the cheapest. It has no say with ``dt``.

    Returns
    -------
    y : array, shape ``(..., L)``, with ``mimo`` ``(..., p, L)``
        Output, in the common precision; real for conjugate pairs and where all arguments are real.
    x : array, shape ``(..., n)``
        State after the last sample of each sequence, to go on from. Batch axes that only C or D has are left out.

    Raises
    ------
    TypeError
        An argument is of the wrong kind or of another library than the system.
    ValueError
        The system is continuous (without ``dt``) or has no C, shapes do not fit, lengths are out of range, steps are
        not positive, or block is no power of 2.

    Notes
    -----
    In blocks of b samples, all matrix products and no loop over samples: within a block a product with the triangular
    Toeplitz matrix of ``K_0 ... K_(b-1)`` gives the output from rest, and one with ``A^(b-1) B ... B`` what the block
    adds to the state. States are carried from block to block by doubling, pairs of blocks are blocks twice as long;
    those of diagonal systems in NumPy by a compiled loop, where numba is installed. One more product with ``C A ... C
    A^b`` gives the output of the state that enters each block. That takes 2 b + 4 n + 4 n^2 / b flops a sample (the
    last term is O(n / b) for `Diagonal`) and 2 n^3 log2 L for the powers of a dense or DPLR matrix. Where these cost
    too much, at large n, a DPLR system runs as a diagonal one with feedback through its low-rank part, solved for by
    FFT, if no mode of the diagonal part grows and the values can be read.
    Powers are formed in float64 where the library has it; samples are multiplied in the precision of the result. Long
    sequences and large batches run in parts within the `byte_budget`. In torch on the processor, where no derivative is
    asked for, NumPy does all this on the same memory.

    Where powers of a matrix are so large before they decay that digits are lost, the system is stepped through one
    sample after the other; where values cannot be read (traced, or on a GPU), the output is NaN then.

    Of sequences that stand behind each other each has a product of its own with the triangular matrix of a block that
    it shares with others; states are carried on from blocks in which none starts. Where it cannot be known how many
    start in a block (traced, or on a GPU), blocks have 8 samples. An x0 is a second input at the starts, of a system
    whose input vector is ``A x0``.

    Irregular steps are O(n) a sample: blocks are stepped through side by side, and so are those of mimo systems, whose
    state is worked on once for all inputs and outputs.

    The powers reach up to the length of the sequence. Where they overflow, for a growing mode over many samples, the
    output can be NaN also where that mode is not excited yet.

    References
    ----------
    Gu, Goel, Re, "Efficiently Modeling Long Sequences with Structured State Spaces", arXiv:2111.00396, equation (3);
    Blelloch, "Prefix Sums and Their Applications", CMU-CS-90-190, for the doubling.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([0.5]), np.array([1.0]), C=np.array([2.0]), dt=1.0)
    >>> y, x = sk.scan(system, np.array([1.0, 0.0, 0.0, 1.0]))
    >>> y
    array([2.  , 1.  , 0.5 , 2.25])
    >>> sk.scan(system, np.array([0.0]), x)[0]
    array([1.125])
    """
    check_system(system)
    check_output(system)
    check_vector("u", u, 2 if system.mimo else 1)
    xp = array_namespace(system=system.B, u=u, x0=x0)
    check_state(system, "x0", x0)
    if system.mimo:
        check_inputs(system, u, 2)
    if system.conjugate_pairs:
        check_real(xp, "u", u, "a system of conjugate pairs takes real input")
    block = None if block is None else _check_block(block)
    ends = None if lengths is None else check_lengths(xp, lengths, u, u.shape[-1])
    starts = None if starts is None else check_starts(xp, starts, u, u.shape[-1])
    check_choice("discretization", discretization, DISCRETIZATIONS)
    if dt is not None:
        check_irregular(system, u, dt)
    else:
        check_discrete(system)
    batch = batch_shape(
        system=system.batch_shape,
        u=tuple(u.shape[: -2 if system.mimo else -1]),
        x0=shape_of(x0)[:-1],
        lengths=shape_of(ends),
        starts=shape_of(starts)[:-1],
        dt=shape_of(dt)[:-1],
    )

    inputs = Inputs(u, x0, ends, starts)
    if system.mimo:
        if dt is not None:
            check_steps(xp, dt, ends)
        return scan_shared(xp, system, inputs, None if dt is None else (dt, discretization))
    empty = 0 in batch
    if empty:  # there may be states although there are no outputs
        C = xp.zeros(system.B.shape[-1], dtype=system.B.dtype, device=device_of(system.B))
        system = system.with_leaves(C=C, D=0j if complex_value(xp, system.D) else None)
    if dt is None:
        y, x = run_sequences(xp, system, inputs, block)
        if starts is not None and x0 is not None:
            more = _begun(xp, system, inputs, block)
            y, x = y + more[0], x + more[1]
    else:
        y, x = irregular_scan(xp, cast("Diagonal", system), inputs, dt, discretization)
    return (xp.zeros((*batch, u.shape[-1]), dtype=y.dtype, device=device_of(u)) if empty else y), x


def _begun(xp: Namespace, system: System, inputs: Inputs, block: int | None) -> tuple[Array, Array]:
    """What x0 adds where sequences start: ``A x0`` as the input vector of a system, whose input is 1 there."""
    u, x0, ends, starts = inputs
    system, x0, _ = promote(xp, system, x0, u)
    dtype = real_of(xp, x0.dtype)
    system = system.with_leaves(B=system._advance(xp, x0), D=None)
    return run_sequences(xp, system, Inputs(xp.astype(starts, dtype), None, ends, starts), block)


@computes
def zero_input_response(system: System, x0: Array, length: int) -> Array:
    """Compute the output of a discrete system that is left to itself: ``y_k = C A^(k+1) x0``.

    Parameters
    ----------
    system : Dense, DPLR or Diagonal
        Discrete system with C; B and D have no effect.
    x0 : array, shape ``(..., n)``
        State before the first sample. With conjugate pairs it holds the stored modes and is complex.
    length : int
        Number of samples, at least 1. Static under jit.

    Returns
    -------
    array, shape ``(..., length)``
        Real for conjugate pairs and where system and x0 are real, in their common precision.

    Raises
    ------
    TypeError
        x0 is no array or of another library than the system, or length is no int.
    ValueError
        The system is continuous or has no C, shapes do not fit, or length < 1.

    Notes
    -----
    It is the `kernel` of the system with ``A x0`` for B, and costs as much. With ``convolve(u, kernel(system, L))`` it
    adds up to the output of `scan`.

    References
    ----------
    Kailath, "Linear Systems", 1980, section 2.3.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system = sk.Diagonal(np.array([0.5]), np.array([1.0]), C=np.array([2.0]), dt=1.0)
    >>> sk.zero_input_response(system, np.array([1.0]), 3)
    array([1.  , 0.5 , 0.25])
    """
    xp = check_discrete(system)
    check_output(system)
    length = check_length("length", length)
    if x0 is None:
        raise TypeError(f"x0: got None, expected an array of shape (..., {system._stored})")
    array_namespace(system=system.B, x0=x0)
    check_state(system, "x0", x0)
    batch_shape(system=system.batch_shape, x0=tuple(x0.shape[:-1]))
    system, x0, _ = promote(xp, system, x0, None)
    x = system._advance(xp, x0)
    if system.mimo:
        return kernel(system.with_leaves(B=x[..., None], D=None), length)[..., 0, :]
    return kernel(system.with_leaves(B=x), length)


def _check_block(block: Any) -> int:
    block = check_length("block", block)
    if block & (block - 1):
        raise ValueError(f"block: got {block}, expected a power of 2, or None for the cheapest")
    return block
