"""State space models as layers of a framework: ``import ssmkern.layers.torch``, or ``ssmkern.layers.nnx`` (Flax, JAX).

Each framework has a file that keeps the parameters in its way; what the layers compute, and the numbers with which they
begin, is written once beside it. Nothing is imported here: the core knows no framework.
"""
