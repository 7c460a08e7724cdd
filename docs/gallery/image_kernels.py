"""
Kernels as images
=================

One system for the rows and one for the columns: the product of their kernels is an image, and the convolution with it a
filter of images (S4ND). The systems are continuous, so that another resolution is only another step.
"""

# %%
# The first four coefficients of a LegT window along each axis, every pair of them a picture.

import matplotlib.pyplot as plt
import numpy as np
import pywt

import ssmkern as sk

n, size = 16, 64
axis = sk.nplr("legt", n, C=np.eye(n)[:4])
rows, columns = axis.replace(C=axis.C[:, None, :]), axis  # batches (4, 1) and (4,)
K = sk.kernel_nd([rows, columns], [size, size], dt=2.5 / size, discretization="zoh")  # (4, 4, size, size)

figure, axes = plt.subplots(4, 4, figsize=(5, 5), layout="constrained")
for place, picture in zip(axes.flat, K.reshape(-1, size, size), strict=True):
    limit = abs(picture).max()
    place.imshow(picture, cmap="RdBu", vmin=-limit, vmax=limit)
    place.set_axis_off()
plt.show()

# %%
# As filters: the second coefficient along the rows and the first along the columns answer to edges in one direction,
# and the other way round. A window of 12 pixels at the full resolution is one of 6 pixels at half of it.

picture = pywt.data.camera().astype(float) / 255  # 512 x 512
half = picture.reshape(256, 2, 256, 2).mean((1, 3))
figure, axes = plt.subplots(2, 3, figsize=(8, 5.5), layout="constrained")
for line, image, window in ((axes[0], picture, 12), (axes[1], half, 6)):
    length = 2 * window
    K = sk.kernel_nd([rows, columns], [length, length], dt=2 / window, discretization="zoh")
    edges = sk.convolve(image - image.mean(), np.stack([K[1, 0], K[0, 1]]), ndim=2)
    line[0].imshow(image, cmap="gray")
    line[0].set_title(f"{image.shape[0]} pixels", fontsize="medium")
    for place, edge in zip(line[1:], edges, strict=True):
        place.imshow(edge, cmap="RdBu", vmin=-0.3, vmax=0.3)
for place in axes.flat:
    place.set_axis_off()
plt.show()
