"""Downloads: only what is missing, only the published content, and one line where the network is not allowed."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from engine.config import ConfigError
from engine.data import download
from engine.data.sources import load_benchmark


def document(language: str) -> bytes:
    text = f"An answer in {language}."
    paragraph = {"context": text, "sentences": [text], "sentence_breaks": [[0, len(text)]]}
    question = {"id": "g", "question": f"q {language}", "answers": [{"answer_start": 0}]}
    return json.dumps({"data": [{"paragraphs": [{**paragraph, "qas": [question]}]}]}).encode()


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A server of made-up files, with their digests in the place of the published ones; yields what it was asked."""
    paths: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            paths.append(self.path)

    served = tmp_path / "served"
    for name in ("mlqa-r/de.json", "mlqa-r/en.json"):
        (served / name).parent.mkdir(parents=True, exist_ok=True)
        (served / name).write_bytes(document(Path(name).stem))
        monkeypatch.setitem(download.DIGESTS, name, hashlib.sha256((served / name).read_bytes()).hexdigest())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(served)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "ADDRESS", f"http://127.0.0.1:{server.server_port}")
    yield paths
    server.shutdown()
    server.server_close()


def test_files_are_fetched_once_with_progress(asked: list[str], cache: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    languages = ("de", "en")
    benchmark = load_benchmark("mlqa-r", languages, tick=lambda *progress: seen.append(progress))
    assert (benchmark.key, benchmark.query_ids) == ("mlqa-r", ["de:q:g", "en:q:g"])
    size = len(document("de"))
    assert {("downloading mlqa-r/de.json", size, size), ("downloading mlqa-r/en.json", size, size)} <= set(seen)
    assert all(done <= (total or 0) for _, done, total in seen)
    assert load_benchmark("mlqa-r", languages).digest == benchmark.digest
    assert asked == ["/mlqa-r/de.json", "/mlqa-r/en.json"]


def test_only_the_chosen_languages_are_fetched(asked: list[str]) -> None:
    assert load_benchmark("mlqa-r", ("en",)).languages == ("en",)
    assert asked == ["/mlqa-r/en.json"]


def test_other_content_is_refused_and_not_kept(asked: list[str], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(download.DIGESTS, "mlqa-r/en.json", "0" * 64)
    with pytest.raises(ConfigError, match=r"mlqa-r/en\.json is not the published file: expected sha256:000"):
        load_benchmark("mlqa-r", ("en",))
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_file_changed_in_the_cache_is_fetched_again(asked: list[str], cache: Path) -> None:
    load_benchmark("mlqa-r", ("en",))
    (kept,) = cache.rglob("en.json")
    kept.write_text("{}")
    assert load_benchmark("mlqa-r", ("en",)).query_ids == ["en:q:g"]
    assert len(asked) == 2


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "HYBRID_TUI_OFFLINE"])
def test_offline_uses_what_is_there_and_else_says_so(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    load_benchmark("mlqa-r", ("en",))
    monkeypatch.setenv(variable, "1")
    assert load_benchmark("mlqa-r", ("en",)).languages == ("en",)
    with pytest.raises(ConfigError, match=rf"^mlqa-r: offline \({variable} is set\) and .*mlqa-r=FOLDER") as caught:
        load_benchmark("mlqa-r", ("de",))
    assert "\n" not in str(caught.value)
    assert asked == ["/mlqa-r/en.json"]


def test_no_server_and_no_file_are_one_line(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(download.DIGESTS, "mlqa-r/hi.json", "0" * 64)
    with pytest.raises(ConfigError, match=r"^mlqa-r: cannot download .*hi\.json \(HTTPError\)"):
        load_benchmark("mlqa-r", ("hi",))
    monkeypatch.setattr(download, "ADDRESS", "http://127.0.0.1:9")  # the discard port: nothing listens
    with pytest.raises(ConfigError, match=r"^mlqa-r: cannot download .*\(ConnectionError\)"):
        load_benchmark("mlqa-r", ("de",))


def test_hub_files_are_not_asked_for_when_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HYBRID_TUI_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(ConfigError, match=r"^miracl/miracl: cannot download: offline \(HYBRID_TUI_OFFLINE is set\)"):
        load_benchmark("miracl", ("sw",))


def test_every_language_of_both_data_sets_has_a_digest() -> None:
    from engine.benchmark_names import BENCHMARK_LANGUAGES

    keys = [f"{key}/{language}.json" for key in ("xquad-r", "mlqa-r") for language in BENCHMARK_LANGUAGES[key]]
    assert sorted(keys) == sorted(download.DIGESTS)
    assert len(set(download.DIGESTS.values())) == 18


def test_the_digest_is_that_of_the_published_files() -> None:
    """On the files that lie beside the repository."""
    folder = Path(__file__).parents[4] / "shared" / "data" / "xquad-r"
    if not folder.is_dir():
        pytest.skip("XQuAD-R is not beside the repository")
    for path in folder.glob("*.json"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == download.DIGESTS[f"xquad-r/{path.name}"]
