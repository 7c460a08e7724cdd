"""The products from which every kernel is made, one file an algorithm."""

from .cauchy import cauchy
from .krylov import krylov
from .vandermonde import vandermonde, vandermonde_transpose
