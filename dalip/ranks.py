"""The ranks that a taxon may have, and how lists, exports and people write them.

Sources: the rank vocabularies of GBIF, Catalogue of Life and iNaturalist, the codes of TAXREF, the numbers of ITIS.
"""

import unicodedata
from functools import lru_cache

__all__ = ["RANKS", "is_other_rank", "is_unranked", "read_rank"]

RANKS = ("order", "family", "genus", "species", "subspecies", "variety", "form", "cultivar")
"""Ranks a taxon may have, from the widest to the narrowest."""

_SPELLINGS = {
    "order": "ordo ordre ordnung orden ordem ordine orde ordning or 100",
    "family": "familia famille familie famiglia familj fam fm 140",
    "genus": "gen genre gattung genero geslacht genere slakte nothogenus hybridgenus genushybrid hybridogenus gn 180",
    "species": "sp spec espece art especie specie soort hybrid hybride hibrido hybridspecies specieshybrid "
    "nothospecies nothosp artificialhybrid naturalhybrid speciesaggregate aggregate aggregatespecies agg complex "
    "speciescomplex microspecies agamospecies agamosp semispecies es ages hyb mes smes 220",
    "subspecies": "subsp ssp sousespece unterart subespecie sottospecie ondersoort underart nothosubspecies nothosubsp "
    "nothossp infraspecies infraspecificname infraspecific infraspecifictaxon infrasp infrahybrid sses 230",
    "variety": "var varietas varietat variete variedad variedade varieta varieteit varietet nothovariety nothovarietas "
    "nothovar botanicalvariety subvariety subvarietas subvar convariety convarietas convar cvar svar 240",
    "form": "f fo forma forme vorm nothoform nothoforma nothof subform subforma subf ssfo 260",
    "cultivar": "cv cultivated sorte sort cultivargroup grex graftchimaera",
}
"""Other spellings of each rank, as `_folded` returns them. Ranks between two of ours count as one of them."""

_READ = {spelling: rank for rank, words in _SPELLINGS.items() for spelling in (rank, *words.split())}
_OTHERS = (
    "domain superkingdom realm kingdom subkingdom infrakingdom phylum subphylum infraphylum superphylum "
    "division subdivision superdivision class subclass superclass infraclass clade cohort superorder suborder "
    "infraorder parvorder superfamily epifamily subfamily supertribe tribe subtribe supergenus subgenus "
    "infragenus nothosubgenus section supersection subsection sectio subsectio nothosection series subseries "
    "superseries infragenericname infrageneric suprageneric supragenericname "
    "stirps morph race proles lusus strain isolate serotype biotype pathovar pathogroup formaspecialis "
    "specialform stateofmatter root life regne reich reino familygroup ordergroup genusgroup klasse classe "
    "clase abteilung sousfamille unterfamilie tribus untergattung sousgenre subgenero sektion seccion "
    "superlegion legion sublegion infralegion supercohort subcohort infracohort "
    "gigaclass megaclass parvclass parvphylum gigaorder magnorder grandorder mirorder nanorder hypoorder "
    "minorder megafamily grandfamily infrafamily hyperfamily infratribe subterclass zoosection zoosubsection "
    "speciesgroup speciessubgroup serogroup cellularroot acellularroot klepton natio mutatio aberration "
    "infrasubspecificname chemoform prole ecas microgene microf modif monstr mut nid nothogrex positio provar "
    "psp subap sublusus subproles subspecioid subsubforma group infragen infraspunranked unterrasse kd sbkd "
    "ifkd ph sbph ifph dv sbdv spcl clad cl sbcl ifcl leg spor coh sbor ifor spfm sbfm tr sstr ssgn sc sbsc "
    "ser sser nat pvar foes lin clo car ab sprg ssrg ifrg dumm"
)
"""Valid ranks that floras do not have."""


_NO_RANK = "unranked norank other notspecified unspecified unknown none na"


@lru_cache(maxsize=1000)
def read_rank(word: str) -> str:
    """Return the rank that a word, abbreviation or code stands for, one of `RANKS`; empty for any other rank."""
    return _READ.get(_folded(word), "")


def is_other_rank(word: str) -> bool:
    """Return whether a word is a rank that floras do not have, such as `tribe` or `unranked`."""
    return _folded(word) in _OTHERS.split() or is_unranked(word)


def is_unranked(word: str) -> bool:
    """Return whether a word says that a taxon has no rank, or that it is not known."""
    return _folded(word) in _NO_RANK.split()


def _folded(word: str) -> str:
    """Return a word in lower case, without accents, spaces and punctuation."""
    plain = unicodedata.normalize("NFKD", word[:100]).lower().replace("ß", "ss")
    return "".join(character for character in plain if character.isalnum())
