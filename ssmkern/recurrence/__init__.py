"""The recurrent view of a system: one step, and whole sequences with the state passed in and out."""

from ._scan import scan, zero_input_response
from ._step import step

__all__ = ["scan", "step", "zero_input_response"]
