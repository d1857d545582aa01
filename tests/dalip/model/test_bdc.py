"""The second-order layer against the authors' numbers, a slow loop, and its mathematical properties."""

from collections.abc import Callable, Iterator

import jaxtyping
import numpy as np
import paths
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from open_clip.model import CLIP

from benchmarks.mbdc_speed import PlainBDC
from dalip.model import DALIP, DalipLoss, MethodConfig, MultiHeadBDC, brownian_covariance
from dalip.model.bdc import _Gram

GOLDEN = paths.GOLDEN / "dalip_reference_small.npz"

sizes = st.integers(1, 6)
seeds = st.integers(0, 2**31)
modalities = st.sampled_from(["image", "text"])


def slow_covariance(y: np.ndarray, count: int) -> np.ndarray:
    """Double-centre the distances between channels entry by entry, in float64."""
    r = len(y)
    distance = np.zeros((r, r))
    for k in range(r):
        for m in range(r):
            squared = sum((y[k, i] - y[m, i]) ** 2 for i in range(y.shape[1]))
            distance[k, m] = np.sqrt(squared / (2 * count) + 1e-5)
    centred = np.zeros((r, r))
    for k in range(r):
        for m in range(r):
            row = sum(distance[k, j] for j in range(r)) / r
            column = sum(distance[j, m] for j in range(r)) / r
            grand = sum(distance[i, j] for i in range(r) for j in range(r)) / r**2
            centred[k, m] = distance[k, m] - row - column + grand
    return centred


def random_layer(modality: str, heads: int, reduced: int, seed: int) -> MultiHeadBDC:
    torch.manual_seed(seed)
    layer = MultiHeadBDC(8 * heads, num_heads=heads, reduced_dim=reduced, modality=modality)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(std=0.5)
    return layer.eval()


def inputs(layer: MultiHeadBDC, batch: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    width = layer.projection.in_features
    return torch.randn(batch, width), torch.randn(batch, count, width)


def reference_layer(part: str, values: dict[str, torch.Tensor]) -> MultiHeadBDC:
    names = {
        "reduction.weight": "conv_dr_block.0.weight",
        "reduction_norm.weight": "conv_dr_block.1.weight",
        "reduction_norm.bias": "conv_dr_block.1.bias",
        "triangle_norm.weight": "ln.weight",
        "triangle_norm.bias": "ln.bias",
        "hidden.weight": "down.weight",
        "hidden.bias": "down.bias",
    }
    if part == "vision":
        names |= {f"reduction_norm.{n}": f"conv_dr_block.1.{n}" for n in ("running_mean", "running_var")}
    layer = MultiHeadBDC(
        64, num_heads=4, reduced_dim=8, modality="image" if part == "vision" else "text"
    ).eval()
    state = layer.state_dict()
    for ours, theirs in names.items():
        state[ours] = values[f"{part}.{theirs}"].reshape(state[ours].shape)
    layer.load_state_dict(state)
    return layer


@pytest.mark.parametrize("part", ["vision", "text"])
def test_agrees_with_the_authors_modules(part: str) -> None:
    values = {name: torch.from_numpy(array) for name, array in np.load(GOLDEN).items() if array.ndim}
    tokens = values[f"{part}.tokens"]
    if part == "vision":
        summary, tokens = tokens[:, 0], tokens[:, 1:]
    else:
        summary = tokens[torch.arange(len(tokens)), values["text.eot"]]
    found = reference_layer(part, values).triangles(summary, tokens)
    torch.testing.assert_close(found, values[f"{part}.output"], atol=1e-5, rtol=0)


@given(st.integers(1, 7), st.integers(1, 9), seeds)
@settings(max_examples=25, deadline=None)
def test_agrees_with_a_slow_loop(r: int, m: int, seed: int) -> None:
    y = np.random.default_rng(seed).standard_normal((r, m)).astype(np.float32)
    fast = brownian_covariance(torch.from_numpy(y), torch.tensor(float(m)))
    np.testing.assert_allclose(fast.numpy(), slow_covariance(y, m), atol=2e-5)


@given(st.integers(1, 12), st.integers(1, 30), seeds)
@settings(max_examples=50, deadline=None)
def test_matrices_are_symmetric_and_their_rows_sum_to_zero(r: int, m: int, seed: int) -> None:
    torch.manual_seed(seed)
    matrix = brownian_covariance(torch.randn(2, r, m), torch.tensor([float(m), float(m)]))
    torch.testing.assert_close(matrix, matrix.transpose(-1, -2), atol=1e-6, rtol=0)
    torch.testing.assert_close(matrix.sum(-1), torch.zeros(2, r), atol=1e-4, rtol=0)


@given(modalities, sizes, st.integers(1, 20), seeds)
@settings(max_examples=30, deadline=None)
def test_the_order_of_tokens_does_not_matter(modality: str, batch: int, count: int, seed: int) -> None:
    layer = random_layer(modality, 2, 5, seed)
    summary, tokens = inputs(layer, batch, count)
    shuffled = tokens[:, torch.randperm(count)]
    torch.testing.assert_close(layer(summary, tokens), layer(summary, shuffled), atol=1e-4, rtol=1e-4)


@given(modalities, sizes, st.integers(1, 12), st.integers(1, 9), seeds)
@settings(max_examples=30, deadline=None)
def test_padding_does_not_matter(modality: str, batch: int, count: int, padding: int, seed: int) -> None:
    layer = random_layer(modality, 2, 5, seed)
    summary, tokens = inputs(layer, batch, count)
    padded = torch.cat([tokens, 100 * torch.randn(batch, padding, tokens.shape[-1])], dim=1)
    mask = (torch.arange(count + padding) < count).expand(batch, -1)
    torch.testing.assert_close(layer(summary, tokens), layer(summary, padded, mask), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("modality", ["image", "text"])
@pytest.mark.parametrize(("batch", "count", "heads"), [(1, 1, 1), (1, 49, 4), (3, 1, 2), (5, 196, 4)])
def test_all_sizes_have_finite_gradients(modality: str, batch: int, count: int, heads: int) -> None:
    layer = random_layer(modality, heads, 6, 0).train()
    summary, tokens = (t.requires_grad_() for t in inputs(layer, batch, count))
    layer(summary, tokens).square().sum().backward()
    for tensor in (tokens, *layer.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()


def test_equal_channels_keep_gradients_finite() -> None:
    y = torch.zeros(1, 4, 3, requires_grad=True)
    brownian_covariance(y, torch.tensor([3.0])).square().sum().backward()
    assert y.grad is not None
    assert y.grad.isfinite().all()


def test_stays_in_fp32_under_autocast() -> None:
    y = torch.randn(2, 8, 20)
    with torch.autocast("cpu", torch.bfloat16):
        matrix = brownian_covariance(y, torch.tensor([20.0, 20.0]))
    torch.testing.assert_close(matrix, brownian_covariance(y, torch.tensor([20.0, 20.0])))


@pytest.mark.parametrize(("modality", "along"), [("image", 1), ("text", 3)])
def test_dropout_matches_the_authors_release(modality: str, along: int) -> None:
    torch.manual_seed(0)
    layer = MultiHeadBDC(32, num_heads=2, reduced_dim=16, modality=modality, dropout=0.5).train()
    dropped = layer._drop(torch.ones(4, 24, 2, 16))  # batch, tokens, heads, channels
    draws = dropped.amax(along)
    assert (draws == dropped.amin(along)).all()  # whole channels of a head, or whole tokens
    assert set(draws.unique().tolist()) == {0, 2}
    assert 0.3 < (draws == 0).float().mean() < 0.7
    assert (layer.eval()._drop(torch.ones(1, 24, 2, 16)) == 1).all()


@pytest.mark.parametrize("modality", ["image", "text"])
@pytest.mark.parametrize("masked", [False, True])
def test_agrees_with_the_maths_written_out_plainly(modality: str, masked: bool) -> None:
    """Features, gradients and running statistics, in training mode."""
    torch.manual_seed(0)
    layers = [kind(48, num_heads=3, reduced_dim=7, modality=modality) for kind in (PlainBDC, MultiHeadBDC)]
    layers[1].load_state_dict(layers[0].state_dict())
    summary, tokens = (tensor.requires_grad_() for tensor in inputs(layers[0], 4, 11))
    mask = torch.arange(11) < torch.tensor([[11], [1], [5], [8]]) if masked else None
    results = []
    for layer in layers:
        leaves = [summary, tokens, *layer.parameters()]
        features = layer(summary, tokens, mask)
        results.append((features, *torch.autograd.grad(features.sin().sum(), leaves), *layer.buffers()))
    for plain, ours in zip(*results, strict=True):
        torch.testing.assert_close(ours, plain, atol=2e-5, rtol=1e-4)


def test_padding_of_zeros_keeps_gradients_finite() -> None:
    layer = random_layer("text", 2, 5, 0).train()
    summary, tokens = inputs(layer, 2, 6)
    tokens[:, 4:] = 0
    tokens.requires_grad_()
    layer(summary, tokens, (torch.arange(6) < 4).expand(2, -1)).square().sum().backward()
    assert tokens.grad is not None
    assert tokens.grad.isfinite().all()
    assert (tokens.grad[:, 4:] == 0).all()


@pytest.mark.parametrize("modality", ["image", "text"])
def test_half_precision_differs_by_rounding_alone(modality: str) -> None:
    layer = random_layer(modality, 4, 6, 0)
    summary, tokens = (tensor.requires_grad_() for tensor in inputs(layer, 4, 30))
    results = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            features = layer(summary, tokens)
        results.append([features, *torch.autograd.grad(features.float().square().sum(), (summary, tokens))])
    for exact, rounded in zip(*results, strict=True):
        assert torch.cosine_similarity(exact.flatten(), rounded.flatten().float(), dim=0) > 0.98


def test_the_gradient_of_the_gram_matrix_is_right() -> None:
    y = torch.randn(2, 4, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(_Gram.apply, y)
    assert torch.autograd.gradgradcheck(_Gram.apply, y)


@pytest.fixture
def unchecked_shapes() -> Iterator[None]:
    """Disable shape checks, which read sizes, so the compiler would treat those sizes as constants."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
    torch.compiler.reset()


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(("modality", "norm"), [("image", "batch"), ("image", "layer"), ("text", "layer")])
def test_compiles_into_one_graph_for_all_batches(modality: str, norm: str) -> None:
    """Batches have at least two samples, because the compiler specialises on a size of one."""
    graphs = []

    def count(graph: torch.fx.GraphModule, example: list[torch.Tensor]) -> Callable[..., object]:
        graphs.append(graph)
        return graph.forward

    layer = MultiHeadBDC(32, num_heads=2, reduced_dim=6, modality=modality, norm=norm, dropout=0.5).train()
    compiled = torch.compile(layer, fullgraph=True, dynamic=True, backend=count)
    for batch, tokens in ((4, 9), (5, 9), (2, 12), (8, 3)):
        mask = None if modality == "image" else torch.ones(batch, tokens, dtype=torch.bool)
        compiled(*inputs(layer, batch, tokens), mask).sum().backward()
    assert len(graphs) == 1


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_compiled_model_learns_the_same() -> None:
    """The whole model without a graph break, forward and backward, with batch norm in training mode."""
    torch.manual_seed(0)
    vision = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16, "head_width": 32}
    text = {"context_length": 8, "vocab_size": 50, "width": 32, "heads": 2, "layers": 1}
    model = DALIP(CLIP(32, vision, text), MethodConfig(num_heads=2, reduced_dim=4)).train()
    ids = torch.randint(1, 49, (3, 8))
    pixels, mask = torch.randn(3, 3, 32, 32), torch.arange(8) < torch.tensor([[8], [3], [5]])
    results = []
    for run in (model, torch.compile(model, fullgraph=True, backend="aot_eager")):
        image, words, _, scale = run(pixels, ids, mask)
        loss = DalipLoss()(image, words, scale)
        results.append((loss, *torch.autograd.grad(loss, list(model.parameters()))))
    for plain, compiled in zip(*results, strict=True):
        torch.testing.assert_close(compiled, plain, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("sizes", [{"num_heads": 3}, {"num_heads": 0}, {"reduced_dim": 0}, {"dropout": 1.0}])
def test_impossible_sizes_are_refused(sizes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        MultiHeadBDC(64, **sizes)  # type: ignore[arg-type]


def test_sizes_follow_from_the_configuration() -> None:
    layer = MultiHeadBDC(512, num_heads=4, reduced_dim=46)
    assert layer.triangle_width == 4324  # the paper's number
    assert layer.output.weight.shape == (512, 4324)
