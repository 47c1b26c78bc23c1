"""What a language is called here (ISO 639-1, mostly), and by mteb and FLORES (ISO 639-3 and ISO 15924)."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection

# Ours -> mteb's.
LANGUAGES = {
    "ar": "ara-Arab",
    "bg": "bul-Cyrl",
    "bn": "ben-Beng",
    "cs": "ces-Latn",
    "da": "dan-Latn",
    "de": "deu-Latn",
    "el": "ell-Grek",
    "en": "eng-Latn",
    "es": "spa-Latn",
    "et": "est-Latn",
    "fa": "fas-Arab",
    "fi": "fin-Latn",
    "fr": "fra-Latn",
    "he": "heb-Hebr",
    "hi": "hin-Deva",
    "hr": "hrv-Latn",
    "hu": "hun-Latn",
    "id": "ind-Latn",
    "it": "ita-Latn",
    "ja": "jpn-Jpan",
    "ko": "kor-Hang",
    "lt": "lit-Latn",
    "lv": "lav-Latn",
    "nl": "nld-Latn",
    "no": "nor-Latn",
    "pl": "pol-Latn",
    "pt": "por-Latn",
    "ro": "ron-Latn",
    "ru": "rus-Cyrl",
    "sk": "slk-Latn",
    "sl": "slv-Latn",
    "sv": "swe-Latn",
    "sw": "swa-Latn",
    "te": "tel-Telu",
    "th": "tha-Thai",
    "tr": "tur-Latn",
    "uk": "ukr-Cyrl",
    "vi": "vie-Latn",
    "yo": "yor-Latn",
    "zh": "zho-Hans",
}
_OURS = {code: name for name, code in LANGUAGES.items()} | {
    "arb-Arab": "ar", "cmn-Hans": "zh", "jpn-Hira": "ja", "kor-Kore": "ko", "lvs-Latn": "lv", "nob-Latn": "no",
    "pes-Arab": "fa", "swh-Latn": "sw",
}  # fmt: skip

# The variants of FLORES that Belebele has.
FLORES = (
    "acm_Arab", "afr_Latn", "als_Latn", "amh_Ethi", "apc_Arab", "arb_Arab", "arb_Latn", "ars_Arab", "ary_Arab",
    "arz_Arab", "asm_Beng", "azj_Latn", "bam_Latn", "ben_Beng", "ben_Latn", "bod_Tibt", "bul_Cyrl", "cat_Latn",
    "ceb_Latn", "ces_Latn", "ckb_Arab", "dan_Latn", "deu_Latn", "ell_Grek", "eng_Latn", "est_Latn", "eus_Latn",
    "fin_Latn", "fra_Latn", "fuv_Latn", "gaz_Latn", "grn_Latn", "guj_Gujr", "hat_Latn", "hau_Latn", "heb_Hebr",
    "hin_Deva", "hin_Latn", "hrv_Latn", "hun_Latn", "hye_Armn", "ibo_Latn", "ilo_Latn", "ind_Latn", "isl_Latn",
    "ita_Latn", "jav_Latn", "jpn_Jpan", "kac_Latn", "kan_Knda", "kat_Geor", "kaz_Cyrl", "kea_Latn", "khk_Cyrl",
    "khm_Khmr", "kin_Latn", "kir_Cyrl", "kor_Hang", "lao_Laoo", "lin_Latn", "lit_Latn", "lug_Latn", "luo_Latn",
    "lvs_Latn", "mal_Mlym", "mar_Deva", "mkd_Cyrl", "mlt_Latn", "mri_Latn", "mya_Mymr", "nld_Latn", "nob_Latn",
    "npi_Deva", "npi_Latn", "nso_Latn", "nya_Latn", "ory_Orya", "pan_Guru", "pbt_Arab", "pes_Arab", "plt_Latn",
    "pol_Latn", "por_Latn", "ron_Latn", "rus_Cyrl", "shn_Mymr", "sin_Latn", "sin_Sinh", "slk_Latn", "slv_Latn",
    "sna_Latn", "snd_Arab", "som_Latn", "sot_Latn", "spa_Latn", "srp_Cyrl", "ssw_Latn", "sun_Latn", "swe_Latn",
    "swh_Latn", "tam_Taml", "tel_Telu", "tgk_Cyrl", "tgl_Latn", "tha_Thai", "tir_Ethi", "tsn_Latn", "tso_Latn",
    "tur_Latn", "ukr_Cyrl", "urd_Arab", "urd_Latn", "uzn_Latn", "vie_Latn", "war_Latn", "wol_Latn", "xho_Latn",
    "yor_Latn", "zho_Hans", "zho_Hant", "zsm_Latn", "zul_Latn",
)  # fmt: skip

_FLORES_LANGUAGES = frozenset(code.partition("_")[0] for code in FLORES)

_CODE = r"[a-z]{2,3}(?:[-_][A-Z][a-z]{3})?(?:[-_](?:[A-Z]{2}|[0-9]{3}))?"  # zh, zh-Hans, pt_BR, zh_Hant_TW


def is_language_code(name: str) -> bool:
    """Whether a name is a code of a language that CLDR or FLORES knows, with a script and a region or without."""
    if not re.fullmatch(_CODE, name):
        return False
    language = re.split("[-_]", name)[0]
    return language in _cldr_languages() or language in _FLORES_LANGUAGES


def language_in(name: str, also: Collection[str] = ()) -> str | None:
    """The language that the name of a file says, without its ending; None: none, or several.

    ``xquad.de``, ``de_squad-translate-train-train-v1.1``, ``zh-Hans`` and ``train.pt_BR`` say one; ``train-v2.0`` does
    not. A part between dots goes before one between dashes or underscores, and the last of those before others.

    Args:
        also: names that are languages too, whatever they look like.
    """
    parts = [part for part in name.split(".") if part in also or is_language_code(part)]
    if parts:
        return parts[-1]
    pieces = re.findall(rf"(?<![A-Za-z0-9]){_CODE}(?![A-Za-z0-9])", name)
    spoken = {piece for piece in pieces if is_language_code(piece) and not _is_a_word(piece)}
    spoken = spoken or {piece for piece in re.split("[._-]", name) if piece in also}
    return spoken.pop() if len(spoken) == 1 else None


def _is_a_word(piece: str) -> bool:
    """Whether three letters in a longer name are more likely a word, as in ``new_train``, than a language."""
    return re.fullmatch("[a-z]{3}", piece) is not None


@functools.cache
def _cldr_languages() -> frozenset[str]:
    from babel import Locale

    return frozenset(code for code in Locale("en").languages if "_" not in code)


def langscript(language: str) -> str:
    """mteb's name of a language; one that is not in the table is taken for a name of that kind ("acm_Arab")."""
    return LANGUAGES.get(language, language.replace("_", "-"))


def short_name(code: str) -> str:
    """Our name of mteb's "deu-Latn"; the code itself where the table has none."""
    return _OURS.get(code, code)


def flores_names() -> dict[str, str]:
    """Our names of the variants of FLORES, which are its codes where we have no shorter name -> its codes."""
    return {_OURS.get(code.replace("_", "-"), code): code for code in FLORES}
