"""A flora keeps the synonyms of its taxa, so that photos and people may use them."""

from pathlib import Path

from dalip.datasets.names.resolver import Resolver
from dalip.taxonomy import Taxon
from dalip_index.store.catalogue import CATALOGUE, read_taxa, write_catalogue


def test_synonyms_are_kept_and_resolved(tmp_path: Path) -> None:
    taxa = (
        Taxon("Lysimachia arvensis", synonyms=("Anagallis arvensis", "Anagallis latifolia")),
        Taxon("Rosa canina"),
    )
    write_catalogue(tmp_path / CATALOGUE, taxa, [], [], [])
    read = read_taxa(tmp_path)
    assert [taxon.synonyms for taxon in read] == [taxa[0].synonyms, ()]
    found = Resolver.of(read).resolve("Anagallis arvensis L.")
    assert (found.how, found.taxon) == ("synonym", read[0])
