"""Sums over many poles at many points, at a cost in proportion to their numbers: a fast multipole method."""

from .batch import batch_sums
