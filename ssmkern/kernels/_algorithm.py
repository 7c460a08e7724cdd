"""What an algorithm for kernels is: one file each says which systems it takes, what it costs and how it runs."""

from __future__ import annotations

import dataclasses
import math

from .._arrays import THREADED_PRODUCT, Array, DType, Namespace, broadcast, counted, double_inside, library, precision
from .._arrays.checks import shape_of
from ..discretization import METHODS, Sampled
from ..systems import DPLR, Dense, System

FFT_WEIGHT = 10  # a flop of an FFT takes about as long as ten of a matrix product


@dataclasses.dataclass(frozen=True)
class KernelSizes:
    """What the costs depend on."""

    given: type  # of the system
    kind: type  # of the discrete system
    n: int  # order of the state
    stored: int  # modes that are stored of it
    length: int
    rank: int
    matrices: int  # batch of A and dt
    kernels: int  # batch of everything
    real: bool
    spread: bool  # whether the batch may lie on several devices
    single: bool  # whether the result is in single precision, computed in double

    @property
    def item(self) -> int:
        """Bytes of a number in double precision."""
        return 8 if self.real else 16

    @property
    def multiply(self) -> int:
        """Flops of a multiplication with an addition."""
        return 2 if self.real else 8

    @property
    def levels(self) -> int:
        """Doublings up to the length."""
        return math.ceil(math.log2(self.length + 1))

    @property
    def joined(self) -> int:
        """Flops of the product of the two tables of one sum over the modes."""
        return self.multiply * self.n * self.length

    @property
    def squared(self) -> int:
        """Flops of the powers 1, 2, 4, ... of one state matrix."""
        return self.multiply * self.n**3 * self.levels

    @property
    def transformed(self) -> int:
        """Flops of a real FFT of twice the length."""
        return 5 * self.length * self.levels


def sizes_of(xp: Namespace, system: System, length: int, dt: object, discretization: str) -> KernelSizes:
    """Read the sizes off a system."""
    leaves = system.with_leaves(D=None, dt=None).leaves()
    batches = {name: x.shape[: x.ndim - core] for name, (x, core) in leaves.items()}
    state = [batches[name] for name in ("A", "Lambda", "P", "Q") if name in batches]
    dense = isinstance(system, DPLR) and system.dt is None and not METHODS[discretization].keeps_low_rank
    return KernelSizes(
        given=type(system),
        kind=Dense if dense else type(system),
        n=system.order,
        stored=int(system.B.shape[-1]),
        length=length,
        rank=system.rank if isinstance(system, DPLR) else 0,
        matrices=counted(broadcast(*state, shape_of(dt))),
        kernels=counted(broadcast(*batches.values(), shape_of(dt))),
        real=system._is_real,
        spread=library(xp).spreads(),
        single=precision(xp, system.B, dt)[0] == xp.float32 and double_inside(xp, system.B),
    )


class Algorithm:
    """A way to compute kernels, registered by its name in ``ALGORITHMS``."""

    name = ""
    takes: tuple[type, ...] = ()  # kinds of discrete systems
    automatic: tuple[type, ...] = ()  # of these, the kinds for which "auto" considers it
    overhead = 0  # of its array calls, in flops of that time
    safer = ""  # the algorithm to take where this one loses digits
    single = False  # whether it takes double precision to compute, and has digits for results in single precision only
    spreads = True  # whether "auto" considers it where a batch may lie on several devices
    sliced = True  # whether large batches are computed in slices
    shares = True  # whether it works on a state matrix once for all inputs and outputs that share it

    def run(self, sampled: Sampled, length: int, out: DType) -> Array:
        """The kernel, in the dtype ``out`` of the result."""
        raise NotImplementedError

    def flops(self, sizes: KernelSizes) -> tuple[int, int]:
        """Flops of matrix products, and of FFTs."""
        raise NotImplementedError

    def bytes_each(self, sizes: KernelSizes) -> int:
        """What one batch element takes for temporaries."""
        raise NotImplementedError

    def suffers_from_growth(self, sizes: KernelSizes) -> bool:
        """Whether it loses digits where a mode of the diagonal part grows over the length."""
        return False

    def weighted_flops(self, sizes: KernelSizes) -> int:
        """Flops as they take time."""
        matrix, fft = self.flops(sizes)
        return self.overhead + matrix + FFT_WEIGHT * fft

    def slicing(self, sizes: KernelSizes) -> dict[str, bool]:
        """How slices are cut: large where each would repeat the work on a common state matrix.

        In threads where matrices are so small that a BLAS multiplies them in one.
        """
        repeats = self.shares and sizes.matrices == 1
        return {"cached": not repeats, "threads": not repeats and sizes.n**3 <= THREADED_PRODUCT}
