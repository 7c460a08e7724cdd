"""Systems from and to other software."""

from ._control import from_control, to_control
from ._mamba import from_mamba
from ._s4 import from_annotated_s4, from_s4
from ._s4d import from_s4d
from ._s5 import from_s5
from ._scipy import from_scipy, to_scipy
