"""Smaller systems: Gramians, Hankel singular values, balanced truncation, and what each mode is worth."""

from ._gramian import gramian
from ._norm import h2_norm
from ._scores import mode_scores
from ._singular_values import hankel_singular_values
from ._truncation import balanced_truncation
