"""The recurrent view of a system: one step, and whole sequences with the state passed in and out."""

from ._legs_memory import legs_memory
from ._linear_recurrence import linear_recurrence
from ._scan import scan, zero_input_response
from ._selective_scan import selective_scan
from ._ssd import ssd
from ._states import states
from ._step import step
