"""HiPPO: state matrices whose state is a running summary of the past of the input.

Each measure names a weight on the past and a family of functions of the lag (the time that has gone by).
:func:`transition` gives the matrices, :func:`basis` what the state holds of the past, :func:`reconstruct` the past that
the state stands for.
"""

from ._basis import basis
from ._reconstruct import reconstruct
from ._transition import transition
