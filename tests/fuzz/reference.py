"""What the functions return, from the definitions in their docstrings, by loops over samples in 80 bits.

All arrays have one leading axis of systems: `exact.gather` takes batches apart.
"""

import numpy as np

from fuzz.exact import expm, held, identity, norms, solve, times

ALPHA = {"euler": 0.0, "bilinear": 0.5, "backward_diff": 1.0}


def discretized(A, B, dt, method, alpha=None):
    """Abar, Bbar of x' = A x + B u with the steps dt ``(s,)``."""
    Z, hB = dt[:, None, None] * A, dt[:, None] * B
    weight = ALPHA.get(method, alpha)
    if weight is not None:
        both = np.concatenate([identity(Z) + (1 - weight) * Z, hB[..., None]], axis=-1)
        both = solve(identity(Z) - weight * Z, both)
        return both[..., :-1], both[..., -1]
    power, vector = held(Z, hB)
    return power, held(Z, vector)[1] if method == "foh" else vector


def slope(A, B, dt):
    """The states at the end of a step under the inputs 1 and ``s / dt``, by the integrals of ``e^(A (dt - s)) B``.

    By Gauss's rule over a part of the step that is short for A, and then from two halves to the whole until it is all.
    """
    halvings = max(0, int(np.ceil(np.log2(np.max(dt * np.sum(np.abs(A), axis=(-1, -2)), initial=1e-30)))) + 1)
    h = (dt / np.longdouble(2) ** halvings)[:, None]
    P = expm(h[..., None] * A)
    flat, ramp = 0 * B, 0 * B  # of the inputs 1 and s
    for node, weight in zip(*gauss(16), strict=True):
        at = weight * h * times(expm((1 - node) * h[..., None] * A), B)
        flat, ramp = flat + at, ramp + node * h * at
    for _ in range(halvings):
        flat, ramp = times(P, flat) + flat, times(P, ramp) + ramp + h * flat
        P, h = P @ P, 2 * h
    return flat, ramp / h


def gauss(count):
    """Nodes in [0, 1] and weights of the Gauss-Legendre rule, from those in double precision by Newton's method."""
    x = np.polynomial.legendre.leggauss(count)[0].astype(np.longdouble)
    for _ in range(2):
        before, value = np.ones_like(x), x
        for k in range(1, count):
            before, value = value, ((2 * k + 1) * x * value - k * before) / (k + 1)
        slope = count * (x * value - before) / (x * x - 1)
        x = x - value / slope
    return (1 + x) / 2, 1 / ((1 - x * x) * slope**2)


def impulse(A, B, C, length):
    """``C A^l B``, the norms of ``A^l B`` and those of ``C A^l``, ``(s, length)`` each."""
    x, c, K, columns, rows = B, C, [], [], []
    for _ in range(length):
        K.append(np.sum(C * x, axis=-1))
        columns.append(norms(x))
        rows.append(norms(c))
        x, c = times(A, x), (c[:, None] @ A)[:, 0]
    return tuple(np.stack(values, axis=-1) for values in (K, columns, rows))


def run(A, B, C, u, x, lengths):
    """y without feedthrough, the last state, and the largest norms of the state so far; A ``(s, n, n)`` or a list."""
    y, size, largest = [], [], norms(x)
    for k in range(u.shape[-1]):
        matrix, vector = (A[k], B[k]) if isinstance(A, list) else (A, B)
        inside = k < lengths
        x = np.where(inside[:, None], times(matrix, x) + vector * u[:, k, None], x)
        y.append(np.where(inside, np.sum(C * x, axis=-1), 0))
        largest = np.maximum(largest, norms(x))
        size.append(largest)
    return np.stack(y, axis=-1), x, np.stack(size, axis=-1)


def resolvent(A, B, C, p, q):
    """``C (p - q A)^-1 B`` at points ``(s, l)``."""
    values = []
    for k in range(p.shape[-1]):
        M = p[:, k, None, None] * identity(A) - q[:, k, None, None] * A
        values.append(np.sum(C * solve(M, B[..., None])[..., 0], axis=-1))
    return np.stack(values, axis=-1)


def power(A, length):
    """``A^length``, one product for each binary digit from the top."""
    result = identity(A)
    for digit in bin(length)[2:]:
        result = result @ result
        result = result @ A if digit == "1" else result
    return result


def growth(A, length):
    """An upper bound, to a factor of about n, of the norms of ``A^l`` for l up to length, ``(s,)``."""
    largest, P = np.ones(len(A), dtype=np.longdouble), A
    for _ in range(length.bit_length()):
        largest = np.maximum(largest, np.sqrt(np.sum(np.abs(P) ** 2, axis=(-1, -2))))
        P = P @ P
    return largest


def convolution(u, K, ahead=0):
    """``sum_j K_j u_(k - j)`` along the last axis, ``(s, l)`` and ``(s, m)``; ahead > 0: ``u_(k + ahead + j)``."""
    length = u.shape[-1]
    y = np.zeros(u.shape, dtype=np.result_type(u, K))
    for j in range(K.shape[-1]):
        if ahead and j + ahead < length:
            y[:, : length - j - ahead] += K[:, j, None] * u[:, j + ahead :]
        elif not ahead and j < length:
            y[:, j:] += K[:, j, None] * u[:, : length - j]
    return y


def convolution_2d(u, K):
    """The same over the last two axes, of ``(s, k, l)``."""
    y = np.zeros(u.shape, dtype=np.result_type(u, K))
    for i in range(min(K.shape[-2], u.shape[-2])):
        y[:, i:] += np.stack(
            [convolution(u[:, k], K[:, i]) for k in range(u.shape[-2] - i)],
            axis=1,
        )
    return y


def legs_matrix(n):
    root = np.sqrt(2 * np.arange(n, dtype=np.longdouble) + 1)
    return -np.tril(np.outer(root, root), -1) - np.diag(np.arange(1, n + 1).astype(np.longdouble)), root


def legs_memory(u, n, x, start, method):
    """States after every sample of u ``(s, L)``, ``(s, L, n)``, one step after the other."""
    A, B = legs_matrix(n)
    first = np.zeros((len(u), n), dtype=u.dtype)
    first[:, 0] = u[:, 0]
    x = first if x is None else x
    states = []
    for k in range(start, start + u.shape[-1]):
        sample = u[:, k - start, None]
        if method == "bilinear":
            h = np.longdouble(1) / (2 * k + 1)
            right = times((np.eye(n) + h * A)[None], x) + 2 * h * B * sample
            x = solve(np.broadcast_to(np.eye(n) - h * A, (len(u), n, n)), right[..., None])[..., 0]
        elif k:  # under a constant input the state goes to its multiple of the first coordinate, as e^(A log t)
            rest = np.concatenate([sample, np.zeros((len(u), n - 1))], axis=1)
            x = rest + times(expm((A * np.log(np.longdouble(k + 1) / k))[None]), x - rest)
        states.append(x)
    return np.stack(states, axis=1)
