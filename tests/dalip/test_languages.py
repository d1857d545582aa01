"""Languages of common names are read as codes of two or three letters, with script or region, and as names."""

import pytest

from dalip.languages import read_language


@pytest.mark.parametrize(
    ("word", "language"),
    [
        ("en", "en"),
        ("DE ", "de"),
        ("eng", "en"),
        ("ger", "de"),
        ("deu", "de"),
        ("fre", "fr"),
        ("zho", "zh"),
        ("cmn", "zh"),
        ("zh-Hans", "zh"),
        ("zh_Hant_TW", "zh"),
        ("pt-BR", "pt"),
        ("pt_br", "pt"),
        ("en-GB", "en"),
        ("es-419", "es"),
        ("English", "en"),
        ("Français", "fr"),
        ("haw", "haw"),
        ("note", ""),
        ("oak", ""),
        ("12", ""),
        ("", ""),
        ("English oak", ""),
    ],
)
def test_languages(word: str, language: str) -> None:
    assert read_language(word) == language
