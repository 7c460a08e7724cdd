"""The recurrent view of a system: one step, and whole sequences with the state passed in and out."""

from ._step import advance, output, step

__all__ = ["advance", "output", "step"]
