"""From continuous to discrete systems."""

from ._discretize import METHODS, check_method, discretize
from ._method import Method
from ._sampled import Sampled, grows, step_array
