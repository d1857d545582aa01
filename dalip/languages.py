"""Read the language of a common name: two- and three-letter codes, codes with script or region, English names.

Source: ISO 639-1, and the three-letter codes of ISO 639-2 and 639-3 for the same languages.
"""

import re
from functools import lru_cache

__all__ = ["read_language"]

_CODES = """
aa:aar ab:abk ae:ave af:afr ak:aka am:amh an:arg ar:ara as:asm av:ava ay:aym az:aze ba:bak be:bel bg:bul bi:bis bm:bam
bn:ben bo:bod/tib br:bre bs:bos ca:cat ce:che ch:cha co:cos cr:cre cs:ces/cze cu:chu cv:chv cy:cym/wel da:dan
de:deu/ger dv:div dz:dzo ee:ewe el:ell/gre en:eng eo:epo es:spa et:est eu:eus/baq fa:fas/per ff:ful fi:fin fj:fij
fo:fao fr:fra/fre fy:fry ga:gle gd:gla gl:glg gn:grn gu:guj gv:glv ha:hau he:heb hi:hin ho:hmo hr:hrv ht:hat hu:hun
hy:hye/arm hz:her ia:ina id:ind ie:ile ig:ibo ii:iii ik:ipk io:ido is:isl/ice it:ita iu:iku ja:jpn jv:jav ka:kat/geo
kg:kon ki:kik kj:kua kk:kaz kl:kal km:khm kn:kan ko:kor kr:kau ks:kas ku:kur kv:kom kw:cor ky:kir la:lat lb:ltz lg:lug
li:lim ln:lin lo:lao lt:lit lu:lub lv:lav mg:mlg mh:mah mi:mri/mao mk:mkd/mac ml:mal mn:mon mr:mar ms:msa/may mt:mlt
my:mya/bur na:nau nb:nob nd:nde ne:nep ng:ndo nl:nld/dut nn:nno no:nor nr:nbl nv:nav ny:nya oc:oci oj:oji om:orm or:ori
os:oss pa:pan pi:pli pl:pol ps:pus pt:por qu:que rm:roh rn:run ro:ron/rum ru:rus rw:kin sa:san sc:srd sd:snd se:sme
sg:sag sh:hbs si:sin sk:slk/slo sl:slv sm:smo sn:sna so:som sq:sqi/alb sr:srp ss:ssw st:sot su:sun sv:swe sw:swa ta:tam
te:tel tg:tgk th:tha ti:tir tk:tuk tl:tgl tn:tsn to:ton tr:tur ts:tso tt:tat tw:twi ty:tah ug:uig uk:ukr ur:urd uz:uzb
ve:ven vi:vie vo:vol wa:wln wo:wol xh:xho yi:yid yo:yor za:zha zh:zho/chi/cmn zu:zul
"""
_NAMES = """
af:afrikaans sq:albanian ar:arabic hy:armenian eu:basque be:belarusian bn:bengali bs:bosnian br:breton bg:bulgarian
my:burmese ca:catalan zh:chinese zh:mandarin co:corsican hr:croatian cs:czech da:danish nl:dutch en:english eo:esperanto
et:estonian fo:faroese fi:finnish fr:french gl:galician ka:georgian de:german el:greek gu:gujarati ht:haitian he:hebrew
hi:hindi hu:hungarian is:icelandic id:indonesian ga:irish it:italian ja:japanese kn:kannada kk:kazakh km:khmer ko:korean
lo:lao la:latin lv:latvian lt:lithuanian lb:luxembourgish mk:macedonian ms:malay ml:malayalam mt:maltese mi:maori
mr:marathi mn:mongolian ne:nepali no:norwegian nb:bokmål nn:nynorsk oc:occitan fa:persian pl:polish pt:portuguese
pa:punjabi qu:quechua ro:romanian rm:romansh ru:russian sm:samoan sa:sanskrit gd:gaelic sr:serbian si:sinhala sk:slovak
sl:slovenian es:spanish sw:swahili sv:swedish tl:tagalog ta:tamil te:telugu th:thai bo:tibetan tr:turkish uk:ukrainian
ur:urdu uz:uzbek vi:vietnamese cy:welsh zu:zulu de:deutsch fr:français fr:francais es:español es:castellano it:italiano
pt:português nl:nederlands sv:svenska da:dansk no:norsk
"""
_WITHOUT_TWO = (
    "acf ach aeb ain akl ami arn ary arz ast awa azb ban bar bcl bik bjn bnn bqi brh bug bxr cak ceb chk chm "
    "chr cjy ckb crh csb dag din dsb efi ext fil fon frp frr fur gag gcf gil gor grc gsw hak haw hil hmn hsb "
    "hsn iba ilo jam kab kac kaw kbd krc ksh lad lij lld lmo ltg luo mad mai mak map min mni mwl myv nah nan "
    "nap nds new niu nov oto pag pam pap pau pcd pfl pms pnb pon rap rar rgn rom rop rue sah sat scn sco sgs "
    "shn smn sms srn stq syl szl tet tkl tpi tvl tyv udm umb vec vep vls vmf war wuu xal xmf yap yua yue zap "
    "zea zgh"
)
"""Three-letter codes of languages without a two-letter code that have common names of plants."""
_TWO = {pair.split(":")[0] for pair in _CODES.split()}
_READ = {
    other: code
    for code, _, others in (p.partition(":") for p in _CODES.split())
    for other in others.split("/")
}
_READ |= {name: code for code, _, name in (pair.partition(":") for pair in _NAMES.split())}
_TAG = re.compile(r"([a-z]{2,3})(?:[-_](?:[a-z]{2,8}|\d{3}))+")
"""A code followed by script, region or variant, as in `zh-Hans`, `pt_BR`, `es-419`, `sr-Latn-RS`."""


@lru_cache(maxsize=1000)
def read_language(word: str) -> str:
    """Return the language that a code or an English name means, without script and region.

    Returns:
        Its code in ISO 639-1, or, for the languages that have none, the three letters that were given; empty if it is
        not a language.
    """
    folded = word.strip().lower()
    if tag := _TAG.fullmatch(folded):
        folded = tag[1]
    if folded in _TWO:
        return folded
    return _READ.get(folded) or (folded if folded in _WITHOUT_TWO.split() else "")
