"""The ground floor: arrays of any library, their dtypes, their memory, and special functions.

One file a library; no other part of ssmkern names one.
"""

from .capability import ARRAYS, FOREIGN, MADE, MANY, NO_GRADIENTS, ON_HOST, SHAPES, TO_HOST, VALUES, computes, works
from .dtypes import (
    astype,
    common_dtype,
    complex_of,
    complex_value,
    conj,
    imag,
    in_precision,
    is_array,
    is_complex,
    moveaxis,
    precision,
    real,
    real_of,
    widest,
)
from .library import Array, Device, DType, Namespace
from .lookup import TESTED, kind_of, library, library_of, register_pytree
from .memory import (
    budget,
    byte_budget,
    chunk_size,
    double_inside,
    in_passes,
    in_slices,
    item_bytes,
    over_batch,
    working_bytes,
)
from .namespace import array_namespace, check_plain, common_namespace
from .numba import PACKAGE as COMPILER
from .numba import leaf_loops
from .operation import Operation
from .shapes import broadcast, counted, known, summed
from .special import exp_and_phi1, expm1, log1p, log_or_floor, phi1, phi2
from .threads import THREADED_PRODUCT, in_threads, processors
from .torch import compiling, constant, single_under_autocast, without_autocast
from .values import as_array, device_of, from_host, on_host, overflow_to_inf, read, to_device, to_host, truth
