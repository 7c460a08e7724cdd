"""State space models as data."""

from ._base import register
from ._check import System, by_channel, check_discrete, check_output, check_system, simplest
from ._compare import allclose
from ._dense import Dense
from ._modal import DPLR, Diagonal, Modal, real_coordinates, stored_modes

register()  # for systems that come from a file
