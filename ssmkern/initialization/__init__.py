"""Where training starts: HiPPO systems in diagonal plus low-rank form, diagonal systems, and time steps."""

from ._nplr import nplr
from ._s4d import s4d
from ._timescales import timescales
