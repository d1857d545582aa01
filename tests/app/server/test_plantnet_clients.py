"""Answers of the API, read with the models of published Pl@ntNet clients: a field that is absent or null, or has
another type than theirs, fails here as it would there.

Written from the documented models of these clients, which are strict in different ways:
Swift    `IdentificationDTO` of github.com/misteu/plantnet-swift (Codable: absent or null fields throw)
Dart     classes generated from https://my.plantnet.org/doc/openapi by swagger_parser (casts throw)
Kotlin   data classes read by kotlinx.serialization or Gson, as in Android apps that use Retrofit
R        `simplifyPN` of github.com/BiologicalRecordsCentre/plantnet
Python   `identify_by_url` and others of github.com/kelesfatih/PlantNetAPI-Python
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from dalip.taxonomy import Taxon
from dalip_app.server.plantnet import listed_species, spoken
from tests.app.conftest import World, paint
from tests.app.serving import Served, serving


class Id(msgspec.Struct):
    id: str


class Taxonomy(msgspec.Struct):
    scientificNameWithoutAuthor: str
    scientificNameAuthorship: str
    scientificName: str


class Species(Taxonomy):
    genus: Taxonomy
    family: Taxonomy
    commonNames: list[str]


class Url(msgspec.Struct):
    o: str
    m: str
    s: str


class Image(msgspec.Struct):
    organ: str
    author: str
    license: str
    citation: str
    url: Url


class Iucn(msgspec.Struct):
    id: str
    category: str


class Query(msgspec.Struct):
    project: str
    images: list[str]
    organs: list[str]
    includeRelatedImages: bool
    noReject: bool
    type: str | msgspec.UnsetType = msgspec.UNSET


class Result(msgspec.Struct):
    score: float
    species: Species
    images: list[Image] | msgspec.UnsetType = msgspec.UNSET
    gbif: Id | msgspec.UnsetType = msgspec.UNSET
    powo: Id | msgspec.UnsetType = msgspec.UNSET
    iucn: Iucn | msgspec.UnsetType = msgspec.UNSET


class OtherGenus(msgspec.Struct):
    score: float
    genus: Taxonomy


class OtherFamily(msgspec.Struct):
    score: float
    family: Taxonomy


class OtherResults(msgspec.Struct):
    genus: list[OtherGenus]
    family: list[OtherFamily]


class PredictedOrgan(msgspec.Struct):
    image: str
    filename: str
    organ: str
    score: float


class Identified(msgspec.Struct):
    query: Query
    predictedOrgans: list[PredictedOrgan]
    language: str
    preferedReferential: str
    bestMatch: str
    results: list[Result]
    version: str
    remainingIdentificationRequests: int
    switchToProject: str | msgspec.UnsetType = msgspec.UNSET
    otherResults: OtherResults | msgspec.UnsetType = msgspec.UNSET


class Listed(msgspec.Struct):
    id: str
    scientificNameWithoutAuthor: str
    scientificNameAuthorship: str
    commonNames: list[str]
    gbifId: str | msgspec.UnsetType = msgspec.UNSET
    powoId: str | msgspec.UnsetType = msgspec.UNSET


class Project(msgspec.Struct):
    id: str
    title: str
    description: str
    speciesCount: int


class Used(msgspec.Struct):
    count: int
    total: int
    remaining: int


class Quota(msgspec.Struct):
    day: str
    quota: dict[str, Used]


class Error(msgspec.Struct):
    statusCode: int
    error: str
    message: str


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(world, tmp_path_factory.mktemp("clients"), "--fetch-photos") as served:
        yield served
        assert served.errors() == ""


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


def identified(client: httpx.Client, photo: Path, project: str = "all", **query: Any) -> Identified:
    fields = {name.replace("_", "-"): value for name, value in query.items()}
    files = {"images": (photo.name, photo.read_bytes(), "image/jpeg")}
    data = {"organs": "flower"}
    response = client.post(f"/v2/identify/{project}", params=fields, files=files, data=data)
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=Identified)


def test_an_answer_has_the_types_of_typed_clients(client: httpx.Client, tmp_path: Path) -> None:
    red = paint(tmp_path / "red.jpg", "red")
    for query in ({}, {"nb_results": 1}, {"include_related_images": "true", "no_reject": "true"}):
        answer = identified(client, red, lang="en", **query)
        assert answer.bestMatch == answer.results[0].species.scientificName == "Flos red"
        assert answer.query.organs == ["flower"]
        assert answer.otherResults is msgspec.UNSET
    assert identified(client, red, include_related_images="true").results[0].images == []
    assert identified(client, red, type="kt").query.type == "kt"


def test_simplify_of_the_r_client_finds_a_common_name(client: httpx.Client, tmp_path: Path) -> None:
    """It takes the first common name of each result without looking whether there is one."""
    for language in ("en", "de", "xx"):
        answer = identified(client, paint(tmp_path / "blue.jpg", "blue"), lang=language, nb_results=1)
        assert [one.species.commonNames[0] for one in answer.results]


def test_detailed_answers_have_scores_of_genera_and_families(client: httpx.Client, tmp_path: Path) -> None:
    red = paint(tmp_path / "red.jpg", "red")
    answer = identified(client, red, detailed="true", nb_results=1)
    assert len(answer.results) == 1
    assert isinstance(answer.otherResults, OtherResults)
    (genus,), (family,) = answer.otherResults.genus, answer.otherResults.family
    assert (genus.genus.scientificName, family.family.scientificName) == ("Flos", "Coloraceae")
    assert answer.results[0].score <= genus.score == family.score <= 1


@pytest.mark.parametrize(
    "project", ["all", "best", "k-world-flora", "k-western-europe", "the-plant-list", "weurope", "flora"]
)
def test_names_of_their_floras_stand_for_ours(client: httpx.Client, tmp_path: Path, project: str) -> None:
    answer = identified(client, paint(tmp_path / "red.jpg", "red"), project)
    assert (answer.query.project, answer.preferedReferential) == (project, "flora")


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        *(("en", "en"), ("de", "de"), ("de-at", "de"), ("de_DE", "de"), ("DE", "de"), ("fr-FR", "fr")),
        *(
            ("pt_br", "pt-BR"),
            ("pt-BR", "pt-BR"),
            ("pt", "pt-BR"),
            ("zh-Hant-TW", "zh-Hant"),
            ("zh", "zh-Hans"),
        ),
        *(("xx", "en"), ("", "en"), ("--", "en"), ("e", "en"), ("eng", "en")),
    ],
)
def test_the_language_of_an_answer(wanted: str, language: str) -> None:
    assert spoken(wanted, ["en", "de", "fr", "pt-BR", "zh-Hans", "zh-Hant"]) == language


def test_the_answer_tells_its_language(client: httpx.Client, tmp_path: Path) -> None:
    for wanted, language, name in (("de-CH", "de", "blue Blume"), ("xx", "en", "blue flower")):
        answer = identified(client, paint(tmp_path / "blue.jpg", "blue"), lang=wanted)
        assert (answer.language, answer.results[0].species.commonNames) == (language, [name])


def test_lists_have_the_types_of_typed_clients(client: httpx.Client) -> None:
    def got(path: str, kind: Any, **query: Any) -> Any:
        return msgspec.json.decode(client.get(path, params=query).content, type=kind)

    assert got("/v2/_status", dict[str, str]) == {"status": "ok"}
    assert got("/v2/languages", list[str]) == ["de", "en"]
    assert got("/v2/projects", list[Project], lang="fr", type="kt", lat=43.6, lon=3.9)[0].id == "flora"
    assert got("/v2/quota/daily", Quota, day="2026-01-01").quota["identify"].remaining > 0
    listed = got("/v2/species", list[Listed], lang="de", type="kt")
    assert len(listed) == 10
    assert got("/v2/projects/k-world-flora/species", list[Listed], lang="de") == listed
    paged = [got("/v2/species", list[Listed], lang="de", pageSize=4, page=page) for page in (1, 2, 3, 4)]
    assert [one for page in paged for one in page] == listed
    (red,) = got("/v2/species", list[Listed], prefix="flos RED", lang="de")
    assert (red.id, red.gbifId) == ("Flos red", msgspec.UNSET)


def test_links_to_gbif_and_powo_give_identifiers() -> None:
    links = (
        "https://en.wikipedia.org/wiki/Acer",
        "https://www.gbif.org/species/3189846",
        "https://powo.science.kew.org/taxon/urn:lsid:ipni.org:names:781354-1",
    )
    listed = listed_species(Taxon("Acer campestre", references=links), "en")
    assert (listed.gbifId, listed.powoId) == ("3189846", "urn:lsid:ipni.org:names:781354-1")


def test_errors_have_the_types_of_typed_clients(client: httpx.Client) -> None:
    for method, path in (
        *(("GET", "/v2/identify/all"), ("POST", "/v2/identify/all"), ("POST", "/v2/identify/mars")),
        *(("GET", "/v2/nothing"), ("GET", "/health/nothing"), ("GET", "/v2/species?pageSize=x")),
    ):
        response = client.request(method, path)
        error = msgspec.json.decode(response.content, type=Error)
        assert error.statusCode == response.status_code >= 400
    wrong = msgspec.json.decode(client.get("/health", headers={"host": "x.example"}).content, type=Error)
    assert wrong.statusCode == 400


@pytest.mark.parametrize(
    "address",
    [
        *("http://127.0.0.1/a.jpg", "http://localhost/a.jpg", "http://[::1]/a.jpg", "http://0.0.0.0/a.jpg"),
        *("http://10.0.0.1/a.jpg", "http://169.254.169.254/latest/meta-data/", "http://192.168.1.1/a.jpg"),
        *(
            "http://[::ffff:127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://2130706433/",
        ),
        *("http://0x7f.1/a.jpg", "http://127.1/a.jpg", "http://[fe80::1]/", "http://224.0.0.1/"),
        *(
            "file:///etc/passwd",
            "ftp://example.org/a.jpg",
            "gopher://127.0.0.1",
            "a.jpg",
            "",
            "http://",
            "http://[x",
        ),
        *("http://a@127.0.0.1/", "http://192.0.2.1:22/", "http://192.0.2.1:x/", "http://192.0.2.1:99999/"),
        *("http://" + "a" * 300 + ".example/", "http://a..b/", "http://\u0000/", "javascript:alert(1)"),
    ],
)
def test_no_address_leads_into_the_network_of_the_server(client: httpx.Client, address: str) -> None:
    response = client.get("/v2/identify/all", params={"images": address})
    assert response.status_code == 400, response.text
    assert msgspec.json.decode(response.content, type=Error).message.startswith("image 1: ")
