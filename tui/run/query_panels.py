"""The queries tab: the list of a cell's queries, and what was ranked for the one under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.draw.text import Piece, Row, fit, wrap
from tui.numbers import count, share, visible
from tui.widgets.lists import HeadedItems

if TYPE_CHECKING:
    from engine.export.queries import QueryOutcome, QueryRow, RankedPassage, Ranking, WorstQueries

_RANK = 6  # cells
_HEAD_LINES = 3  # of a question's text at most
_BESIDE = 40  # cells from which a whole text is shown beside its figures


class QuestionList(HeadedItems):
    """Rank and average precision of every query of a cell, of two evaluations where there are two."""

    def __init__(self) -> None:
        super().__init__(self._question, id="questions")
        self.listed: WorstQueries | None = None

    def load(self, listed: WorstQueries | None) -> None:
        """Shows other queries; the cursor stays on its query where that is still there."""
        former = self.current()
        self.listed = listed
        rows = listed.rows if listed is not None else []
        at = next((index for index, row in enumerate(rows) if former and row.query_id == former.query_id), 0)
        self.cursor.index = at
        self.show(len(rows))

    def current(self) -> QueryRow | None:
        rows = self.listed.rows if self.listed is not None else []
        return rows[self.cursor.index] if 0 <= self.cursor.index < len(rows) else None

    def head(self, width: int) -> list[Row]:
        if self.listed is None:
            return []
        other = fit("other", _RANK + 1, "right") if self.listed.against_run is not None else ""
        return [((fit("rank", _RANK, "right") + other + fit("AP", 6, "right") + "  question", "dim"),)]

    def _question(self, index: int, width: int) -> list[Row]:
        assert self.listed is not None
        row = self.listed.rows[index]
        runs: list[Piece] = [(fit(_rank(row.standing), _RANK, "right"), "bold")]
        if self.listed.against_run is not None:
            runs.append((fit(_rank(row.against), _RANK + 1, "right"), _better(row.standing, row.against)))
        runs.append((fit(share(row.standing.average_precision), 6, "right") + "  ", ""))
        runs.append((visible(row.query_id if row.text is None else row.text), "" if row.text is not None else "dim"))
        return [tuple(runs)]


class PassageList(HeadedItems):
    """One query's ranking: relevant passages have a star; in front, the one under the cursor has its whole text."""

    def __init__(self, id: str) -> None:
        super().__init__(self._line, id=id)
        self.ranking: Ranking | None = None
        self.language: str | None = None  # the candidate language of the cell
        self.only = False  # show that language alone
        self.entries: list[RankedPassage | str] = []  # a string stands for what is left out
        self._languages = 2

    def load(self, ranking: Ranking | None, language: str | None, only: bool) -> None:
        same = ranking is not None and self.ranking is not None and ranking.query_id == self.ranking.query_id
        self.ranking, self.language, self.only = ranking, language, only
        self.entries = _with_gaps(ranking, language if only else None) if ranking is not None else []
        passages = ranking.passages if ranking is not None else []
        self._languages = max((len(visible(passage.language)) for passage in passages), default=2)
        if not same:
            self.cursor.index = self.cursor.top = 0
        self.show(len(self.entries))

    def move_to_relevant(self, by: int) -> None:
        """To the next relevant passage below, or above where ``by`` is negative; around the end."""
        relevant = [
            index for index, passage in enumerate(self.entries) if not isinstance(passage, str) and passage.relevance
        ]
        at = self.cursor.index
        after, before = [index for index in relevant if index > at], [index for index in relevant if index < at]
        if relevant:
            self.move_to(((after or relevant)[0]) if by > 0 else (before or relevant)[-1])

    def head(self, width: int) -> list[Row]:
        ranking = self.ranking
        if ranking is None:
            return []
        text = visible(ranking.query_id if ranking.text is None else ranking.text)
        lines = wrap(text, max(10, width))
        if len(lines) > _HEAD_LINES:
            lines = [*lines[: _HEAD_LINES - 1], fit(lines[_HEAD_LINES - 1] + self.glyphs.ellipsis, width)]
        title = fit("#", _RANK, "right") + " " + fit("lang", self._languages + 3) + " score  "
        return [*(((line, "title"),) for line in lines), ((title, "dim"),)]

    def _line(self, index: int, width: int) -> list[Row]:
        passage = self.entries[index]
        if isinstance(passage, str):
            return [((" " * (_RANK - len(self.glyphs.ellipsis)) + self.glyphs.ellipsis, "dim"), (f" {passage}", "dim"))]
        rank = passage.rank_language if self.only else passage.rank
        relevant = bool(passage.relevance)
        style = "good" if relevant else "accent" if passage.language == self.language else ""
        mark = self.glyphs.relevant if relevant else " "
        runs: list[Piece] = [
            (fit(count(rank), _RANK, "right") + " ", "bold" if relevant else "dim"),
            (fit(visible(passage.language), self._languages) + f" {mark} ", style),
            (fit(_score(passage.score), 5, "right") + "  ", "" if relevant else "dim"),
        ]
        indent = _RANK + 1 + self._languages + 3 + 7
        text = visible(passage.passage_id if passage.text is None else passage.text)
        quiet = "dim" if passage.text is None else ""
        if index != self.cursor.index or not self.has_class("-front"):
            return [(*runs, (text, quiet))]
        if width - indent < _BESIDE:  # beside the figures it would be a column of single words
            return [tuple(runs), *((("  ", ""), (line, quiet)) for line in wrap(text, max(2, width - 2)))]
        first, *more = wrap(text, width - indent)
        return [(*runs, (first, quiet)), *(((" " * indent, ""), (line, quiet)) for line in more)]


def _with_gaps(ranking: Ranking, language: str | None) -> list[RankedPassage | str]:
    """The passages of one language, or all; where the next one is further down, what is known of those between."""
    shown: list[RankedPassage | str] = []
    for index, passage in enumerate(ranking.passages):
        if index == ranking.kept:
            shown.append(f"below the best {ranking.kept:,}, relevant passages only")
        if language is None or passage.language == language:
            shown.append(passage)
    return shown


def _score(value: float | None) -> str:
    """A cosine without its leading zero: .791, -.052."""
    return "-" + share(-value) if value is not None and value < 0 else share(value)


def _rank(standing: QueryOutcome | None) -> str:
    return "-" if standing is None else count(standing.rank)


def _better(standing: QueryOutcome, other: QueryOutcome | None) -> str:
    if other is None or standing.average_precision == other.average_precision:
        return "dim"
    return "good" if standing.average_precision > other.average_precision else "warning"
