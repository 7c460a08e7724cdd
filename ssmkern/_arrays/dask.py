"""Dask: arrays in chunks, each an array of another library."""

from __future__ import annotations

from .library import Array, Library


class Dask(Library):
    """Arrays of Dask."""

    def refusal(self, value: Array) -> str:
        from . import library_of

        return library_of(value._meta).refusal(value._meta)
