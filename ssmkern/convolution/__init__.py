"""Convolution of signals with kernels, by FFT."""

from ._bidirectional import convolve_bidirectional
from ._causal import convolve
from ._fft import fast_length

__all__ = ["convolve", "convolve_bidirectional", "fast_length"]
