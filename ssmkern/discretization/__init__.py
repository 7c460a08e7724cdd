"""From continuous to discrete systems."""

from ._discretize import METHODS, check_method, discretize, method_of
from ._sampled import Sampled, grows, step_array

__all__ = ["METHODS", "Sampled", "check_method", "discretize", "grows", "method_of", "step_array"]
