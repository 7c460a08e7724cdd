"""The loops of selective scans that numba compiles.

States and sums are float64 and exp(dt A) - 1 is what they are multiplied by, so that float32 arrays lose no digits over
long memories. Loops over states are innermost, and exponentials are taken of a tile of samples at a time, so that both
use vector instructions.
"""

# mypy: disable-error-code="untyped-decorator,no-untyped-def"
from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

_TILE = 32  # samples whose coefficients are there at the same time


class Loops(NamedTuple):
    """What is compiled."""

    forward: Any
    backward: Any


@functools.cache
def loops(name: str) -> Any:
    """Compile `Loops` for a dtype, or load them from numba's cache; None where numba is absent or broken."""
    try:
        return _compiled(np.dtype(name).type)
    except Exception:  # noqa: BLE001 (numba with a NumPy it does not know, without its LLVM, without a folder to cache in)
        return None


def _compiled(real: Any) -> Loops:  # noqa: C901 (functions that are compiled together, for one calls the other)
    """States are float64; what is multiplied by them, and the exponentials, are of the dtype of the arrays."""
    from llvmlite import ir
    from numba import njit, types
    from numba.extending import intrinsic as made

    intrinsic: Any = made

    options: Any = {"nogil": True, "cache": True, "error_model": "numpy"}
    exact: Any = njit(fastmath={"contract"}, **options)
    loose: Any = njit(fastmath={"contract", "reassoc", "nsz"}, **options)
    tile, double = _TILE, real is np.float64
    number_type, integer_type = (types.float64, types.int64) if double else (types.float32, types.int32)
    number_code, integer_code = (ir.DoubleType(), ir.IntType(64)) if double else (ir.FloatType(), ir.IntType(32))
    # exp(r) - 1 by a series for |r| < log(2) / 2; an integer added to shift is in its last bits.
    last, one, half = real(1 / math.factorial(13 if double else 7)), real(1.0), real(0.5)
    c12, c11, c10, c9, c8, c7 = (real(1 / math.factorial(k)) for k in (12, 11, 10, 9, 8, 7))
    c6, c5, c4, c3 = (real(1 / math.factorial(k)) for k in (6, 5, 4, 3))
    shift, bias, place = real(1.5 * 2**52 if double else 1.5 * 2**23), 1023 if double else 127, 52 if double else 23
    low, high, inverse_of_log2 = (
        real(-708.0 if double else -87.0),
        real(709.0 if double else 88.0),
        real(1 / math.log(2)),
    )
    log2 = real(0.6931471803691238 if double else 0.693359375)
    log2_rest = real(1.9082149292705877e-10 if double else math.log(2) - 0.693359375)
    tiny = real(1e-290 if double else 1e-35)

    @intrinsic
    def bits(_, x):  # noqa: ARG001
        """The bits of a number as an integer."""
        return integer_type(number_type), lambda _, builder, __, args: builder.bitcast(args[0], integer_code)

    @intrinsic
    def number(_, x):  # noqa: ARG001
        """``2^k`` of an integer in whose bits k is moved to the place of an exponent."""

        def code(_: Any, builder: Any, __: Any, args: Any) -> Any:
            moved = builder.shl(builder.add(args[0], integer_code(bias)), integer_code(place))
            return builder.bitcast(moved, number_code)

        return number_type(integer_type), code

    @exact
    def exponentials(z, less) -> None:
        """``exp(z) - 1`` by ``z = k log 2 + r`` and a series in r; beyond the range as at its ends."""
        for i in range(z.size):
            v = z[i]
            v = low if v < low else v
            v = high if v > high else v
            shifted = v * inverse_of_log2 + shift
            k = shifted - shift
            r = (v - k * log2) - k * log2_rest
            p = last
            if double:
                p = p * r + c12
                p = p * r + c11
                p = p * r + c10
                p = p * r + c9
                p = p * r + c8
                p = p * r + c7
            p = p * r + c6
            p = p * r + c5
            p = p * r + c4
            p = p * r + c3
            p = p * r + half
            p = p * r + one
            scale = number(bits(shifted))
            less[i] = scale * (p * r) + (scale - one)

    @exact
    def coefficients(kind, dt, modes, buffers) -> None:
        """Factors of states, less 1, and factors w of inputs of a tile."""
        (A, inverse), (z, less, w) = modes, buffers
        count, n = dt.size, A.size
        for t in range(count):
            for j in range(n):
                z[t, j] = dt[t] * A[j]
        if kind == 2:
            for t in range(count):
                for j in range(n):
                    G = one / (one - half * z[t, j])
                    less[t, j] = z[t, j] * G
                    w[t, j] = dt[t] * G
            return
        exponentials(z[:count].reshape(-1), less[:count].reshape(-1))
        if kind == 1:
            for t in range(count):
                w[t] = dt[t]
            return
        for t in range(count):  # (exp(z) - 1) / A, and dt where A is 0
            for j in range(n):
                w[t, j] = less[t, j] * inverse[j] if inverse[j] != 0 else dt[t]

    @exact
    def slopes(kind, dt, A, buffers, found) -> None:
        """Derivatives of a with respect to z, and of w with respect to dt and A; those of Mamba do not change."""
        (z, less, w), (of_a, of_dt, of_A) = buffers, found
        for t in range(dt.size):
            step = np.float64(dt[t])
            if kind != 2:
                for j in range(A.size):
                    of_a[t, j] = one + less[t, j]
            if kind == 1:
                continue
            if kind == 2:
                for j in range(A.size):
                    G = 1.0 / (1.0 - 0.5 * z[t, j])
                    of_a[t, j], of_dt[t, j], of_A[t, j] = G * G, G * G, 0.5 * step * step * G * G
                continue
            for j in range(A.size):  # by the series of phi1'(z), (k + 1) z^k / (k + 2)!, near 0
                v = np.float64(z[t, j])
                p = 1.0706029224547743e-11
                p = p * v + 1.4911969277048643e-10
                p = p * v + 1.9270852604185937e-09
                p = p * v + 2.296443268665491e-08
                p = p * v + 2.505210838544172e-07
                p = p * v + 2.48015873015873e-06
                p = p * v + 2.2045855379188714e-05
                p = p * v + 0.00017361111111111112
                p = p * v + 0.0011904761904761906
                p = p * v + 0.006944444444444444
                p = p * v + 0.03333333333333333
                p = p * v + 0.125
                p = p * v + 0.3333333333333333
                p = p * v + 0.5
                far = (step * (1.0 + less[t, j]) - w[t, j]) / A[j]
                of_dt[t, j] = of_a[t, j]
                of_A[t, j] = step * step * p if abs(v) < 0.5 else far

    @loose
    def run(starts, u, B, x0, buffers, states) -> None:
        """States of a tile, each after the one before it; the first is the state before the tile."""
        _, less, w = buffers
        n = x0.size
        for t in range(u.size):
            before = x0 if starts[t] else states[t]
            sample = np.float64(u[t])
            for j in range(n):
                given = w[t, j] * (sample * B[t, j])
                states[t + 1, j] = before[j] + (np.float64(less[t, j]) * before[j] + given)

    @loose
    def emit(u, C, D, states, y) -> None:
        """Outputs of a tile."""
        for t in range(u.size):
            total = 0.0
            for j in range(C.shape[1]):
                total += C[t, j] * states[t + 1, j]
            y[t] = total + D * u[t]

    @exact
    def inverses(A, inverse) -> None:
        for j in range(A.size):
            inverse[j] = one / A[j] if abs(A[j]) > tiny else 0.0

    @exact
    def forward(rows, kind, places, arrays, y, x) -> None:
        us, dts, As, Bs, Cs, Ds, x0s, startss, endss = arrays
        n = As.shape[1]
        buffers = np.empty((tile, n), real), np.empty((tile, n), real), np.empty((tile, n), real)
        inverse, x0, states = np.empty(n, real), np.empty(n), np.empty((tile + 1, n))
        for row in range(rows[0], rows[1]):
            at = places[:, row]
            end = endss[at[8]]
            A = As[at[2]]
            inverses(A, inverse)
            x0[:] = x0s[at[6]]
            states[0] = x0
            for begin in range(0, end, tile):
                span = slice(begin, min(begin + tile, end))
                u = us[at[0]][span]
                coefficients(kind, dts[at[1]][span], (A, inverse), buffers)
                run(startss[at[7]][span], u, Bs[at[3]][span], x0, buffers, states)
                emit(u, Cs[at[4]][span], np.float64(Ds[at[5]]), states, y[row][span])
                states[0] = states[u.size]
            y[row][end:] = 0.0
            x[row] = states[0]

    @loose
    def descend(starts, C, top, less, passed, ends) -> None:
        """Gradients of all states of a tile, ``passed``, from g of the state after it, which becomes that before it."""
        g, of_x0 = ends
        n = g.size
        for back in range(top.size):
            t = np.uint64(top.size - 1 - back)
            of_y = np.float64(top[t])
            for j in range(n):
                here = g[j] + of_y * C[t, j]
                passed[t, j] = here
                g[j] = here + here * less[t, j]
            if starts[t]:
                for j in range(n):
                    of_x0[j] += g[j]
                    g[j] = 0.0

    @loose
    def vectors(given, w, states, between, sums, found) -> None:
        """Gradients of u, B, C and D; ``passed`` times what w is multiplied by is put into ``inputs``."""
        (u, B, D, top), (passed, inputs), (sum_B, sum_C), (of_u, of_D) = given, between, sums, found
        n = B.shape[1]
        for t in range(u.size):
            of_y = np.float64(top[t])
            for j in range(n):
                sum_C[t, j] += of_y * states[t + 1, j]
            of_D[0] += of_y * u[t]
        for t in range(u.size):
            sample = np.float64(u[t])
            for j in range(n):
                sum_B[t, j] += passed[t, j] * w[t, j] * sample
        for t in range(u.size):
            sample = np.float64(u[t])
            total = top[t] * D
            for j in range(n):
                of_f = passed[t, j] * B[t, j]
                total += of_f * w[t, j]
                inputs[t, j] = of_f * sample
            of_u[t] = total

    @loose
    def modes(starts, given, slopes, states, between, found) -> None:
        """Gradients of dt and A."""
        (dt, A, x0), (of_a, of_dt, of_A) = given, slopes
        (passed, inputs), (of_step, of_mode) = between, found
        n = A.size
        for t in range(dt.size):
            before = x0 if starts[t] else states[t]
            for j in range(n):
                passed[t, j] *= before[j] * of_a[t, j]
        for t in range(dt.size):
            total = 0.0
            for j in range(n):
                total += passed[t, j] * A[j] + inputs[t, j] * of_dt[t, j]
            of_step[t] = total
        for t in range(dt.size):
            step = np.float64(dt[t])
            for j in range(n):
                of_mode[j] += passed[t, j] * step + inputs[t, j] * of_A[t, j]

    @exact
    def backward(rows, kind, places, arrays, tops, found) -> None:
        us, dts, As, Bs, Cs, Ds, x0s, startss, endss = arrays
        (of_us, of_dts, of_As, of_Ds, of_x0s), sums = found
        n, length, count = As.shape[1], us.shape[1], rows[1] - rows[0]
        tiles = (length + tile - 1) // tile
        buffers = np.empty((tile, n), real), np.empty((tile, n), real), np.empty((tile, n), real)
        inverse, x0, states = np.empty(n, real), np.empty(n), np.empty((tile + 1, n))
        passed, inputs = np.empty((tile, n)), np.empty((tile, n))
        three = np.empty((tile, n), real), np.ones((tile, n), real), np.zeros((tile, n), real)
        entering, g = np.empty((tiles, count, n)), np.empty((count, n))
        for i in range(count):
            row = rows[0] + i
            at = places[:, row]
            end = endss[at[8]]
            A = As[at[2]]
            inverses(A, inverse)
            x0[:] = x0s[at[6]]
            states[0] = x0
            for begin in range(0, end, tile):
                span = slice(begin, min(begin + tile, end))
                u = us[at[0]][span]
                entering[begin // tile, i] = states[0]
                coefficients(kind, dts[at[1]][span], (A, inverse), buffers)
                run(startss[at[7]][span], u, Bs[at[3]][span], x0, buffers, states)
                states[0] = states[u.size]
            g[i] = tops[1][row]
            of_As[row], of_Ds[row], of_x0s[row] = 0.0, 0.0, 0.0
            of_us[row][end:], of_dts[row][end:] = 0.0, 0.0
        for m in range(tiles - 1, -1, -1):
            for i in range(count):
                row = rows[0] + i
                at = places[:, row]
                span = slice(m * tile, min(m * tile + tile, endss[at[8]]))
                if span.start >= span.stop:
                    continue
                u, dt, B, starts = us[at[0]][span], dts[at[1]][span], Bs[at[3]][span], startss[at[7]][span]
                top, both = tops[0][row][span], (sums[0][span], sums[1][span])
                A = As[at[2]]
                inverses(A, inverse)
                x0[:] = x0s[at[6]]
                states[0] = entering[m, i]
                coefficients(kind, dt, (A, inverse), buffers)
                slopes(kind, dt, A, buffers, three)
                run(starts, u, B, x0, buffers, states)
                descend(starts, Cs[at[4]][span], top, buffers[1], passed, (g[i], of_x0s[row]))
                D = np.float64(Ds[at[5]])
                vectors((u, B, D, top), buffers[2], states, (passed, inputs), both, (of_us[row][span], of_Ds[row]))
                modes(starts, (dt, A, x0), three, states, (passed, inputs), (of_dts[row][span], of_As[row]))
        for i in range(count):
            of_x0s[rows[0] + i] += g[i]

    return Loops(forward, backward)
