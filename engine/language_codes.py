"""What a language is called here (mostly ISO 639-1), and by mteb and FLORES (ISO 639-3 and ISO 15924)."""

from __future__ import annotations

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
    "arb-Arab": "ar", "cmn-Hans": "zh", "jpn-Hira": "ja", "kor-Kore": "ko", "pes-Arab": "fa", "swh-Latn": "sw",
}  # fmt: skip


def langscript(language: str) -> str:
    """mteb's name of a language; one that is not in the table is taken for a name of that kind ("acm_Arab")."""
    return LANGUAGES.get(language, language.replace("_", "-"))


def short_name(code: str) -> str:
    """Our name of mteb's "deu-Latn"; the code itself where the table has none."""
    return _OURS.get(code, code)
