"""Convolution of signals with kernels, by FFT."""

from ._bidirectional import convolve_bidirectional
from ._causal import convolve
