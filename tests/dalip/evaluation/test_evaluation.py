"""Evaluation: metrics against brute force, protocols on small synthetic data, and a real model in PyTorch and ONNX."""

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from paths import SHARED_DATA
from PIL import Image
from tiny_bundle import COLOURS, write_tiny_bundle
from wording import refuses, said

from dalip.datasets import FilePart, Record, read_records, read_taxa
from dalip.encoder import Block, Encoder, preprocess
from dalip.errors import DalipError, DataError, TrainingError
from dalip.evaluation import (
    LabelledPhotos,
    OnnxEmbedder,
    Reweighted,
    ZeroShotTask,
    accuracy_by_source,
    choose_first_order,
    classes_by_name_kind,
    embed_labelled,
    few_shot,
    linear_probe,
    macro_mean,
    make_zero_shot_task,
    nearest_ranks,
    nll_at_best_temperature,
    ranks,
    retrieval,
    reweight,
    simple_shot,
    text_vectors,
    zero_shot,
)
from dalip.model import DALIP, MethodConfig
from dalip.prompts import NAME_KINDS, name_texts, taxon_texts
from dalip.taxonomy import Taxon, VernacularName
from dalip.training import TrainConfig
from dalip.training.checkpoint import save_checkpoint
from dalip.training.data.corpus import load_corpus
from dalip.training.forgetting import forgetting
from dalip.training.torch_embedder import TorchEmbedder, load_embedder
from dalip.training.towers.create import create_towers
from dalip.training.towers.load_model import method_of
from dalip.training.towers.tokens import tokenize
from dalip.training.validation import measure_selection, selection_naming

pytestmark = pytest.mark.usefixtures("unchecked_shapes")

BLOCKS = (Block("first_order", 3, 0.5), Block("second_order", 2, 0.5))


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def joint(first: NDArray[np.floating], second: NDArray[np.floating], weight: float) -> NDArray[np.float32]:
    parts = [weight**0.5 * unit(first), (1 - weight) ** 0.5 * unit(second)]
    return np.concatenate(parts, axis=1).astype(np.float32)


@given(st.data())
def test_ranks_equal_counting(data: st.DataObject) -> None:
    n, c = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 8))
    scores = data.draw(arrays(np.int8, (n, c), elements=st.integers(-3, 3))).astype(np.float32)
    own = data.draw(arrays(bool, (n, c)))
    own[:, data.draw(st.integers(0, c - 1))] = True
    found = ranks(scores, own)
    for row, right, rank in zip(scores.tolist(), own.tolist(), found, strict=True):
        best = max(s for s, r in zip(row, right, strict=True) if r)
        assert rank == sum(s >= best for s, r in zip(row, right, strict=True) if not r)
    more = own.copy()
    more[:, 0] = True  # an additional correct answer never makes a rank worse
    assert (ranks(scores, more) <= found).all()


def test_nearest_ranks_equal_sorting_and_do_not_depend_on_chunks() -> None:
    random = np.random.default_rng(0)
    queries, candidates = (unit(random.normal(size=(n, 8))) for n in (600, 90))
    pairs = np.array([(q, c) for q in range(600) for c in random.choice(90, 1 + q % 3, replace=False)])
    order = (-(queries @ candidates.T)).argsort(axis=1)
    expected = [np.flatnonzero(np.isin(order[q], pairs[pairs[:, 0] == q, 1])) for q in range(600)]
    # The other captions of a photo do not count against it: its rank is that of its best caption.
    assert nearest_ranks(queries, candidates, pairs).tolist() == [int(places[0]) for places in expected]


def test_ties_count_as_errors() -> None:
    same = unit(np.ones((3, 4)))
    pairs = np.array([[0, 1]])
    assert nearest_ranks(same[:1], same, pairs).tolist() == [2]


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1))
def test_macro_mean_is_a_mean_of_means(pairs: list[tuple[int, bool]]) -> None:
    labels, values = zip(*pairs, strict=True)
    means = [np.mean([v for name, v in pairs if name == label]) for label in set(labels)]
    assert macro_mean(values, labels) == pytest.approx(np.mean(means))


def test_nll_equals_softmax_at_the_best_scale() -> None:
    random = np.random.default_rng(1)
    classes = unit(random.normal(size=(7, 5)))
    truth = random.integers(0, 7, 300)
    photos = unit(classes[truth] + 0.7 * random.normal(size=(300, 5)))
    scores = torch.from_numpy((photos @ classes.T).astype(np.float64))
    losses = [
        float(torch.nn.functional.cross_entropy(scale * scores, torch.from_numpy(truth)))
        for scale in np.geomspace(1, 316.2278, 41)
    ]
    assert nll_at_best_temperature(photos, classes, truth) == pytest.approx(min(losses), rel=1e-6)
    same = np.tile(classes[:1], (7, 1))
    assert nll_at_best_temperature(photos, same, truth) == pytest.approx(math.log(7), abs=1e-4)


@given(st.floats(0, 1), st.floats(0.05, 0.95), st.integers(0, 1000))
def test_reweighting_gives_the_weighted_sum_of_cosines(weight: float, before: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = random.normal(size=(4, 3)), random.normal(size=(4, 2))
    blocks = (Block("first_order", 3, before), Block("second_order", 2, 1 - before))
    found = reweight(joint(first, second, before), blocks, weight)
    cosines = [unit(x) @ unit(x).T for x in (first, second)]
    np.testing.assert_allclose(found @ found.T, weight * cosines[0] + (1 - weight) * cosines[1], atol=1e-5)


def test_vectors_that_cannot_be_reweighted_are_refused() -> None:
    vectors = np.ones((1, 3), np.float32)
    with refuses(DalipError, match="no second order"):
        reweight(vectors, BLOCKS[:1], 0.5)
    assert (reweight(vectors, [Block("first_order", 3, 1.0)], 1.0) == vectors).all()
    gone = (Block("first_order", 2, 0.0), Block("second_order", 1, 1.0))
    with refuses(DalipError, match="first_order has weight 0"):
        reweight(vectors, gone, 0.5)
    assert (reweight(vectors, gone, 0.0) == [0, 0, 1]).all()


def test_the_order_that_separates_the_classes_is_chosen() -> None:
    random = np.random.default_rng(2)
    truth = np.arange(60) % 6
    good, noise = unit(random.normal(size=(6, 3))), unit(random.normal(size=(6, 2)))
    told = joint(good[truth] + 0.05 * random.normal(size=(60, 3)), random.normal(size=(60, 2)), 0.5)
    starts = np.arange(6)
    task = ZeroShotTask(told, ("a", "b") * 30, truth, joint(good, noise, 0.5), starts)
    assert choose_first_order(task, BLOCKS) >= 0.9
    swapped = [np.concatenate([v[:, 3:], v[:, :3]], axis=1) for v in (told, task.texts)]
    other = dataclasses.replace(task, photos=swapped[0], texts=swapped[1])
    assert choose_first_order(other, (Block("f", 2, 0.5), Block("z", 3, 0.5))) <= 0.1
    assert accuracy_by_source(task.reweighted(BLOCKS, 1.0))["all"].top_1 == 1
    assert choose_first_order(task, BLOCKS[:1]) == 1


@pytest.mark.parametrize("shots", [1, 3])
def test_simple_shot_is_the_nearest_mean(shots: int) -> None:
    random = np.random.default_rng(shots)
    support, queries = random.normal(size=(4 * shots, 5)), random.normal(size=(30, 5))
    labels, centre = np.repeat([7, 1, 4, 3], shots), random.normal(size=5)
    means = {
        label: np.mean([unit(s - centre) for s, n in zip(support, labels, strict=True) if n == label], axis=0)
        for label in labels
    }
    expected = [min(means, key=lambda n: np.linalg.norm(unit(q - centre) - means[n])) for q in queries]
    found = simple_shot(
        *(np.float32(x) if i != 1 else x for i, x in enumerate((support, labels, queries, centre)))
    )
    assert found.tolist() == expected
    moved = simple_shot(np.float32(support + 2), labels, np.float32(queries + 2), np.float32(centre + 2))
    assert moved.tolist() == expected


def blobs(noise: float, *, classes: int = 4, each: int = 12) -> LabelledPhotos:
    """Return synthetic photos of several classes; the last has two in the training split."""
    random = np.random.default_rng(3)
    centres = unit(random.normal(size=(classes, 6)))

    def draw(count: int) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        labels = np.repeat(np.arange(classes), count)
        return unit(centres[labels] + noise * random.normal(size=(len(labels), 6))), labels

    train, labels = draw(each)
    kept = np.concatenate([np.flatnonzero(labels < classes - 1), np.flatnonzero(labels == classes - 1)[:2]])
    sources = tuple(["garden", "meadow"] * (classes * 5))
    return LabelledPhotos(
        train[kept],
        labels[kept],
        {split: (*draw(10), sources) for split in ("selection", "test")},  # type: ignore[misc]
        tuple("abcdefgh"[:classes]),
        0,
        (),
    )


def test_few_shot_skips_taxa_with_fewer_photos() -> None:
    rows = few_shot(blobs(0.02), "test", (1, 5, 500))
    assert [(r.source, r.shots, r.photos, r.taxa) for r in rows] == [
        (source, shots, photos, taxa)
        for shots, taxa in ((1, 4), (5, 3))
        for source, photos in (("garden", 5 * taxa), ("meadow", 5 * taxa), ("all", 10 * taxa))
    ]
    assert all(row.top_1 == row.macro_top_1 == 1 and row.spread == 0 for row in rows)
    noisy = {row.shots: row for row in few_shot(blobs(0.6), "test", (1, 5)) if row.source == "all"}
    assert noisy[1].top_1 < noisy[5].top_1 < 1
    assert noisy[1].spread > 0
    assert few_shot(blobs(0.6), "test", (1,)) == few_shot(blobs(0.6), "test", (1,))
    assert few_shot(blobs(0.6), "test", (1,), seed=1) != few_shot(blobs(0.6), "test", (1,))
    with refuses(DataError, match="has 13 photos in the training split"):
        few_shot(blobs(0.02), "test", (13,))


@pytest.mark.parametrize("classes", [2, 4])
def test_a_linear_probe_learns_and_chooses_its_strength(classes: int) -> None:
    photos = blobs(0.1, classes=classes)
    rows = linear_probe(photos, "test")
    assert [row.source for row in rows] == ["garden", "meadow", "all"]
    assert rows[-1].photos == 10 * classes
    assert rows[-1].top_1 > 0.9
    assert rows[-1].top_5 == 1
    # A classifier this weak returns only the largest classes, so the better one is chosen.
    assert linear_probe(photos, "test", (1e-6, 10.0))[0].strength == 10.0
    assert linear_probe(photos, "test", (1e-6,))[-1].macro_top_1 < 0.9
    with refuses(DalipError, match="at least two taxa"):
        linear_probe(blobs(0.1, classes=1), "test")


ROSE = Taxon(
    "Rosa canina",
    vernacular_names=(VernacularName("dog rose"), VernacularName("briar"), VernacularName("Hundsrose", "de")),
    genus="Rosa",
    family="Rosaceae",
    order="Rosales",
)


def test_prompts_for_each_kind_of_name() -> None:
    whole = [
        "a photo of Rosa canina, a plant",
        "Rosa canina, species of plant",
        "Rosa canina, family Rosaceae, order Rosales",
        "Rosa canina, genus Rosa, family Rosaceae",
        "a photo of dog rose, a plant",
        "dog rose",
        "Rosa canina, commonly known as dog rose",
        "Rosa canina, dog rose, family Rosaceae",
        "a photo of briar, a plant",
    ]
    assert taxon_texts(ROSE) == whole  # the built-in flora was built from these, in this order
    assert taxon_texts(ROSE, "scientific") == whole[:2]
    assert taxon_texts(ROSE, "taxonomic") == whole[2:4]
    assert taxon_texts(ROSE, "common") == [*whole[4:6], whole[8]]
    assert name_texts(ROSE) == whole
    assert name_texts(dataclasses.replace(ROSE, vernacular_names=())) == whole[1:3]
    assert name_texts(Taxon("Rosa canina")) == ["Rosa canina, species of plant", "Rosa canina"]
    bare = Taxon("Rosa", "genus", genus="Rosa")
    assert taxon_texts(bare) == taxon_texts(bare, "scientific") == [*taxon_texts(bare)[:2], "Rosa"]
    assert taxon_texts(bare, "common") == taxon_texts(bare, "taxonomic") == []


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> OnnxEmbedder:
    return OnnxEmbedder(Encoder.load(write_tiny_bundle(tmp_path_factory.mktemp("bundle"))))


@pytest.fixture
def photo(tmp_path: Path) -> Callable[..., Record]:
    """Return a function that makes a photo of one colour with the given fields."""

    def make(key: str, colour: str, **fields: object) -> Record:
        path = tmp_path / "photos" / f"{key}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (60, 60), COLOURS[colour]).save(path)
        return Record(key, FilePart(path), fields)

    return make


def test_zero_shot_with_each_kind_of_name(embedder: OnnxEmbedder, photo: Callable[..., Record]) -> None:
    named = [
        photo(f"{c}-{i}", c, scientificName=f"Flos {c}", vernacularName=f"{c} flower", source=f"source {i}")
        for c in ("red", "blue", "yellow")
        for i in range(2)
    ]
    things = [photo(f"thing-{c}", c, className=f"{c} box", source="things") for c in ("green", "pink")]
    broken = dataclasses.replace(named[0], key="gone", location=FilePart(Path("gone.png")))
    records = [*named, *things, broken, photo("other", "red")]
    classes = classes_by_name_kind(records, [Taxon("Flos white")])
    assert list(classes) == [*NAME_KINDS, "class"]
    assert [len(some) for some in classes.values()] == [3, 4, 3, 4, 2]
    assert classes["all"]["Flos red"] == taxon_texts(named[0].taxon)  # type: ignore[arg-type]
    rows, skipped = zero_shot(embedder, records, classes)
    assert [(r.names, r.source, r.photos) for r in rows] == [
        *((n, s, p) for n in NAME_KINDS for s, p in (("source 0", 3), ("source 1", 3), ("all", 6))),
        ("class", "things", 2),
    ]
    assert all(row.top_1 == row.top_5 == row.macro_top_1 == 1 for row in rows)
    assert [(s.source, s.error.source) for s in skipped] == [("gone.png", "gone.png")]
    with refuses(DataError, match="none of the 1 photos"):
        zero_shot(embedder, [broken], classes)


def test_taxa_sharing_a_common_name_cannot_be_distinguished_by_it(
    embedder: OnnxEmbedder, photo: Callable[..., Record]
) -> None:
    records = [
        photo(c, c, scientificName=f"Flos {c}", vernacularName=common, source="made")
        for c, common in (("red", "red flower"), ("blue", "red flower"), ("yellow", "yellow flower"))
    ]
    rows, _ = zero_shot(embedder, records, classes_by_name_kind(records))
    top_1 = {row.names: row.top_1 for row in rows}
    assert top_1["common"] == pytest.approx(1 / 3)
    assert top_1["scientific"] == 1


def test_class_vectors_are_mean_directions(embedder: OnnxEmbedder, photo: Callable[..., Record]) -> None:
    records = [photo("red", "red", className="red"), photo("blue", "blue", className="blue")]
    classes = {"red": ["red", "a red box", "pink"], "blue": ["blue"]}
    vectors = text_vectors(embedder, [text for texts in classes.values() for text in texts])
    task = make_zero_shot_task(embedder.embed_photos(records), classes, vectors)
    expected = [unit(embedder.embed_texts(texts).mean(axis=0)) for texts in classes.values()]
    np.testing.assert_allclose(task.class_vectors(), expected, atol=1e-6)
    assert task.truth.tolist() == [0, 1]


def test_captions_find_photos_and_photos_find_captions(
    embedder: OnnxEmbedder, photo: Callable[..., Record]
) -> None:
    captions = {"red": ["red", "a red thing"], "blue": ["blue", "a square"], "green": ["a square"]}
    records = [photo(c, c, captions=texts, source="made") for c, texts in captions.items()]
    records += [
        photo("plain", "pink", source="made"),
        photo("alone", "pink", captions="blue", source="other"),
    ]
    (found, other), unreadable = retrieval(embedder, records)
    assert not unreadable
    assert (found.source, found.photos, found.captions) == ("made", 3, 4)  # the shared caption counts once
    texts = ["red", "a red thing", "blue", "a square"]
    scores = embedder.embed_photos(records[:3]).vectors @ embedder.embed_texts(texts).T
    own = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]], bool)
    for way, table, right in ((found.image_to_text, scores, own), (found.text_to_image, scores.T, own.T)):
        first = table.argmax(axis=1)
        assert way[1] == pytest.approx(np.mean([right[i, j] for i, j in enumerate(first)]))
        assert way[1] <= way[5] == way[10] == 1
    assert (other.source, other.image_to_text[1], other.text_to_image[1]) == ("other", 1, 1)
    with refuses(DataError, match="has a caption"):
        retrieval(embedder, records[3:4])


def test_a_reweighted_embedder(embedder: OnnxEmbedder, photo: Callable[..., Record]) -> None:
    records = [photo(c, c) for c in ("red", "blue")]
    first = Reweighted(embedder, 1.0)
    assert [block.weight for block in first.blocks] == [1, 0]
    vectors, plain = first.embed_photos(records).vectors, embedder.embed_photos(records).vectors
    np.testing.assert_allclose(vectors[:, :16], unit(plain[:, :16]), atol=1e-6)
    assert not vectors[:, 16:].any()
    texts = Reweighted(embedder, 0.25).embed_texts(["red", "blue"])
    np.testing.assert_allclose((texts**2).sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose((texts[:, :16] ** 2).sum(axis=1), 0.25, atol=1e-5)


def folder_of_photos(root: Path, *, each: int = 14) -> Path:
    """Write one folder per class; with 14 photos each, every split has photos."""
    random = np.random.default_rng(0)
    for colour in ("red", "green", "blue"):
        for i in range(each):
            path = root / f"Flos_{colour}" / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.clip(random.normal(0, 20, (40, 40, 3)) + COLOURS[colour], 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(path)
    return root


def test_training_and_test_photos_are_embedded_with_their_names(
    embedder: OnnxEmbedder, tmp_path: Path
) -> None:
    records = read_records(folder_of_photos(tmp_path / "photos"))
    odd = next(r for r in records if r.split == "test")
    stranger = dataclasses.replace(odd, fields={"scientificName": "Flos novus"})
    found = embed_labelled(embedder, [*records, stranger], ["test"])
    assert found.names == ("Flos blue", "Flos green", "Flos red")
    assert found.left_out == 1
    assert len(found.train) == sum(r.split == "train" for r in records)
    truth = [f"Flos {r.key.split('/')[0][5:]}" for r in records if r.split == "test"]
    assert [found.names[label] for label in found.others["test"][1]] == truth
    assert few_shot(found, "test", (1,))[0].top_1 > 0.9
    with refuses(DataError, match="in the training split"):
        embed_labelled(embedder, [odd], ["test"])


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> TorchEmbedder:
    torch.manual_seed(0)
    towers = create_towers("tiny", None, tmp_path_factory.mktemp("towers"), embed_dim=32, image_size=32)
    model = DALIP(towers.clip, MethodConfig(num_heads=2, reduced_dim=4)).eval()
    return TorchEmbedder(model, towers, mirror=True)


def test_a_model_embeds_photos_and_texts(tiny_model: TorchEmbedder, tmp_path: Path) -> None:
    records = read_records(folder_of_photos(tmp_path / "photos", each=12))  # more than one batch
    damaged = tmp_path / "photos" / "Flos_red" / "3.png"
    damaged.write_bytes(b"not an image")
    ours, model = Reweighted(tiny_model, 0.3), tiny_model.model
    assert [(b.name, b.width, round(b.weight, 6)) for b in ours.blocks] == [
        ("first_order", 32, 0.3),
        ("second_order", 32, 0.7),
    ]
    calls: list[tuple[str, int, int]] = []
    found = ours.embed_photos(records, lambda *call: calls.append(call))
    assert [r.key for r in found.records] == [r.key for r in records if r.location.path != damaged]
    assert [(s.source, said(s.error)) for s in found.skipped] == [
        (
            str(damaged),
            f"{damaged}: the file is not an image in a supported format; "
            "use JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP",
        )
    ]
    assert calls[-1] == ("photos", 36, 36)
    pixels = np.stack([preprocess(Image.open(r.location.path), tiny_model.image) for r in found.records])
    with torch.inference_mode():
        expected = model.encode_image(torch.from_numpy(pixels), mirror=True).joint(0.3)
    np.testing.assert_allclose(found.vectors, expected, atol=1e-5)
    texts = ["a rose", "", "long " * 100]
    alone = np.concatenate([ours.embed_texts([text]) for text in texts])
    np.testing.assert_allclose(ours.embed_texts(texts), alone, atol=1e-5)
    ids, mask = tokenize(tiny_model.tokenizer, texts[:1], tiny_model.text)
    with torch.inference_mode():
        np.testing.assert_allclose(alone[:1], model.encode_text(ids, mask).joint(0.3), atol=1e-5)
    assert ours.embed_texts([]).shape == (0, 64)
    assert ours.embed_photos([]).vectors.shape == (0, 64)


def test_a_run_is_measured_on_its_validation_photos(tiny_model: TorchEmbedder, tmp_path: Path) -> None:
    photos = folder_of_photos(tmp_path / "photos", each=20)
    captioned = tmp_path / "captioned"
    captioned.mkdir()
    rows = ["file,caption"]
    for i in range(30):
        Image.new("RGB", (40, 40), (8 * i, 40, 200)).save(captioned / f"{i}.png")
        rows.append(f"{i}.png,picture {i}")
    (captioned / "photos.csv").write_text("\n".join(rows))
    both = load_corpus(TrainConfig(data=(str(photos), str(captioned))))
    found, unreadable = measure_selection(tiny_model, both)
    assert unreadable == []
    named = {"photos top-1", "photos top-5", "photos genus top-1"}
    assert set(found) == {*named, "captioned caption recall@5"}
    assert found["photos top-1"] <= found["photos genus top-1"]
    assert found["photos top-5"] == 1  # there are only three taxa
    task, _ = selection_naming(tiny_model, both)
    assert task is not None
    assert accuracy_by_source(task)["photos"].top_1 == pytest.approx(found["photos top-1"], abs=1e-4)
    alone, _ = selection_naming(tiny_model, load_corpus(TrainConfig(data=(str(captioned),))))
    assert alone is not None
    assert alone.truth.tolist() == list(range(len(alone.texts)))
    assert 0 <= choose_first_order(alone, tiny_model.blocks) <= 1


def test_models_that_cannot_be_loaded_are_refused(tmp_path: Path) -> None:
    with refuses(TrainingError, match=r"untrained parts.*@"):
        load_embedder("tiny")
    with refuses(DalipError, match="'no-such-tag'"):
        load_embedder("ViT-B-32@no-such-tag")


@pytest.fixture(scope="module")
def lite_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without any training steps."""
    run = tmp_path_factory.mktemp("run")
    config = TrainConfig(
        data=("photos.tar",), model="lite0-minilm", embed_dim=16, num_heads=2, reduced_dim=4, image_size=96
    )
    config.save(run / "config.json")
    towers = create_towers("lite0-minilm", None, run / "towers", embed_dim=16, image_size=96)
    model = DALIP(towers.clip, method_of(config))
    save_checkpoint(run / "model.pt", {"model": model.state_dict()})
    return run


def test_an_untrained_tower_forgets_nothing(lite_run: Path, photo: Callable[..., Record]) -> None:
    records = [photo(c, c, wordnetID=w) for c, w in (("red", "n04592741"), ("blue", "n01440764"))]
    found, unreadable = forgetting(lite_run, [*records, photo("other", "red", wordnetID="n0")])
    assert not unreadable
    assert found.photos == 2
    assert (found.before_top_1, found.before_top_5) == (found.after_top_1, found.after_top_5)
    with refuses(DataError, match="wordnetID"):
        forgetting(lite_run, [photo("plain", "red")])
    with refuses(TrainingError, match="not a run"):
        forgetting(lite_run / "towers", records)


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="needs the photos in ../shared/data")
def test_a_damaged_tower_forgets(lite_run: Path, tmp_path: Path) -> None:
    records = read_records(SHARED_DATA / "general-objects-000000.tar")[:30]
    spoilt = tmp_path / "spoilt"
    spoilt.mkdir()
    for name in ("config.json", "towers"):
        (spoilt / name).symlink_to(lite_run / name)
    content = torch.load(lite_run / "model.pt", weights_only=True)
    for name, value in content["model"].items():
        if name.startswith("clip.visual.trunk.conv_head"):
            value.zero_()
    save_checkpoint(spoilt / "model.pt", content)
    found, _ = forgetting(spoilt, records)
    assert found.before_top_1 > 0.4  # of a thousand classes, at 96 x 96 pixels
    assert found.after_top_1 < 0.1


def test_a_tower_without_a_classifier_is_refused_in_one_line(
    tmp_path: Path, photo: Callable[..., Record]
) -> None:
    TrainConfig(data=("photos.tar",), model="tiny", objective="clip").save(tmp_path / "config.json")
    towers = create_towers("tiny", None, tmp_path / "towers")
    save_checkpoint(tmp_path / "model.pt", {"model": DALIP(towers.clip, None).state_dict()})
    with refuses(TrainingError, match="tower of tiny does not come with an ImageNet classifier"):
        forgetting(tmp_path, [photo("red", "red", wordnetID="n04592741")])


@pytest.mark.slow
@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="needs the photos in ../shared/data")
def test_the_built_in_encoder_identifies_plants_zero_shot() -> None:
    from dalip_assets import ENCODER

    assets = Path(ENCODER).parent
    records = read_records(*sorted(SHARED_DATA.glob("inat-*.tar")), *sorted(SHARED_DATA.glob("oxford-*.tar")))
    classes = {"all": classes_by_name_kind(records, read_taxa(assets / "taxa.csv"))["all"]}
    embedder = OnnxEmbedder(Encoder.load(ENCODER))
    rows, _ = zero_shot(embedder, [r for r in records if r.split == "test"], classes)
    found = {row.source: row.top_1 for row in rows}
    assert found["Oxford 102 Flowers"] > 0.93
    assert found["iNaturalist"] > 0.78
    assert json.dumps([dataclasses.asdict(row) for row in rows])
