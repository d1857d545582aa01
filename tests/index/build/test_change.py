"""Changes to a flora that keeps its photos: the result equals a build from all photos."""

import dataclasses
import io
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from wording import refuses, said

import dalip_index.store.photo_store
from dalip.datasets import Record, read_records
from dalip.encoder import Encoder, read_manifest, write_manifest
from dalip.errors import FloraError, Skipped
from dalip.prompts import name_texts
from dalip.taxonomy import Taxon
from dalip_index import (
    Identification,
    add_photos,
    build_flora,
    find_problems,
    forget_taxon,
    load_flora,
    merge_floras,
    rebuild_flora,
    remove_from,
    taxa_of,
    teach_from,
    teach_taxon,
    undo_change,
    verify_flora,
)
from dalip_index.build.contents import read_contents
from dalip_index.build.learn import hit_rates
from dalip_index.flora.comparison import Comparison
from dalip_index.flora.prototypes import mean_prototypes
from dalip_index.store.catalogue import read_evidence
from dalip_index.store.faiss_index import write_index
from dalip_index.store.kept_photos import digest_of, kept_copy
from dalip_index.store.manifest import FloraManifest
from dalip_index.store.quantized import QuantizedVectors
from dalip_index.store.versions import current_version
from tests.index.conftest import paint, rose


@pytest.fixture(scope="module")
def kept(
    tmp_path_factory: pytest.TempPathFactory, encoder: Encoder, taxa: list[Taxon], records: list[Record]
) -> Path:
    """A flora of all roses that keeps its photos; read only, make changes to copies."""
    path = tmp_path_factory.mktemp("floras") / "kept"
    build_flora(path, encoder, taxa, records)
    return path


@pytest.fixture
def path(kept: Path, tmp_path: Path) -> Path:
    return shutil.copytree(kept, tmp_path / "flora")


def of(records: Sequence[Record], *colours: str) -> list[Record]:
    return [r for r in records if r.taxon and r.taxon.scientific_name.split()[1] in colours]


def names_in(folder: Path) -> list[str]:
    """The files in a flora's folder, except the lock, which may remain."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def assert_same(one: Path, other: Path, encoder: Encoder) -> None:
    """Two floras have the same taxa with the same evidence, in any order."""
    for flora in (one, other):
        assert find_problems(flora, encoder) == []
    first, second = load_flora(one, encoder), load_flora(other, encoder)
    order = [second.row(taxon) for taxon in first.taxa]
    assert sorted(order) == list(range(len(second.taxa)))
    assert first.taxa == tuple(second.taxa[row] for row in order)
    for field in ("text", "photos", "text_counts", "photo_counts"):
        values = getattr(first.prototypes, field)[:], getattr(second.prototypes, field)[order]
        np.testing.assert_allclose(*values, atol=1e-5)
    assert first.calibration.temperature == pytest.approx(second.calibration.temperature, rel=1e-3)
    assert first.calibration.text_weight == second.calibration.text_weight
    np.testing.assert_allclose(first.calibration.fits, second.calibration.fits, atol=1e-4)
    assert first.manifest.leave_one_out == second.manifest.leave_one_out
    keys = [
        sorted(
            (e.kind, e.content, e.role, e.photo, f.taxa[e.taxon].scientific_name)
            for e in read_evidence(f.folder)
        )
        for f in (first, second)
    ]
    assert keys[0] == keys[1]


def test_adding_photos_equals_building_from_all_photos(
    kept: Path, encoder: Encoder, taxa: list[Taxon], records: list[Record], tmp_path: Path
) -> None:
    path, late = tmp_path / "flora", of(records, "red", "white")
    build_flora(path, encoder, [t for t in taxa if t != rose("white")], [r for r in records if r not in late])
    before = verify_flora(path).manifest.counts
    counts = add_photos(path, encoder, late, [rose("white")]).counts
    assert counts.new_photos == sum(r.split != "test" for r in late)
    assert counts.kept_photos == before.kept_photos + counts.new_photos
    assert_same(path, kept, encoder)
    assert add_photos(path, encoder, late).counts.new_photos == 0  # they are recognised by their content
    assert_same(path, kept, encoder)


def test_rebuilding_embeds_no_photo_again(
    path: Path, encoder: Encoder, taxa: list[Taxon], records: list[Record], kept: Path
) -> None:
    assert build_flora(path, encoder, taxa, records).counts.new_photos == 0
    assert_same(path, kept, encoder)


def test_removing_equals_building_without(
    path: Path, encoder: Encoder, taxa: list[Taxon], records: list[Record], tmp_path: Path
) -> None:
    gone = of(records, "pink") + [r for r in of(records, "blue") if r.split == "train"][:2]
    remove_from(
        path, encoder, names=["Rosa pink"], photos=[r.key for r in gone if r not in of(records, "pink")]
    )
    left = [t for t in taxa if t != rose("pink")]
    build_flora(tmp_path / "other", encoder, left, [r for r in records if r not in gone])
    assert_same(path, tmp_path / "other", encoder)
    with refuses(FloraError, match="Rosa red: the flora was built with this taxon"):
        forget_taxon(path, encoder, "Rosa red")
    for names, photos, message in (
        (["Rosa mauve"], [], "Rosa mauve: the flora does not contain this taxon"),
        (
            [],
            ["Rosa mauve/1.png"],
            "Rosa mauve/1.png: the flora keeps no such photo; use the name that it had when it was added, such as",
        ),
        ([t.scientific_name for t in left], [], "a flora needs at least one taxon"),
    ):
        version = current_version(path)
        with refuses(FloraError, match=message):
            remove_from(path, encoder, names=names, photos=photos)
        assert current_version(path) == version


def test_rebuilding_with_another_encoder_needs_only_the_flora(
    path: Path,
    encoder: Encoder,
    other_encoder: Encoder,
    taxa: list[Taxon],
    records: list[Record],
    tmp_path: Path,
) -> None:
    manifest = rebuild_flora(path, other_encoder)
    assert manifest.counts.new_photos == manifest.counts.kept_photos
    assert manifest.encoder.fingerprint == other_encoder.fingerprint
    build_flora(tmp_path / "fresh", other_encoder, taxa, records)
    assert_same(path, tmp_path / "fresh", other_encoder)
    assert rebuild_flora(path, other_encoder).counts.new_photos == 0
    with refuses(FloraError, match="move it to this encoder with `dalip index rebuild`"):
        add_photos(path, encoder, records)


def test_another_encoder_gets_texts_in_its_own_wording(
    encoder: Encoder, taxa: list[Taxon], records: list[Record], tmp_path: Path
) -> None:
    folder = shutil.copytree(encoder.folder, tmp_path / "wording")
    write_manifest(
        folder,
        dataclasses.replace(read_manifest(folder), prompts=("img of {scientificName}", "{scientificName}!")),
    )
    wording, given = Encoder.load(folder), {taxa[0].scientific_name: ["a text that a person wrote"]}
    build_flora(tmp_path / "flora", encoder, taxa, records, texts=given)
    merge_floras(tmp_path / "merged", wording, [tmp_path / "flora"])
    rebuild_flora(tmp_path / "flora", wording)
    expected = {t.scientific_name: (f"img of {t.scientific_name}", f"{t.scientific_name}!") for t in taxa}
    expected |= {name: tuple(texts) for name, texts in given.items()}
    for flora in ("flora", "merged"):
        assert read_contents(tmp_path / flora).texts == expected
    rebuild_flora(tmp_path / "flora", encoder)
    texts = read_contents(tmp_path / "flora").texts
    assert texts[taxa[0].scientific_name] == ("a text that a person wrote",)
    assert texts[taxa[1].scientific_name] == tuple(name_texts(taxa[1]))


def test_floras_are_merged(
    kept: Path, encoder: Encoder, taxa: list[Taxon], records: list[Record], tmp_path: Path
) -> None:
    half = [t.scientific_name for t in taxa[:6]]
    one = [r for r in records if r.taxon and r.taxon.scientific_name in half]
    rest = [r for r in records if r not in one] + one[:5]  # some are in both
    build_flora(tmp_path / "one", encoder, taxa[:6], one)
    build_flora(tmp_path / "two", encoder, taxa[5:], rest)
    merged = merge_floras(tmp_path / "both", encoder, [tmp_path / "one", tmp_path / "two"])
    assert merged.counts.new_photos == 0
    shutil.rmtree(tmp_path / "one")
    assert_same(tmp_path / "both", kept, encoder)


def test_a_photo_under_two_names_is_not_used(
    path: Path, encoder: Encoder, taxa: list[Taxon], records: list[Record], tmp_path: Path
) -> None:
    told: list[Skipped] = []
    train = [r for r in of(records, "red") if r.split == "train"]
    wrong = dataclasses.replace(train[0], key="elsewhere", fields={"scientificName": "Rosa blue"})
    counts = build_flora(
        tmp_path / "new", encoder, taxa, [*records, wrong], skipped=told.append, test_too=True
    ).counts
    assert "this is the same photo as" in said(told[0].error)
    assert counts.unreadable_photos == 2
    assert counts.photos == len(records) - 1
    counts = add_photos(path, encoder, [wrong], skipped=told.append).counts  # the earlier name is kept
    assert f"`dalip index remove --flora {path} --photo '{train[0].key}'`" in said(told[1].error)
    assert counts == dataclasses.replace(verify_flora(path).manifest.counts, unreadable_photos=1)
    right = [wrong if r == train[0] else r for r in records]  # a build can change the name
    assert build_flora(path, encoder, taxa, right).counts.new_photos == 0
    verify_flora(path)


def test_a_flora_that_keeps_photos_can_learn_more_photos_of_its_taxa(
    path: Path, kept: Path, encoder: Encoder, tmp_path: Path
) -> None:
    before = load_flora(path, encoder)
    photos = [paint(tmp_path / f"{i}.png", "red", 900 + i) for i in range(4)]
    manifest = teach_taxon(path, encoder, Taxon("Rosa red"), [photos[0], photos[1].read_bytes(), *photos[2:]])
    after = load_flora(path, encoder)
    assert (manifest.counts.new_photos, manifest.counts.taught, after.taxa) == (4, 0, before.taxa)
    row = after.row(rose("red"))
    assert manifest.counts.kept_photos == before.manifest.counts.kept_photos + 4
    assert after.prototypes.photo_counts[row] > before.prototypes.photo_counts[row]
    with refuses(FloraError, match="rosa red: the flora contains it as Rosa red"):
        teach_taxon(path, encoder, Taxon("rosa red"), photos)
    teach_taxon(path, encoder, Taxon("Rosa nova"), [paint(tmp_path / "nova.png", "brown", 1)])
    assert load_flora(path, encoder).manifest.counts.taxa == len(before.taxa) + 1
    for name in ("Rosa nova", "Rosa red"):
        forget_taxon(path, encoder, name)
    assert_same(path, kept, encoder)


def test_a_taxon_with_only_held_out_photos_uses_them(
    encoder: Encoder, taxa: list[Taxon], records: list[Record], tmp_path: Path
) -> None:
    few = [r for r in records if r.taxon != rose("red") or r.split in ("selection", "calibration")]
    few = [r for r in few if r not in of(records, "red")] + [
        r for r in of(records, "red") if r.split != "train"
    ]
    build_flora(tmp_path / "flora", encoder, taxa, few)
    flora = load_flora(tmp_path / "flora", encoder)
    aside = sum(r.split in ("selection", "calibration") for r in of(records, "red"))
    assert flora.prototypes.photo_counts[flora.row(rose("red"))] == aside > 0


def test_a_flora_without_its_photos_says_so(
    encoder: Encoder, taxa: list[Taxon], records: list[Record], tmp_path: Path
) -> None:
    path = tmp_path / "flora"
    manifest = build_flora(path, encoder, taxa, records, keep=0)
    assert not (path / "photos").exists()
    assert not manifest.keeps_all
    for change in (
        lambda: add_photos(path, encoder, records),
        lambda: remove_from(path, encoder, names=["Rosa red"]),
        lambda: rebuild_flora(path, encoder),
        lambda: merge_floras(tmp_path / "out", encoder, [path]),
    ):
        with refuses(
            FloraError,
            match="flora: the flora does not keep its photos, which this change needs; build it again",
        ):
            change()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("moved", [False, True])
def test_taught_plants_move_to_another_flora(
    encoder: Encoder,
    other_encoder: Encoder,
    taxa: list[Taxon],
    records: list[Record],
    tmp_path: Path,
    moved: bool,
) -> None:
    """Plants taught to a copy of the built-in flora are taught again to the next built-in flora, with its encoder."""
    new = other_encoder if moved else encoder
    old_start, start, copy = (tmp_path / name for name in ("old", "new", "copy"))
    some = [t for t in taxa if t not in (rose("purple"), rose("green"))]
    build_flora(old_start, encoder, some, records, keep=0)
    build_flora(start, new, [*some, rose("green")], records, keep=0)
    for colour in ("purple", "green"):
        photos = [paint(tmp_path / f"{colour}{i}.png", colour, 800 + i) for i in range(3)]
        teach_taxon(copy, encoder, rose(colour), photos, start=old_start)
    teach_from(copy, new, start, [copy])
    assert find_problems(copy, new) == []
    flora = load_flora(copy, new)
    assert flora.taught == ("Rosa purple",)  # green is now built in
    assert flora.manifest.counts.kept_photos == 3
    asked = [paint(tmp_path / f"asked{i}.png", "purple", 700 + i) for i in range(5)]
    answers = [a for a in flora.identify(asked) if isinstance(a, Identification)]
    assert sum(a.predictions[0].taxon == rose("purple") for a in answers) >= 3


def test_a_flora_without_kept_photos_learns_from_one_with_kept_photos(
    path: Path, encoder: Encoder, taxa: list[Taxon], records: list[Record], tmp_path: Path
) -> None:
    build_flora(tmp_path / "start", encoder, taxa[:8], records, keep=0)
    manifest = teach_from(tmp_path / "both", encoder, tmp_path / "start", [path])
    assert (manifest.counts.taxa, manifest.counts.taught) == (10, 2)
    assert manifest.counts.new_photos == verify_flora(tmp_path / "start").manifest.counts.new_photos
    verify_flora(tmp_path / "both")


def test_all_packs_but_one_are_full_and_there_are_no_other_files(
    encoder: Encoder,
    taxa: list[Taxon],
    records: list[Record],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dalip_index.store.photo_store, "PACK_PHOTOS", 8)
    monkeypatch.setattr(dalip_index.build.embed_photos, "AT_ONCE", 5)
    path = tmp_path / "flora"
    build_flora(path, encoder, taxa, of(records, "red", "blue", "green"))
    changes: list[Callable[[], object]] = [
        lambda: add_photos(path, encoder, of(records, "pink")),
        lambda: remove_from(path, encoder, names=["Rosa blue"]),
        lambda: remove_from(path, encoder, photos=[read_contents(path).kept[0].key]),
        lambda: add_photos(path, encoder, of(records, "white", "blue")),
    ]
    for change in changes:
        change()
        assert find_problems(path, encoder) == []
        manifest = verify_flora(path).manifest
        sizes = sorted(
            len(read_records(path / "photos" / name)) for name in manifest.photos if name.endswith(".tar")
        )
        assert sizes[1:] == [8] * (len(sizes) - 1)
        assert sum(sizes) == manifest.counts.kept_photos
        named = {n for v in path.glob("v*") for n in FloraManifest.load(v).photos}
        assert {p.name for p in (path / "photos").iterdir()} == named


def test_a_pack_is_a_readable_shard(kept: Path, records: list[Record]) -> None:
    """When training on a flora's kept photos, each photo is in its original split."""
    shards = sorted((kept / "photos").glob("*.tar"))
    by_key = {str(r.fields["key"]): r for r in read_records(*shards)}
    known = {r.key: r for r in records}
    assert by_key.keys() == {r.key for r in records if r.split != "test"}
    for key, record in by_key.items():
        assert (record.split, record.taxon) == (known[key].split, known[key].taxon)


def test_leave_one_out_equals_building_without_the_photo(kept: Path, encoder: Encoder) -> None:
    flora = load_flora(kept, encoder)
    state, width, weight = read_contents(kept), encoder.width, flora.calibration.text_weight
    own = {e.photo: e.taxon for e in state.evidence if e.photo}
    photos = [photo for photo in state.kept if digest_of(photo) in own]
    labels = np.array([own[digest_of(photo)] for photo in photos])
    contents = (photo.read_bytes() for photo in photos)
    rows = np.stack([r for _, r in encoder.encode_files(contents, appearance=True)])  # type: ignore[arg-type]
    rows = rows.astype(np.float16).astype(np.float32)
    rows[:, width:] /= np.linalg.norm(rows[:, width:], axis=1, keepdims=True)
    found: dict[str, list[np.ndarray]] = {"text": [], "photos": [], "both": []}
    for i in range(len(rows)):
        others = np.arange(len(rows)) != i
        means, counts = mean_prototypes(rows[others, width:], labels[others], len(flora.taxa))
        means[np.arange(len(means)) != labels[i]] = 0
        kept = flora.prototypes.photos * ~means.any(axis=1, keepdims=True)
        without = dataclasses.replace(
            flora.prototypes, photos=(kept + means)[counts > 0], photo_counts=counts
        )
        for kind, similarities in found.items():
            similarities.append(Comparison(without, weight)(rows[i : i + 1], kind)[0])  # type: ignore[arg-type]
    for kind, similarities in found.items():
        assert flora.manifest.leave_one_out[kind] == hit_rates(np.stack(similarities), labels)


def test_copies_are_small_and_upright_without_metadata(tmp_path: Path) -> None:
    wide = Image.new("RGB", (1000, 500), "red")
    wide.paste("blue", (0, 0, 500, 500))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A maker"  # rotated by 90 degrees
    buffer = io.BytesIO()
    wide.save(buffer, "JPEG", exif=exif)
    copy = kept_copy(buffer.getvalue(), 100)
    with Image.open(io.BytesIO(copy)) as image:
        assert (image.format, image.size, len(image.getexif())) == ("WEBP", (100, 200), 0)
        red, _, blue = image.convert("RGB").getpixel((50, 20))  # type: ignore[misc]
        assert blue > 200 > 60 > red
    assert kept_copy(copy, 100) == copy
    assert kept_copy(copy, 320) == copy  # never upscaled
    assert kept_copy(copy, 50) != copy
    assert b"a place" not in kept_copy(copy + b"EXIF\x08\0\0\0a place ", 320)  # wherever the metadata is
    with Image.open(io.BytesIO(copy)) as image:
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", exif=exif)
    assert b"A maker" not in kept_copy(buffer.getvalue(), 320)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda p: p.unlink(), "missing"),
        (lambda p: p.write_bytes(p.read_bytes()[:-20_000]), "changed"),
    ],
)
@pytest.mark.parametrize("suffix", [".tar", ".npy"])
def test_damaged_photos_are_found_and_repaired(
    path: Path,
    encoder: Encoder,
    taxa: list[Taxon],
    records: list[Record],
    damage: Callable[[Path], object],
    words: str,
    suffix: str,
) -> None:
    (file,) = (path / "photos").glob(f"*{suffix}")
    damage(file)
    with refuses(FloraError, match=f"{file.name}: .*{words}"):
        verify_flora(path)
    counts = build_flora(path, encoder, taxa, records).counts  # as the error message says
    assert counts.new_photos == counts.kept_photos
    assert find_problems(path, encoder) == []


def test_verify_checks_more_than_hashes(path: Path, encoder: Encoder) -> None:
    """Vectors not made from these photos, with a valid stamp."""
    (file,) = (path / "photos").glob("*.npy")
    vectors = np.load(file)
    np.save(file, vectors[::-1].copy())
    manifest = current_version(path) / "manifest.json"
    content = json.loads(manifest.read_text())
    stamp = dalip_index.store.manifest.FileStamp.of(file)
    content["photos"][file.name] = dataclasses.asdict(stamp)
    manifest.write_text(json.dumps(content))
    (problem,) = find_problems(path)
    assert "prototypes do not match the photos" in said(problem)
    assert "packed-photo-of-another-vector" in {found.kind for found in find_problems(path, encoder)}


def test_a_change_can_be_undone_once(
    path: Path, kept: Path, encoder: Encoder, records: list[Record], other_encoder: Encoder
) -> None:
    for change in (
        lambda: remove_from(path, encoder, names=["Rosa red"]),
        lambda: rebuild_flora(path, other_encoder),
    ):
        change()
        assert undo_change(path) == "v000001"
        assert_same(path, kept, encoder)
        with refuses(FloraError, match="flora: the flora has no version before v000001"):
            undo_change(path)
        assert names_in(path) == ["CURRENT", "photos", "v000001"]
        assert len(list((path / "photos").iterdir())) == 2


def test_taxa_come_from_the_photos(records: list[Record], encoder: Encoder, tmp_path: Path) -> None:
    taxa = taxa_of(records)
    assert [t.scientific_name for t in taxa] == sorted({str(r.fields["scientificName"]) for r in records})
    assert build_flora(tmp_path / "flora", encoder, taxa, records).counts.taxa == 10


def test_the_users_own_photos_are_never_removed(
    path: Path, encoder: Encoder, taxa: list[Taxon], records: list[Record], photos: Path, tmp_path: Path
) -> None:
    """The user's own folder may be called `photos`, like the folder in which floras keep copies."""
    home = tmp_path / "home"
    shutil.copytree(photos / "Rosa red", home / "photos")
    with refuses(FloraError, match=r"is neither empty nor a flora \(it contains photos/0.png\)"):
        build_flora(home, encoder, taxa, records)
    assert len(list((home / "photos").iterdir())) == len(list((photos / "Rosa red").iterdir()))
    assert names_in(home) == ["photos"]
    mine = path / "photos" / "mine.png"
    shutil.copy(photos / "Rosa red" / "0.png", mine)
    build_flora(path, encoder, taxa, records, keep=0)
    build_flora(path, encoder, taxa, records, keep=0)  # now no version keeps photos
    assert [p.name for p in (path / "photos").iterdir()] == ["mine.png"]


def test_a_name_shared_by_several_photos_removes_none(path: Path, encoder: Encoder, tmp_path: Path) -> None:
    twins = [
        dataclasses.replace(
            read_records(paint(tmp_path / f"{i}" / "Rosa red" / "1.png", "red", 600 + i).parents[1])[0],
            key="twin.png",
        )
        for i in range(2)
    ]
    before = add_photos(path, encoder, twins, test_too=True).counts.kept_photos
    with refuses(
        FloraError, match=r"twin.png: the flora keeps 2 photos with this name; choose one by its SHA-256: "
    ) as told:
        remove_from(path, encoder, photos=["twin.png"])
    digest = said(told.value).split()[-1]
    assert remove_from(path, encoder, photos=[digest]).counts.kept_photos == before - 1
    assert remove_from(path, encoder, photos=["twin.png"]).counts.kept_photos == before - 2


@pytest.mark.parametrize("keep", [0, 320])
def test_any_file_name_works(
    encoder: Encoder, taxa: list[Taxon], records: list[Record], tmp_path: Path, keep: int
) -> None:
    odd = dataclasses.replace(
        of(records, "red")[0], key="Rosa red/\udcff.png"
    )  # as Python represents paths that are not UTF-8
    path = tmp_path / "flora"
    build_flora(path, encoder, taxa, [odd], keep=keep, test_too=True)
    assert find_problems(path, encoder) == []
    (listed,) = [e.content for e in read_evidence(current_version(path)) if e.kind == "photo"]
    assert listed == "Rosa red/\\udcff.png"
    if keep:
        remove_from(path, encoder, photos=[odd.key])


def test_plants_that_were_taught_are_forgotten_together_or_not_at_all(
    encoder: Encoder, taxa: list[Taxon], records: list[Record], tmp_path: Path
) -> None:
    path = tmp_path / "flora"
    build_flora(path, encoder, taxa[:7], records, keep=0)
    for number, colour in enumerate(("white", "black", "brown")):
        teach_taxon(path, encoder, rose(colour), [paint(tmp_path / f"{colour}.png", colour, number)])
    before = current_version(path)
    with refuses(FloraError, match="Rosa mauve: the flora does not contain this taxon"):
        forget_taxon(path, encoder, "Rosa brown", "Rosa mauve")
    assert current_version(path) == before
    counts = forget_taxon(path, encoder, "Rosa white", "Rosa brown").counts
    assert (counts.taxa, counts.taught, counts.kept_photos) == (8, 1, 1)
    assert load_flora(path, encoder).taught == ("Rosa black",)
    assert find_problems(path, encoder) == []
    undo_change(path)
    assert current_version(path) == before


def test_a_full_disk_is_reported_and_changes_nothing(path: Path, encoder: Encoder, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")  # not on Windows
    before, (soft, hard) = current_version(path), resource.getrlimit(resource.RLIMIT_FSIZE)
    many = [Taxon(f"Rosa n{number}") for number in range(100)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))  # limit per file, which the catalogue exceeds
    try:
        for target in (path, tmp_path / "new"):
            with refuses(FloraError, match="cannot be written"):
                build_flora(target, encoder, many)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert current_version(path) == before
    assert names_in(path) == ["CURRENT", "photos", "v000001"]
    assert not (tmp_path / "new").exists()
    with refuses(FloraError, match="cannot be written"):
        write_index(tmp_path / "nowhere" / "text.faiss", np.arange(2), QuantizedVectors.of(np.ones((2, 4))))


def test_damage_is_not_copied(
    path: Path, encoder: Encoder, other_encoder: Encoder, records: list[Record]
) -> None:
    """Otherwise, a new pack would have a valid hash of the wrong photo."""
    (pack,) = (path / "photos").glob("*.tar")
    content = bytearray(pack.read_bytes())
    start = content.index(b"RIFF") + 100
    content[start : start + 50] = bytes(50)
    pack.write_bytes(content)
    changes: list[Callable[[], object]] = [
        lambda: rebuild_flora(path, other_encoder),
        lambda: remove_from(path, encoder, names=["Rosa red"]),
        lambda: merge_floras(path.with_name("merged"), encoder, [path]),
    ]
    for change in changes:
        with refuses(
            FloraError, match=f"{pack.name}: the file was changed after it was written; delete it and build"
        ):
            change()
    assert current_version(path).name == "v000001"
