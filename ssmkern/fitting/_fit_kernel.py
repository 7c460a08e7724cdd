"""A kernel from anywhere as a small system."""

from __future__ import annotations

import numpy as np

from .._arrays import (
    ON_HOST,
    Array,
    array_namespace,
    complex_of,
    device_of,
    from_host,
    is_complex,
    real_of,
    to_host,
    without_autocast,
    works,
)
from .._arrays.checks import check_choice, check_length, check_vector
from ..kernels import kernel
from ..systems import System
from ._forms import dense_system, diagonal_system, fit_matrices, fit_modes


@works(ON_HOST)
@without_autocast
def fit_kernel(K: Array, order: int, *, form: str = "diagonal") -> tuple[System, Array]:
    r"""Fit a small discrete system to a kernel from anywhere.

    Parameters
    ----------
    K : array, shape ``(..., L)``
        Kernels: of long convolutions, measured impulse responses, anything of finite values.
    order : int
        Number of poles, at most L / 2.
    form : {"diagonal", "dense"}, default "diagonal"
        Diagonal is what is fast everywhere; dense is as accurate where the modes are ill conditioned.

    Returns
    -------
    system : Diagonal or Dense
        Discrete with ``dt`` 1 and without D, in the library and precision and on the device of K, such that
        ``kernel(system, L)`` is close to K. All poles are inside the unit circle.
    error : array, shape ``(...)``
        ``|K - kernel(system, L)|`` over ``|K|``, Euclidean norms, for each kernel; it is that of the system as it is
        returned, with all that rounding and the bound on the poles cost. 0 for a kernel of zeros.

    Raises
    ------
    TypeError
        K is no floating-point array, its values are traced by a compiler, or ``order`` is not an int.
    ValueError
        ``order`` is below 1 or above L / 2, ``form`` is another one, or K has values that are not finite.

    Notes
    -----
    The columns of the Hankel matrix :math:`H_{ij} = K_{i+j}` of a system are its responses to initial states, and a
    sample later is a row further down: from the leading singular vectors U of H, the state matrix is the least squares
    solution of :math:`U_{1:} = U_{:-1} A` (Ho and Kalman; Kung; the eigensystem realization algorithm of control). The
    vectors come from a randomized decomposition, whose products with H are FFTs. Diagonal: the poles are the
    eigenvalues of A, and the residues a linear least squares fit to K by their powers. Dense: A, the first row of U as
    C, and B by a least squares fit.

    A system of real modes alone is a real `Diagonal`. If a real K has a pair of modes, one of each is stored
    (``conjugate_pairs=True``), and a real mode as `Diagonal` says, with its entry of B divided by :math:`\sqrt2`: so
    ``system.order``, which counts both halves of what is stored, is ``order`` plus the number of real modes. A complex
    K has ``order`` complex modes. Kernels of a batch that have fewer modes than others, because K has no more, get
    modes with B = C = 0. Except for real modes B is 1.

    A pole outside the circle would fit the samples that are given and grow beyond them. Where there is one, all poles
    of that kernel are moved: the distance of K to the span of their powers is brought to a minimum under the bound
    (variable projection, from the poles put on the circle and from those reflected by it). It costs accuracy where K
    grows, or rises at its end: for :math:`\log(2 + l)` at order 8 the error is 4e-5, with a pole outside 4e-6. The
    dense form of such a kernel is made of its modes.

    Which form? The error tells. Residues can be many times as large as the kernel that they add up to, and what is lost
    to cancellation is no smaller than their rounding: LegS of order 16 has residues of 1e10 and an error of 1e-6, of
    order 64 it has 1e-2, and 1e-13 as a dense system. The kernels of S4D, of filters and of smooth decays are no worse
    as modes. The condition of the modes, ``np.linalg.cond(np.linalg.eig(dense.A)[1])`` of the dense form, only bounds
    the loss: it is 2e11 for LegS of order 16, and 2e4 for ``1 / (1 + l)``, which loses nothing. In single precision the
    poles are rounded first, and the residues fitted to what they have become.

    One kernel after the other, in double precision on the host, O(L order (order + log L)).

    References
    ----------
    Ho, Kalman, "Effective construction of linear state-variable models from input/output functions",
    Regelungstechnik 14 (1966); Kung, "A new identification and model reduction algorithm via singular value
    decomposition", Asilomar 1978; Halko, Martinsson, Tropp, arXiv:0909.4061, for the randomized decomposition; Golub,
    Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate",
    SIAM J. Numer. Anal. 10 (1973), and Kaufman, BIT 15 (1975), for variable projection.

    Examples
    --------
    >>> import numpy as np
    >>> import ssmkern as sk
    >>> system, error = sk.fit_kernel(1 / (1 + np.arange(1024.0)), 16)
    >>> system, bool(error < 1e-8)
    (Diagonal(order=16, batch=(), float64, numpy, cpu, dt=1.0), True)
    >>> y, x = sk.step(system, 1.0)  # as a recurrence, of 16 numbers instead of 1024
    >>> round(float(y), 6)
    1.0
    """
    xp = array_namespace(K=K)
    check_vector("K", K)
    check_choice("form", form, ("diagonal", "dense"))
    order = check_length("order", order)
    if 2 * order > K.shape[-1]:
        raise ValueError(
            f"order: got {order}, expected at most {K.shape[-1] // 2}, half of the {K.shape[-1]} samples of K; "
            "take a smaller order, or a longer kernel"
        )
    samples = to_host("K", K)
    if not np.isfinite(samples).all():
        raise ValueError("K: got values that are not finite, expected finite ones; replace or leave out the others")
    dtype = np.float32 if real_of(xp, K.dtype) == xp.float32 else np.float64
    flat = samples.reshape(-1, samples.shape[-1])
    exponents = np.frexp(np.abs(flat).max(axis=-1, initial=0.0))[1] - 1
    scales = 2.0**exponents  # so that no square is too large or too small
    flat = flat.astype(complex if is_complex(xp, K) else float, order="C") / scales[:, None]
    real = np.isrealobj(flat)
    if form == "diagonal":
        system: System = diagonal_system([fit_modes(x, order, dtype) for x in flat], order, real)
    else:
        system = dense_system([fit_matrices(x, order, dtype) for x in flat], order, real)
    error = _norm(flat - kernel(system, flat.shape[-1])) / np.where(_norm(flat) > 0, _norm(flat), 1.0)
    system = system.replace(C=system.C * scales[:, None])

    def placed(x: np.ndarray) -> Array:
        wanted = complex_of(xp, K.dtype) if np.iscomplexobj(x) else real_of(xp, K.dtype)
        return from_host(xp, x.reshape((*K.shape[:-1], *x.shape[1:])), wanted, device_of(K))

    return system.with_leaves(**{name: placed(x) for name, (x, _) in system.leaves().items()}), placed(error)


def _norm(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.sum(np.abs(x) ** 2, axis=-1))
