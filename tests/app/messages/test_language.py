"""The catalogues of texts: complete in every language, and nothing said but what stands in them."""

import re
from pathlib import Path

import pytest
from fluent.syntax import FluentParser, ast
from fluent.syntax.visitor import Visitor
from hostile_images import write_hostile_images
from paths import ROOT

from dalip.errors import DalipError, ImageError, JournalError
from dalip.photos import open_image
from dalip_app.messages.language import LANGUAGES, language, preferred
from dalip_index import Observation
from dalip_index.flora import hazards

TEXTS = ROOT / "app" / "dalip_app" / "messages" / "texts"
OTHERS = [code for code in LANGUAGES if code != "en"]


class Facts(Visitor):
    """Collects the facts that a text names."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_VariableReference(self, node: ast.VariableReference) -> None:
        self.names.add(node.id.name)


def texts(code: str) -> dict[str, set[str]]:
    """Give the facts of every text, by its key."""
    found: dict[str, set[str]] = {}
    for entry in FluentParser().parse((TEXTS / f"{code}.ftl").read_text(encoding="utf-8")).body:
        assert not isinstance(entry, ast.Junk), entry.content
        if isinstance(entry, ast.Message):
            assert entry.id.name not in found, f"{entry.id.name} stands there twice"
            facts = Facts()
            facts.visit(entry)
            found[entry.id.name] = facts.names
    return found


def test_there_are_english_and_french() -> None:
    assert LANGUAGES[0] == "en"
    assert "fr" in LANGUAGES


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_is_there_in_every_language_with_its_facts(code: str) -> None:
    english, other = texts("en"), texts(code)
    assert other.keys() == english.keys()
    assert {key: facts for key, facts in other.items() if facts != english[key]} == {}


@pytest.mark.parametrize("code", OTHERS)
def test_no_text_was_left_in_english(code: str) -> None:
    english, other = language("en"), language(code)
    facts = dict.fromkeys(set().union(*texts("en").values()), 3) | {"plant": "Bellis"}
    same = [key for key in texts("en") if english(key, **facts) == other(key, **facts)]
    # Words that French and English share, and what the encoder is asked in English.
    shared = {"journal-date", "journal-notes", "journal-size", "library-photos", "rank", "search-found"}
    assert set(same) <= shared | {"search-example"}, same


def test_the_code_says_all_of_it_and_nothing_else() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("app/dalip_app", "index/dalip_index", "dalip")
        for path in (ROOT / folder).rglob("*.py")
    )
    said = set(re.findall(r"""["']([a-z]+(?:-[a-z]+)*)["']""", code))
    said |= {f"error-{kind}" for kind in said}
    begun = tuple(re.findall(r"""\bsay\(f["']([a-z-]+)\{""", code))  # such as f"kept-{said}"
    unsaid = [key for key in texts("en") if key not in said and not key.startswith(begun)]
    assert unsaid == []
    for key in re.findall(r"""\bsay\(\s*["']([^"'{]+)["']""", code):
        assert key in texts("en"), key


def test_numbers_and_plurals_are_those_of_the_language() -> None:
    assert [language("en")("flora-found", plants=n) for n in (0, 1, 1234)] == [
        *("0 plants.", "1 plant.", "1,234 plants.")
    ]
    assert [language("fr")("flora-found", plants=n) for n in (0, 1, 1234)] == [
        *("0 plante.", "1 plante.", "1\u202f234 plantes.")
    ]


def test_a_missing_text_or_fact_is_an_error() -> None:
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
def test_a_visitor_gets_the_language_that_the_browser_asks_for(header: str, code: str) -> None:
    assert preferred(header) == code


def test_what_is_wrong_with_a_photo_is_said_in_every_language(tmp_path: Path) -> None:
    hostile = write_hostile_images(tmp_path)
    for name in ("empty", "text", "truncated_jpeg", "bomb"):
        with pytest.raises(ImageError) as caught:
            open_image(hostile[name].read_bytes())
        english, french = language("en").error(caught.value), language("fr").error(caught.value)
        assert english.startswith("This file ")
        assert french.startswith("Ce fichier ")
    with pytest.raises(JournalError) as wrong:
        Observation("1", "", "A", "species", "", None, "unsure", event_date="soon")
    assert language("fr").error(wrong.value).startswith("soon n’est pas une date")


def test_an_error_without_a_text_is_said_as_it_is() -> None:
    assert language("fr").error(DalipError("a thing: is wrong; mend it")) == "A thing: is wrong; mend it."
    assert language("fr").error(DalipError("a thing", "of-no-text", number=1)) == "A thing."


def test_harm_is_told_in_every_language() -> None:
    for hazard in hazards._listed():
        assert hazard.how_in("fr") not in ("", hazard.how)
        assert hazard.how_in("en") == hazard.how_in("xx") == hazard.how
