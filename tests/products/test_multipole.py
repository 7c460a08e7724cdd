"""Cauchy products of many nodes by the fast multipole method, forced at small sizes."""

import sys

import mpmath
import numpy as np
import pytest
import strategies as sts
from helpers import EPS, asarray, assert_like, to_numpy

import ssmkern as sk
from ssmkern.products.multipole import batch_sums, leaves, sums
from ssmkern.products.multipole.expansions import translations
from ssmkern.products.multipole.tree import Points, level, neighbors, sort, square

cauchy_module = sys.modules["ssmkern.products.cauchy"]
# Sums of moduli come out to some eps where no term dominates; in the worst case, below, the series are cut at 1e-13.
TYPICAL = 60 * EPS["float64"]
SETS = (  # squares of distances in the last two leave the range of numbers
    "square",
    "circle",
    "line",
    "clusters",
    "apart",
    "one box",
    "far from 0",
    "tiny",
    "huge",
)


def nodes(generator, n, kind):
    """A set of complex nodes."""
    x, y = generator.uniform(size=(2, n))
    if kind == "circle":
        return np.exp(2j * np.pi * x)
    if kind == "line":
        return 1j * x
    if kind == "clusters":
        return generator.integers(0, 3, n) + (x + 1j * y - 0.5) * 10 ** generator.uniform(-6, 0, n)
    if kind == "one box":
        return np.where(np.arange(n) == 0, 1.0, 1e-9) * (x + 1j * y)
    offset, scale = {"far from 0": (1e6, 1.0), "tiny": (0.0, 1e-250), "huge": (0.0, 1e250)}.get(kind, (0.0, 1.0))
    return offset + scale * (x + 1j * y)


def case(kind, n=900, length=1100, seed=0):
    generator = sts.rng(seed)
    z, w = nodes(generator, length, kind), nodes(generator, n, kind)
    return sts.normal(generator, (n,)), 1j * z.imag if kind == "apart" else z, w - 3 if kind == "apart" else w


def reference(v, z, w, order=1):
    """The sums and the sums of moduli, in extended precision."""
    terms = 1 / (z.astype(np.clongdouble)[:, None] - w) ** order
    return terms @ v, np.abs(terms) @ np.abs(v)


def error(found, v, z, w, order=1):
    expected, size = reference(v, z, w, order)
    return float(np.max(np.abs(to_numpy(found) - expected) / size))


@pytest.fixture(params=["compiled", "plain"])
def way(request, monkeypatch):
    """With the loops of the compiler, if there is one, and without."""
    if request.param == "plain":
        for module in (leaves, sums):
            monkeypatch.setattr(module, "leaf_loops", lambda _: None)
    return request.param


@pytest.fixture
def always(monkeypatch):
    """Few nodes count as many, and one by one costs much, so that there is a tree."""
    monkeypatch.setattr(cauchy_module, "many", lambda *_, **__: True)
    monkeypatch.setattr(sums, "_PAIR", {True: 1e3, False: 1e3})


def direct(monkeypatch, *arrays):
    with monkeypatch.context() as patch:
        patch.setattr(cauchy_module, "many", lambda *_, **__: False)
        return sk.cauchy(*arrays)


@pytest.mark.usefixtures("always", "way")
@pytest.mark.parametrize(("kind", "order"), [(kind, 1) for kind in SETS] + [(kind, 2) for kind in SETS[:-2]])
def test_agrees_with_the_plain_sum(kind, order):
    v, z, w = case(kind)
    assert error(batch_sums(v, z, w, order, single=False), v, z, w, order) < TYPICAL * order
    assert error(batch_sums(v, z, w, order, single=True), v, z, w, order) < 3e-8


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("depth", [2, 3, 7, 20])
@pytest.mark.parametrize("kind", ["square", "circle", "apart"])
def test_every_depth_gives_the_same(kind, depth):
    v, z, w = case(kind, 300, 200)
    over = square(z, w)
    points, poles = sort(z, over), sort(w, over)
    tree = sums.Tree(over, points, poles, depth, sums.leaves(points, poles, over, depth))
    found = sums.tree_sums(tree, v, 1, translations(1, single=False))
    assert error(found, v, z, w) < TYPICAL


@pytest.mark.parametrize(("order", "single", "worst"), [(1, False, 1e-13), (1, True, 1e-7), (2, False, 5e-13)])
def test_nodes_in_corners(order, single, worst):
    """One pole and one point in corners of boxes, where series converge worst."""
    over = square(np.asarray([0.0, 1.0 + 1.0j]))
    side, ends, found = over.side / 8, np.asarray([0.0, 1.0 + 1.0j]), 0.0
    corners = [complex(x, y) * (0.5 - 1e-6) for x in (-1, 1) for y in (-1, 1)]
    for offset in (2, 2 + 1j, 2 + 2j, -2j, 3 + 1j):
        for of_w in corners:
            for of_z in corners:
                middle = over.corner + (3.5 + 3.5j) * side
                w, z = middle + of_w * side, middle + (offset + of_z) * side
                points, poles = sort(np.append(ends, z), over), sort(np.append(ends, w), over)
                tree = sums.Tree(over, points, poles, 3, sums.leaves(points, poles, over, 3))
                value = sums.tree_sums(tree, np.asarray([0, 0, 1 + 0j]), order, translations(order, single=single))[-1]
                found = max(found, abs(value * (z - w) ** order - 1))
    assert found < worst


@pytest.mark.usefixtures("always")
def test_agrees_with_mpmath():
    v, z, w = case("circle", 200, 4)
    with mpmath.workdps(40):
        z_exact, w_exact, v_exact = ([mpmath.mpmathify(x) for x in array.tolist()] for array in (z, w, v))
        rows = [[a / (x - y) for a, y in zip(v_exact, w_exact, strict=True)] for x in z_exact]
        expected = np.array([complex(mpmath.fsum(row)) for row in rows])
        size = np.array([float(mpmath.fsum(abs(x) for x in row)) for row in rows])
    assert np.max(np.abs(sk.cauchy(v, z, w) - expected) / size) < TYPICAL


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("real", [False, True])
def test_dtypes(xp, dtype, real):
    """Libraries whose values are not read sum one by one, to the same."""
    v, z, w = case("square", 300, 400)
    if real:
        v, z, w = v.real, 2.5 * z.real, w.real + 1e-3
    found = sk.cauchy(*(asarray(xp, x, dtype) for x in (v, z, w)))
    assert_like(found, xp, dtype if real else {"float32": "complex64", "float64": "complex128"}[dtype], (400,))
    rounded = [x.astype(dtype if real else {"float32": "complex64", "float64": "complex128"}[dtype]) for x in (v, z, w)]
    assert error(found, *(x.astype(complex) for x in rounded)) < (1e-5 if dtype == "float32" else TYPICAL)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    "batches", [((3,), (), (3,)), ((2, 1), (), ()), ((), (2,), ()), ((2, 1), (2, 3), (3,)), ((0,), (), ())]
)
def test_batch_is_a_loop(batches):
    generator = sts.rng(1)
    v, z, w = (sts.normal(generator, (*batch, n)) for batch, n in zip(batches, (200, 300, 200), strict=True))
    found = sk.cauchy(v, z, w)
    expected = np.sum(v[..., None, :] / (z[..., :, None] - w[..., None, :]), axis=-1)
    size = np.sum(np.abs(v[..., None, :] / (z[..., :, None] - w[..., None, :])), axis=-1)
    assert found.shape == expected.shape
    assert np.all(np.abs(found - expected) < TYPICAL * size)


@pytest.mark.usefixtures("always", "way")
def test_a_point_that_is_a_pole_is_not_finite_and_no_other():
    v, z, w = case("square", 300, 200)
    z[17] = w[5]
    found = sk.cauchy(v, z, w)
    assert np.flatnonzero(~np.isfinite(found)).tolist() == [17]
    assert error(np.delete(found, 17), v, np.delete(z, 17), w) < TYPICAL


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("bad", [np.nan, np.inf, complex(0.0, np.inf), complex(np.nan, 1.0)])
def test_nodes_that_are_not_finite(bad, monkeypatch):
    """They spoil what they spoil one by one, and nothing else."""
    v, z, w = case("square", 1100, 1000)
    for at, array in (("z", z), ("w", w)):
        spoilt = array.copy()
        spoilt[7] = bad
        arguments = (v, spoilt, w) if at == "z" else (v, z, spoilt)
        with np.errstate(all="ignore"):
            found, plain = sk.cauchy(*arguments), direct(monkeypatch, *arguments)
        finite = np.isfinite(plain)
        assert np.array_equal(np.isfinite(found), finite)
        assert finite.any() == (at == "z")
        if at == "z":
            assert np.isnan(bad) or found[7] == 0
            others = finite & (np.arange(z.shape[0]) != 7)
            assert error(found[others], v, z[others], w) < TYPICAL


@pytest.mark.usefixtures("always", "way")
@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e157, 1e300])
@pytest.mark.parametrize("share", [2, 400])
def test_scales_far_apart(scale, share):
    """Next to others, every second node or a few on each side are of a scale whose squares are no numbers."""
    v, z, w = case("square")
    z, w = (x * np.where(np.arange(x.shape[0]) % share, 1.0, scale) for x in (z, w))
    assert error(batch_sums(v, z, w, 1, single=False), v, z, w) < TYPICAL


@pytest.mark.usefixtures("always", "way")
def test_far_ends():
    """The whole extent is too large for a number."""
    v, z, w = case("square")
    z, w = (1.7e308 * (2.0 * x - 1.0 - 1.0j) for x in (z, w))
    assert error(batch_sums(v, z, w, 1, single=False), v, z, w) < TYPICAL


@pytest.mark.usefixtures("always", "way")
def test_nodes_that_are_one():
    found = sk.cauchy(np.ones(30) + 0j, np.full(40, 1j), np.full(30, 1j))
    assert not np.any(np.isfinite(found))
    assert np.allclose(sk.cauchy(np.ones(1) + 0j, np.full(40, 1j), np.zeros(1)), -1j)


def test_the_plain_sum_where_a_tree_costs_more():
    """A cluster so small that no box parts it."""
    generator = sts.rng(2)
    z, w = (1e-12 * sts.normal(generator, (400,)) for _ in range(2))
    z[0] = 1.0
    assert sums.plant(z, w, translations(1, single=False)).depth == 0
    v = sts.normal(generator, (400,))
    assert error(batch_sums(v, z, w, 1, single=False), v, z, w) < TYPICAL


def test_few_nodes_are_summed_one_by_one(monkeypatch):
    """Whatever a layer has."""
    monkeypatch.setattr(cauchy_module, "many_sums", None)
    sk.cauchy(np.ones((2, 1024)), np.arange(1500) + 0.5, np.arange(1024) + 0.0)
    assert cauchy_module.many(8192, 8192, compiled=True)
    assert cauchy_module.many(2048, 2048, compiled=False)
    assert not cauchy_module.many(2048, 2048, compiled=True)
    assert not cauchy_module.many(1024, 2**20, compiled=False)


def test_neighbors_of_boxes():
    """By their centers, with the table of boxes and by search."""
    z, w = case("square", 50, 60)[1:]
    over = square(z, w)
    for number in (3, 12):
        boxes, others = (level(sort(x, over), number) for x in (z, w))
        gaps = (others.centers(over)[None, :] - boxes.centers(over)[:, None]) / (over.side / 2**number)
        near = np.maximum(np.abs(gaps.real), np.abs(gaps.imag)) < 1.5
        found = neighbors(boxes, others)
        for row, expected in zip(found, near, strict=True):
            assert sorted(row[row < others.codes.shape[0]].tolist()) == np.flatnonzero(expected).tolist()


def test_points_are_sorted_into_their_boxes():
    z = case("clusters", 1, 500)[1]
    over = square(z)
    points: Points = sort(z, over)
    assert np.array_equal(points.values, z[points.order])
    for number in (1, 5, 24):
        boxes = level(points, number)
        assert boxes.codes.shape[0] == points.boxes()[number] == np.unique(boxes.codes).shape[0]
        center = np.repeat(boxes.centers(over), np.diff(boxes.starts))
        offset = (points.values - center) / (over.side / 2**number)
        assert np.max(np.maximum(np.abs(offset.real), np.abs(offset.imag))) <= 0.5 + 1e-6


# --- torch ------------------------------------------------------------------------------------------------------------


def leaves_of(torch, *shapes):
    generator = sts.rng(3)
    return [torch.asarray(sts.normal(generator, shape)).requires_grad_() for shape in shapes]


@pytest.mark.usefixtures("always")
def test_gradients_are_those_of_the_plain_sum(torch, monkeypatch):
    arrays = leaves_of(torch, (2, 1, 90), (120,), (3, 90))
    weights = torch.asarray(sts.normal(sts.rng(4), (2, 3, 120)))

    def gradients():
        y = sk.cauchy(*arrays)
        first = torch.autograd.grad((y * weights).real.sum(), arrays, create_graph=True)
        energy = sum(x.abs().square().mean() / x.detach().abs().square().mean() for x in first)
        return [y, *first, *torch.autograd.grad(energy, arrays)]

    found = gradients()
    monkeypatch.setattr(cauchy_module, "many", lambda *_, **__: False)
    for x, expected in zip(found, gradients(), strict=True):
        assert (x - expected).abs().max() <= 1e-11 * expected.abs().max()


@pytest.mark.usefixtures("always")
def test_gradients_of_real_and_single_arrays(torch, monkeypatch):
    generator = sts.rng(5)
    arrays = [
        torch.asarray(x, dtype=torch.float32).requires_grad_()
        for x in (generator.normal(size=90), generator.uniform(2, 3, 120), generator.uniform(0, 1.5, 90))
    ]
    found = torch.autograd.grad(sk.cauchy(*arrays).sum(), arrays)
    monkeypatch.setattr(cauchy_module, "many", lambda *_, **__: False)
    wide = [x.detach().double().requires_grad_() for x in arrays]
    for x, expected in zip(found, torch.autograd.grad(sk.cauchy(*wide).sum(), wide), strict=True):
        assert x.dtype == torch.float32
        assert (x - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.usefixtures("always")
@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.filterwarnings("ignore:Dynamo detected")
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_where_values_are_not_seen_the_sum_is_plain(torch):
    v, z, w = (x.detach() for x in leaves_of(torch, (3, 20), (30,), (20,)))
    expected = sk.cauchy(v, z, w)
    torch.testing.assert_close(torch.vmap(lambda v: sk.cauchy(v, z, w))(v), expected)
    compiled = torch.compile(sk.cauchy, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(v, z, w), expected)
    assert sk.cauchy(*(x.to("meta") for x in (v, z, w))).device.type == "meta"
    _, slope = torch.func.jvp(lambda v: sk.cauchy(v, z, w), (v,), (torch.ones_like(v),))
    torch.testing.assert_close(slope, sk.cauchy(torch.ones_like(v), z, w))
    torch.testing.assert_close(torch.func.grad(lambda v: sk.cauchy(v, z, w).real.sum())(v).shape, v.shape)


@pytest.mark.usefixtures("always")
@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_gradients_in_batches(torch):
    """The backward pass is vectorized, by a transformation of what it does."""
    v, z, w = leaves_of(torch, (20,), (30,), (20,))
    y = sk.cauchy(v, z, w)
    weights = torch.eye(30, dtype=y.dtype)
    (found,) = torch.autograd.grad(y, w, weights, is_grads_batched=True, retain_graph=True)
    for i in (0, 29):
        (expected,) = torch.autograd.grad(y, w, weights[i], retain_graph=True)
        torch.testing.assert_close(found[i], expected)
