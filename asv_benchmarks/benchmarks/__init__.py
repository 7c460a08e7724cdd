"""Benchmarks of ssmkern, run by asv."""
