"""Names as people write them: labels, lists, forums and files. What each stands for, and what is said about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paths import SHARED_DATA
from wording import said

from dalip.datasets.names.resolution import Resolution
from dalip.datasets.names.resolve import as_given, resolve_typed
from dalip.datasets.names.resolver import Resolver
from dalip.errors import DataError
from dalip.taxonomy import Taxon, VernacularName
from dalip.written_name import read_written_name

CASES = SHARED_DATA.parent / "cases" / "names.tsv"
LIST = """\
Acer palmatum|Acer palmatum var. dissectum|Achillea millefolium|Aesculus hippocastanum|Aloe vera|Asteraceae
Betula pendula|Brassica oleracea|Capsella bursa-pastoris|Chenopodium album|Clematis|Clematis vitalba
Cirsium creticum|Cirsium creticum subsp. creticum|Cornus sericea|Cornus sericea subsp. occidentalis|× Cuprocyparis
× Cuprocyparis leylandii|Doellingeria umbellata|Echinacea purpurea|Epipactis|Festuca ovina|Galium album
Galium mollugo|Ginkgo biloba|Hieracium murorum|Hosta|Hydrangea macrophylla|Impatiens noli-tangere|Iris
Iris germanica|Isoetes lacustris|+ Laburnocytisus adamii|Mentha aquatica|Mentha × piperita|Myosotis
Myosotis scorpioides|Narcissus|Opuntia ficus-indica|Poa|Poa annua|Prunus domestica
Prunus domestica subsp. insititia|Quercus robur|Quercus x hispanica|Rhododendron|Rosa|Rosa canina
Rosa × damascena|Rubus fruticosus|Salix alba|Salix fragilis|Salix × rubens|Senecio jacobaea
Sideritis hyssopifolia|Sorbus aucuparia|Taraxacum officinale|Trifolium repens
Trifolium repens subsp. repens|Viola × wittrockiana"""

ACCEPTED = """\
Rosa canina L. | Rosa canina
Rosa canina L., 1753 | Rosa canina
ROSA CANINA L. | Rosa canina
rosa canina l. | Rosa canina
Rosa Canina | Rosa canina
rosa_canina | Rosa canina
rosa_canina_01 | Rosa canina | 01
rosa_canina_01.jpg | Rosa canina | 01
rosa-canina | Rosa canina
001.Rosa_canina | Rosa canina
12. Rosa canina | Rosa canina
05729_Plantae_Tracheophyta_Magnoliopsida_Asterales_Asteraceae_Achillea_millefolium | Achillea millefolium
Rosa canina. | Rosa canina
"Rosa canina" | Rosa canina
*Rosa canina* | Rosa canina
<i>Rosa canina</i> L. | Rosa canina
Rosa&nbsp;canina | Rosa canina
Rosa\u00a0canina\u200b | Rosa canina
Ｒｏｓａ ｃａｎｉｎａ | Rosa canina
Isoëtes lacustris | Isoetes lacustris
Rosa canina agg. | Rosa canina | agg.
Rosa canina L. agg. | Rosa canina | agg.
Rosa canina aggr. | Rosa canina | aggr.
Rosa canina coll. | Rosa canina | coll.
Rosa canina s.l. | Rosa canina | s.l.
Rosa canina s. lat. | Rosa canina | s. lat.
Rosa canina L. s. l. | Rosa canina | s. l.
Rosa canina sensu lato | Rosa canina | sensu lato
Rosa canina s. str. | Rosa canina | s. str.
Rosa canina sensu stricto | Rosa canina | sensu stricto
Rosa canina group | Rosa canina | group
Rosa canina-group | Rosa canina | group
Rosa canina complex | Rosa canina | complex
Rosa canina species complex | Rosa canina | species complex
Rosa canina aggregate | Rosa canina | aggregate
Taraxacum officinale F.H.Wigg. | Taraxacum officinale
Taraxacum officinale F.H.Wigg. agg. | Taraxacum officinale | agg.
Rosa canina - Hundsrose | Rosa canina | Hundsrose
Rosa canina – dog rose | Rosa canina | dog rose
Rosa canina: dog rose | Rosa canina | dog rose
Rosa canina (dog rose) | Rosa canina | (dog rose)
Rosa canina (Hundsrose) | Rosa canina | (Hundsrose)
Rosa canina L. (dog rose) | Rosa canina | (dog rose)
Rosa canina_Dog Rose | Rosa canina | Dog Rose
dog rose (Rosa canina) | Rosa canina | dog rose
Hundsrose - Rosa canina | Rosa canina | Hundsrose
Rosa canina, dog rose | Rosa canina | dog rose
Rosa canina, fruit | Rosa canina | fruit
Rosa canina in flower | Rosa canina | flower in
Rosa canina Blüte | Rosa canina | Blüte
Poa annua leaf | Poa annua | leaf
Poa annua leaf 2 | Poa annua | 2 leaf
Rosa canina 2 | Rosa canina | 2
Rosa canina #3 | Rosa canina | #3
Rosa canina (2) | Rosa canina | (2)
Rosa canina 🌹 | Rosa canina | 🌹
Rosa canina ♀ | Rosa canina
Rosa canina syn. Rosa lutetiana | Rosa canina | syn. Rosa lutetiana
Rosa canina = Rosa lutetiana | Rosa canina | = Rosa lutetiana
Rosa (Caninae) canina | Rosa canina | (Caninae)
Rosa canina [cultivated] | Rosa canina | (cultivated)
Rosa canina nom. nud. | Rosa canina
Rosa canina L., nom. cons. | Rosa canina
Rosa canina auct. non L. | Rosa canina
Rosa canina Mill. ex DC. | Rosa canina
Rosa canina Hook. f. in Hook. | Rosa canina
Rosa canina L.f. | Rosa canina
Rosa canina (L.) Mill. | Rosa canina
Rosa canina (Linnaeus) Miller, 1768 | Rosa canina
Rosa canina L. non Mill. | Rosa canina
Rosa sp. | Rosa | sp.
Rosa spec. | Rosa | spec.
Rosa spp. | Rosa | spp.
Rosa ssp. | Rosa | ssp.
Rosa sp. 1 | Rosa | 1 sp.
Rosa sp1 | Rosa | sp1
Rosa sp. A | Rosa | sp. A
Rosa sp. nov. | Rosa | sp. nov.
Rosa indet. | Rosa | indet.
Rosa hybrid | Rosa | hybrid
Rosa × | Rosa | ×
Rosa sect. Caninae | Rosa | sect. Caninae
Asteraceae sp. | Asteraceae | sp.
Asteraceae gen. et sp. indet. | Asteraceae | gen. et sp. indet.
indet. Asteraceae | Asteraceae
Rosa 'Peace' | Rosa | 'Peace'
Rosa “Peace” | Rosa | 'Peace'
Rosa 'Peace'® | Rosa | 'Peace'
Rosa 'Cunningham's White' | Rosa | 'Cunningham's White'
Rosa PEACE ('Madame A. Meilland') | Rosa | 'Madame A. Meilland'
Rosa cv. Kiese | Rosa | 'Kiese'
Clematis 'Jackmanii' | Clematis | 'Jackmanii'
Rosa canina 'Kiese' | Rosa canina | 'Kiese'
Rosa canina L. 'Kiese' | Rosa canina | 'Kiese'
Hydrangea macrophylla 'Endless Summer'™ | Hydrangea macrophylla | 'Endless Summer'
Acer palmatum 'Bloodgood' 3L | Acer palmatum | 'Bloodgood' 3L
Acer palmatum 'Dissectum' | Acer palmatum | 'Dissectum'
Acer palmatum Bloodgood | Acer palmatum | Bloodgood
Acer palmatum var. dissectum 'Crimson Queen' | Acer palmatum var. dissectum | 'Crimson Queen'
Acer palmatum var dissectum | Acer palmatum var. dissectum
Acer palmatum Thunb. var. dissectum (Thunb.) Miq. | Acer palmatum var. dissectum
Prunus domestica ssp. insititia | Prunus domestica subsp. insititia
Prunus domestica subsp.insititia | Prunus domestica subsp. insititia
Prunus domestica insititia | Prunus domestica subsp. insititia
Prunus domestica subsp. insititia var. syriaca | Prunus domestica subsp. insititia | var. syriaca
Brassica oleracea convar. capitata var. alba | Brassica oleracea | convar. capitata var. alba
Brassica oleracea (Italica Group) | Brassica oleracea | (Italica Group)
Trifolium repens repens | Trifolium repens subsp. repens
Cirsium creticum creticum | Cirsium creticum subsp. creticum
Rosa x damascena | Rosa × damascena
Rosa X Damascena | Rosa × damascena
Rosa ×damascena | Rosa × damascena
Rosa xdamascena | Rosa × damascena
Rosa * damascena | Rosa × damascena
Rosa &times; damascena | Rosa × damascena
Rosa &amp;times; damascena | Rosa × damascena
Rosa damascena Mill. | Rosa × damascena
Quercus xhispanica | Quercus x hispanica
Viola ×wittrockiana Gams ex Kappert | Viola × wittrockiana
x Cuprocyparis leylandii | × Cuprocyparis leylandii
xCuprocyparis leylandii | × Cuprocyparis leylandii
X Cuprocyparis leylandii | × Cuprocyparis leylandii
Cuprocyparis leylandii | × Cuprocyparis leylandii
+Laburnocytisus adamii | + Laburnocytisus adamii
+ Laburnocytisus adamii | + Laburnocytisus adamii
Salix × rubens (alba × fragilis) | Salix × rubens | (alba × fragilis)
Salix × rubens (S. alba × S. fragilis) | Salix × rubens | (S. alba × S. fragilis)
Salix × rubens (=S. alba L. × S. fragilis L.) | Salix × rubens | (=S. alba L. × S. fragilis L.)
Capsella bursa–pastoris | Capsella bursa-pastoris
Brassica oleracea Italica Group | Brassica oleracea | Italica Group
Hosta Fancy Purple gx | Hosta | Fancy Purple gx
Achillea millefolium-Gruppe | Achillea millefolium | Gruppe
Poa annua ss | Poa annua | ss
Poa annua (Moench) Garcke s.str. | Poa annua | s.str.
Rosa × damascena L. (pro sp.) | Rosa × damascena | (pro sp.)
Poa indeterminate | Poa | indeterminate
Hosta Tardiana Group | Hosta | Tardiana Group
Quercus robur ´Fastigiata´ | Quercus robur | 'Fastigiata'
Myosotis scorpioides L. em. Hill | Myosotis scorpioides
Dog rose (Rosa canina L.) | Rosa canina | Dog rose
Rosa canina (R. dumetorum) | Rosa canina | (R. dumetorum)
Rosa canina L., R. Br. | Rosa canina
Opuntia ficus indica | Opuntia ficus-indica
Opuntia ficus indica (L.) Mill. | Opuntia ficus-indica
Opuntia ficusindica | Opuntia ficus-indica
Impatiens noli tangere | Impatiens noli-tangere
Capsella Bursa-Pastoris | Capsella bursa-pastoris
Dog-Rose | Rosa canina
eglantier | Rosa canina
"""
SPELLING = """\
Rosa сanina | Rosa canina
Rоsа саnіnа | Rosa canina
Senecio jacobea | Senecio jacobaea
Gingko biloba | Ginkgo biloba
Taraxacum oficinale | Taraxacum officinale
Sorbus aucupariae | Sorbus aucuparia
"""
DOUBTFUL = """\
Rosa canina? | Rosa canina
Rosa canina？ | Rosa canina
?Rosa canina | Rosa canina
Rosa ?canina | Rosa canina
Rosa canina (?) | Rosa canina
Rosa canina L.? | Rosa canina
Rosa cf. canina | Rosa canina
Rosa cf canina | Rosa canina
Rosa CF. CANINA | Rosa canina
cf. Rosa canina | Rosa canina
Rosa canina cf. | Rosa canina
Rosa aff. canina | Rosa canina
Rosa nr. canina | Rosa canina
Rosa sp. aff. canina | Rosa canina
Rosa sp. (cf. R. canina) | Rosa canina
Rosa ex gr. canina | Rosa canina
Rosa (canina) | Rosa canina
Rosa [canina] | Rosa canina
probably Rosa canina | Rosa canina
Rosa canina, perhaps | Rosa canina
Rosa canina vermutlich | Rosa canina
Trifolium repens subsp. cf. repens | Trifolium repens subsp. repens
Rosa cf. rugosa | Rosa
"""
AMBIGUOUS = """\
Galium album/mollugo | Galium album, Galium mollugo
Galium album / G. mollugo | Galium album, Galium mollugo
Galium album or Galium mollugo | Galium album, Galium mollugo
Galium album vel mollugo | Galium album, Galium mollugo
Galium album & mollugo | Galium album, Galium mollugo
Rosa/Iris | Rosa, Iris
Rosa canina & Poa annua | Rosa canina, Poa annua
Rosa canina (Poa annua) | Rosa canina, Poa annua
Rosa canina, Poa annua | Rosa canina, Poa annua
Rosa canina; R. gallica | Rosa canina
Quercus robur & Q. petraea | Quercus robur
Poa annua, Poa pratensis | Poa annua
Galium album; Galium mollugo | Galium album, Galium mollugo
R. canina | Rosa canina
willow | Salix alba, Salix fragilis
"""
UNKNOWN = """\
Hosta sieboldiana | not in the list
Hosta sieboldiana 'Elegans' | not in the list
Poa annua2 | not the scientific name
Salix alba × fragilis | hybrid formula
Salix alba x S. fragilis | hybrid formula
Salix (alba × fragilis) | hybrid formula
Salix alba (× fragilis) | hybrid formula
Rosa can. | not the scientific name
Rosa canina x gallica | hybrid formula
Crataegus + Mespilus | hybrid formula
NA | there is no name
N/A | there is no name
unknown | there is no name
Unknown plant | there is no name
indet. | there is no name
none | there is no name
sp. | there is no name
Undescribed genus | there is no name
- | there is no name
? | there is no name
nan | there is no name
the red one by the gate | not the scientific name
https://example.org/rosa | not the scientific name
=SUM(A1) | not the scientific name
🌹 | not the scientific name
玫瑰 | not the scientific name
"""


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split(" | ")] for line in text.strip().splitlines()]


@pytest.fixture(scope="module")
def names() -> Resolver:
    authors = {"Rosa canina": "L.", "Iris germanica": "L.", "Salix alba": "L."}
    common = {
        "Rosa canina": (VernacularName("dog rose"), VernacularName("églantier", "fr")),
        "Salix alba": (VernacularName("willow"),),
        "Salix fragilis": (VernacularName("willow"),),
    }
    taxa = [
        Taxon.from_darwin_core({"scientificName": name, "scientificNameAuthorship": authors.get(name, "")})
        for line in LIST.splitlines()
        for name in line.split("|")
    ]
    return Resolver.of(
        Taxon(t.scientific_name, t.taxon_rank, common.get(t.scientific_name, ()), t.genus) for t in taxa
    )


def accepted(found: Resolution) -> str:
    assert found.how in ("exact", "synonym", "common name", "higher taxon"), found
    return found.taxon.scientific_name if found.taxon else ""


@pytest.mark.parametrize("row", rows(ACCEPTED), ids=lambda row: row[0])
def test_a_name_is_found_and_what_was_dropped_is_said(names: Resolver, row: list[str]) -> None:
    name, taxon, *dropped = row
    found = names.resolve(name)
    assert (accepted(found), " ".join(found.dropped)) == (taxon, " ".join(dropped))


@pytest.mark.parametrize("row", rows(SPELLING), ids=lambda row: row[0])
def test_other_letters_are_a_spelling(names: Resolver, row: list[str]) -> None:
    found = names.resolve(row[0])
    assert (found.how, found.taxon and found.taxon.scientific_name) == ("spelling", row[1])
    assert "(spelling)" in said(found.note)


@pytest.mark.parametrize("row", rows(DOUBTFUL), ids=lambda row: row[0])
def test_doubt_leaves_a_name_out_unless_the_genus_is_enough(names: Resolver, row: list[str]) -> None:
    found = names.resolve(row[0])
    assert (found.how, found.taxon, found.listed) == ("doubtful", None, row[1])
    assert f"may mean {row[1]}" in said(found.error)
    if row[1] != "Rosa":
        assert found.at_genus.how in ("higher taxon", "doubtful")
        assert not row[1].startswith("Rosa") or accepted(found.at_genus) == "Rosa"


@pytest.mark.parametrize("row", rows(AMBIGUOUS), ids=lambda row: row[0])
def test_several_names_are_ambiguous(names: Resolver, row: list[str]) -> None:
    found = names.resolve(row[0])
    assert (found.how, found.taxon) == ("ambiguous", None)
    assert [taxon.scientific_name for taxon in found.candidates] == row[1].split(", ")


@pytest.mark.parametrize("row", rows(UNKNOWN), ids=lambda row: row[0])
def test_an_unknown_name_is_refused_with_the_reason(names: Resolver, row: list[str]) -> None:
    found = names.resolve(row[0])
    assert (found.how, found.taxon) == ("unknown", None)
    assert row[1] in said(found.error)


@pytest.mark.parametrize("name", ["R" * 300, "Rosa\x00canina", ""])
def test_what_cannot_be_a_name_is_refused_in_one_line(names: Resolver, name: str) -> None:
    line = said(names.resolve(name).error)
    assert "Rosa canina" in line
    assert "\n" not in line
    assert len(line) < 300


@pytest.mark.parametrize("name", ["Cucurbita maxima", "Briza maxima L.", "Androsace × maxima"])
def test_an_epithet_is_not_taken_for_a_word_of_the_author(name: str) -> None:
    found = as_given(name)
    assert found.taxon
    assert (found.taxon.scientific_name.endswith(" maxima"), found.taxon.taxon_rank) == (True, "species")


@pytest.mark.skipif(not CASES.exists(), reason="the shared cases are not there")
def test_the_shared_cases(names: Resolver) -> None:
    words = {"exact": "accepted", "higher taxon": "accepted"}
    for line in CASES.read_text(encoding="utf-8").splitlines()[1:]:
        name, result, taxa = (*line.split("\t"), "")[:3]
        found = names.resolve(name)
        listed = [t.scientific_name for t in ((found.taxon,) if found.taxon else found.candidates)]
        assert (words.get(found.how, found.how), "" if result == "unknown" else "|".join(listed)) == (
            result,
            taxa,
        )


@pytest.mark.parametrize(
    ("name", "taxon", "author", "rank"),
    [
        ("rosa canina L.", "Rosa canina", "L.", "species"),
        ("Rosa canina (L.) Müll.Arg.", "Rosa canina", "(L.) Müll.Arg.", "species"),
        ("Rosa x alba", "Rosa × alba", "", "species"),
        ("Rosa canina ssp. andegavensis", "Rosa canina subsp. andegavensis", "", "subspecies"),
        ("Trifolium repens repens", "Trifolium repens repens", "", "subspecies"),
        ("Rosa canina 'Kiese'", "Rosa canina", "", "species"),
        ("Rosa sp. 1", "Rosa", "", "genus"),
        ("Rosaceae indet.", "Rosaceae", "", "family"),
        ("+Laburnocytisus adamii", "+ Laburnocytisus adamii", "", "species"),
    ],
)
def test_a_name_without_a_list_is_read_in_the_same_way(name: str, taxon: str, author: str, rank: str) -> None:
    found = as_given(name).taxon
    assert found
    assert (found.scientific_name, found.scientific_name_authorship, found.taxon_rank) == (
        taxon,
        author,
        rank,
    )


@pytest.mark.parametrize(
    "name", ["Rosa cf. canina", "Rosa canina?", "NA", "Rosa/Rubus", "the red one by the gate", "Poa annua2"]
)
def test_what_is_not_the_name_of_one_taxon_is_left_out_without_a_list_too(name: str) -> None:
    assert as_given(name).taxon is None
    with pytest.raises(DataError):
        resolve_typed(name, Resolver.of([]))


def test_a_typed_name_may_be_new_and_keeps_its_cultivar(names: Resolver) -> None:
    for typed, meant in (
        ("rosa canina L.", "Rosa canina"),
        ("dog rose", "Rosa canina"),
        ("Rosa canina 'Kiese'", "Rosa canina 'Kiese'"),
        ("Monstera deliciosa Liebm.", "Monstera deliciosa"),
        ("Taraxacum oficinale", "Taraxacum officinale"),
    ):
        taxon = resolve_typed(typed, names).taxon
        assert taxon
        assert taxon.scientific_name == meant
    as_typed = resolve_typed("Taraxacum oficinale", names, may_be_misspelt=False).taxon
    assert as_typed
    assert as_typed.scientific_name == "Taraxacum oficinale"
    with pytest.raises(DataError) as refused:
        resolve_typed("willow", names)
    assert "Salix alba | Salix fragilis" in said(refused.value)


def test_an_aggregate_in_a_list_has_all_spellings() -> None:
    names = Resolver.of([Taxon("Rubus fruticosus agg."), Taxon("Rosa canina"), Taxon("Rosa canina agg.")])
    for mark in ("agg.", "coll.", "s.l.", "sensu lato", "group", "complex"):
        for plant in ("Rubus fruticosus", "Rosa canina"):
            found = names.resolve(f"{plant} {mark}")
            assert (found.how, found.taxon) == ("exact", Taxon(f"{plant} agg."))
    assert names.resolve("Rosa canina").taxon == Taxon("Rosa canina")
    assert names.resolve("Rubus fruticosus").how == "ambiguous"


@given(st.text(max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    written = read_written_name(" ".join(text.split()))
    assert written.parts is None or written.parts.canonical
    found = as_given(text)
    assert found.taxon or len(said(found.error)) < 500


@pytest.mark.parametrize("name", ["Briza maxima", "Primula minima", "Viola media"])
def test_an_epithet_that_is_also_a_word_of_remarks_is_an_epithet(name: str) -> None:
    taxon = as_given(name).taxon
    assert taxon
    assert taxon.scientific_name == name
