"""Message catalogues: complete in every language, and the only source of messages."""

import re
from pathlib import Path

import pytest
from fluent.syntax import FluentParser, ast
from fluent.syntax.visitor import Visitor
from hostile_images import write_hostile_images
from paths import ROOT

from dalip.errors import DalipError, ImageError, JournalError
from dalip.photos import open_image
from dalip.taxonomy import Taxon
from dalip_app.messages.errors import describe, sentence_about
from dalip_app.messages.language import LANGUAGES, language, preferred
from dalip_index import Observation, hazard_of
from tests.app.messages.raised import errors_raised, words_in_code

TEXTS = ROOT / "app" / "dalip_app" / "messages" / "texts"
PAGE = "[!e]*.ftl"  # all files but those of errors
OTHERS = [code for code in LANGUAGES if code != "en"]


class Facts(Visitor):
    """Collects the facts that a message uses."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_VariableReference(self, node: ast.VariableReference) -> None:
        self.names.add(node.id.name)


def texts(code: str, files: str) -> dict[str, set[str]]:
    """Return the facts of each message in some files of a language, by key."""
    found: dict[str, set[str]] = {}
    for path in sorted((TEXTS / code).glob(files)):
        for entry in FluentParser().parse(path.read_text(encoding="utf-8")).body:
            assert not isinstance(entry, ast.Junk), (path.name, entry.content)
            if isinstance(entry, ast.Message):
                assert entry.id.name not in found, f"{path.name}: {entry.id.name} stands there twice"
                facts = Facts()
                facts.visit(entry)
                found[entry.id.name] = facts.names
    return found


def error_texts(code: str) -> dict[str, set[str]]:
    """Return the facts of the message for each kind of error, except `medium`, which is always set."""
    return {
        key.removeprefix("error-"): facts - {"medium"} for key, facts in texts(code, "errors*.ftl").items()
    }


def test_there_are_english_and_french() -> None:
    assert LANGUAGES[0] == "en"
    assert "fr" in LANGUAGES


@pytest.mark.parametrize("code", LANGUAGES)
def test_messages_are_in_the_expected_file(code: str) -> None:
    assert not [key for key in texts(code, PAGE) if key.startswith("error-")]
    assert not [key for key in texts(code, "errors*.ftl") if not key.startswith("error-")]
    assert texts(code, "*.ftl")  # also checks that keys are unique across files


@pytest.mark.parametrize("code", OTHERS)
def test_every_page_message_exists_in_every_language_with_its_facts(code: str) -> None:
    english, other = texts("en", PAGE), texts(code, PAGE)
    assert other.keys() == english.keys()
    assert {key: facts for key, facts in other.items() if facts != english[key]} == {}


@pytest.mark.parametrize("code", OTHERS)
def test_error_messages_in_every_language_match_english(code: str) -> None:
    english, other = error_texts("en"), error_texts(code)
    assert other.keys() - english.keys() == set()
    assert {kind: facts for kind, facts in other.items() if facts != english[kind]} == {}


@pytest.mark.parametrize("code", OTHERS)
def test_no_message_is_left_in_english(code: str) -> None:
    english, other = language("en"), language(code)
    keys = texts(code, "*.ftl")
    facts = dict.fromkeys(set().union(*keys.values()), 3) | {"plant": "Bellis", "medium": "page"}
    same = [key for key in keys if english(key, **facts) == other(key, **facts)]
    # Words that French and English share, and the example query, because the encoder expects English.
    shared = {"journal-date", "journal-notes", "journal-size", "library-photos", "rank", "search-found"}
    assert set(same) <= shared | {"search-example"}, same


def test_the_code_uses_every_page_message_and_no_other() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "app" / "dalip_app").rglob("*.py"))
    said = set(re.findall(r"""["']([a-z]+(?:-[a-z]+)*)["']""", code))
    begun = tuple(re.findall(r"""\bsay\(f["']([a-z-]+)\{""", code))  # such as f"kept-{said}"
    english = texts("en", "*.ftl")
    assert [key for key in texts("en", PAGE) if key not in said and not key.startswith(begun)] == []
    assert [key for key in re.findall(r"""\bsay\(\s*["']([^"'{]+)["']""", code) if key not in english] == []


def test_every_raised_error_has_a_message_and_its_facts() -> None:
    english = error_texts("en")
    raised = errors_raised()
    assert len(raised) > 50  # the search found them
    untold = [f"{error.place}: {error.kind}" for error in raised if error.kind not in english]
    assert untold == []
    lacking = [
        f"{error.place}: {error.kind} without {', '.join(sorted(missing))}"
        for error in raised
        if not error.open and (missing := english.get(error.kind, set()) - error.facts)
    ]
    assert lacking == []


def test_every_error_message_belongs_to_a_raised_error() -> None:
    assert sorted(error_texts("en").keys() - words_in_code()) == []


ON_THE_PAGE = (
    *(
        "dalip/photos/",
        "index/dalip_index/library/",
        "index/dalip_index/journal/",
        "index/dalip_index/sqlite.py",
    ),
    *("app/dalip_app/page/", "app/dalip_app/server/indexing.py"),
)
"""Where errors are raised that the page may show to visitors."""


@pytest.mark.parametrize("code", OTHERS)
def test_errors_that_the_page_shows_have_a_message_in_every_language(code: str) -> None:
    known = error_texts(code)
    untold = {error.kind for error in errors_raised() if error.place.startswith(ON_THE_PAGE)} - known.keys()
    assert sorted(untold) == []


def test_error_messages_can_stand_alone_or_after_their_source() -> None:
    for kind, facts in error_texts("en").items():
        for medium in ("command", "page", "api"):
            text = language()(f"error-{kind}", **dict.fromkeys(facts, 3), medium=medium)
            assert not text.endswith((".", ";", " ")), kind
            assert "\n" not in text, kind


def test_numbers_and_plurals_follow_the_language() -> None:
    assert [language("en")("flora-found", plants=n) for n in (0, 1, 1234)] == [
        *("0 plants.", "1 plant.", "1,234 plants.")
    ]
    assert [language("fr")("flora-found", plants=n) for n in (0, 1, 1234)] == [
        *("0 plante.", "1 plante.", "1\u202f234 plantes.")
    ]


def test_a_missing_message_or_fact_is_an_error() -> None:
    with pytest.raises(LookupError):
        language()("no-such-text")
    with pytest.raises(LookupError, match="answer-sure"):
        language()("answer-sure")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("fr-CH, fr;q=0.9, en;q=0.8, *;q=0.5", "fr"),
        ("FR", "fr"),
        ("en-GB,en;q=0.9,fr;q=0.8", "en"),
        ("de, fr;q=0.3, en;q=0.5", "en"),
        ("de, fr;q=0.3", "fr"),
        ("fr;q=0", "en"),
        ("fr;q=x, , ;;", "en"),
        ("xx", "en"),
        ("", "en"),
    ],
)
def test_a_visitor_gets_the_language_that_the_browser_requests(header: str, code: str) -> None:
    assert preferred(header) == code


def test_photo_errors_are_explained_in_every_language(tmp_path: Path) -> None:
    hostile = write_hostile_images(tmp_path)
    for name in ("empty", "text", "truncated_jpeg", "bomb"):
        with pytest.raises(ImageError) as caught:
            open_image(hostile[name].read_bytes())
        english, french = (sentence_about(caught.value, language(code)) for code in ("en", "fr"))
        assert re.fullmatch("The (file|photo) .+; .+[.]", english)
        assert re.fullmatch("(Ce fichier|Cette photo) .+\u00a0; .+[.]", french)
    with pytest.raises(JournalError) as wrong:
        Observation("1", "", "A", "species", "", None, "unsure", event_date="soon")
    assert sentence_about(wrong.value, language("fr")).startswith("soon n’est pas une date")


def test_an_error_states_its_source_its_facts_and_its_causes() -> None:
    cause = ImageError("image-too-large", width=50_000, height=40_000, million=400, source="red.png")
    assert describe(cause) == (
        "red.png: the photo has 50,000 x 40,000 pixels, more than the limit of 400 million; make it smaller"
    )
    assert describe(DalipError("flora-not-reloaded", cause=cause)) == (
        "red.png: the photo has 50,000 x 40,000 pixels, more than the limit of 400 million; make it smaller; "
        "until this is fixed, the server keeps using the flora that it has already loaded"
    )
    listed = DalipError("folder-without-photos", source="garden", readable=(".png", ".jpg"))
    assert describe(listed.about("import.zip")) == (
        "import.zip: garden: the folder contains no photos; looked for .png, .jpg"
    )


def test_long_values_are_cut_in_the_middle() -> None:
    """Fluent rejects values over 2,500 characters; a name of 5,000 must not hide the problem with it."""
    long = "x" * 5000
    cause = ImageError("image-not-read", source=long, cause=[long, long])
    line = describe(DalipError("flora-not-reloaded", source=long, cause=cause))
    assert line.startswith(f"{long[:1000]}…")
    assert line.endswith("keeps using the flora that it has already loaded")


@pytest.mark.parametrize("number", [10**30, 1e300, float("inf"), float("nan"), -(10**400)])
def test_numbers_from_damaged_files_are_formatted(number: float) -> None:
    for code in ("en", "fr"):
        assert describe(DalipError("upload-number", most=number), language(code))
        assert describe(DalipError("database-newer", version=number, known=1), language(code))


def test_versions_have_no_thousands_separators() -> None:
    newer = DalipError("database-newer", version=2024, known=1000)
    assert "has version 2024, but this version of DALIP supports only up to 1000;" in describe(newer)
    assert "en version 2024, mais" in describe(newer, language("fr"))
    setting = DalipError("setting-accumulate", value=2048, most=1024)
    assert describe(setting) == "accumulate = 2048: must be at most the batch size of a process, 1024"


def test_the_remedy_fits_the_medium() -> None:
    empty = DalipError("library-empty")
    assert describe(empty).endswith("add photos with `dalip library add FOLDER`")
    assert sentence_about(empty, language()) == "The library is empty; add a folder of photos below."
    french = "La photothèque est vide\u00a0; ajoutez un dossier de photos ci-dessous."
    assert sentence_about(empty, language("fr")) == french


def test_a_sentence_leaves_names_unchanged() -> None:
    lost = ImageError("image-empty", source="red.png")
    assert sentence_about(lost, language()) == ("red.png: the file is empty; copy or download it again.")
    assert sentence_about(lost, language("fr")).startswith("red.png\u00a0: ce fichier est vide")


def test_an_untranslated_error_falls_back_to_english() -> None:
    lost = DalipError("certificate-missing")
    assert describe(lost, language("fr")) == describe(lost, language("en"))
    with pytest.raises(LookupError):
        describe(DalipError("of-no-text"))


def test_hazards_are_described_in_every_language() -> None:
    hazard = hazard_of(Taxon("Conium", "genus"))
    assert hazard is not None
    assert hazard.how_in("fr") not in ("", hazard.how)
    assert hazard.how_in("en") == hazard.how_in("xx") == hazard.how
