"""What the words on the screens mean, in a sentence each: `?` shows them. docs/measures.md has the same sentences."""

from __future__ import annotations

from collections.abc import Sequence

GLOSSARY = {
    "mono": "Query and candidates in one language, each language by itself.",
    "cross": "Query and candidates in two different languages, each ordered pair by itself.",
    "pool": "The candidates of all languages together, as one list.",
    "mAP": "Mean average precision: how high relevant passages stand in the ranking, 1 where all of them are first.",
    "nDCG": "Normalised discounted cumulative gain: like precision, but early places and higher grades count more.",
    "R@k": "Recall at k: the share of the relevant passages that are among the first k.",
    "rank distance": "The worst minus the best rank of a query's relevant passages in the pool: how far apart its "
    "answers in different languages are ranked.",
    "null": "What a measure would be if languages did not matter and everything else stayed as it is.",
    "own-language advantage": "By how many doublings of rank answers in the language of the question stand higher than "
    "answers in other languages; 0 is no advantage.",
    "language effect": "By how many doublings of rank a pair of languages stands lower than its two languages alone "
    "explain; below 0 it stands higher.",
    "share of the top 10": "How many of the wrong passages among the first ten are in a language, held against the "
    "language's share of the pool; 1 is chance.",
    "first passage": "What stands first: right or wrong, in the language that was asked or in another one.",
    "PEER": "The p-value of a test whether relevant passages of all languages rank alike; near 1 they do.",
    "MRC@10": "The mean correlation of the rankings that translations of a question get; 1 is the same ranking.",
    "Friedman's test": "Whether questions agree on which languages rank better: agreement W goes from 0 to 1.",
    "interval": "The 95 % interval of a mean, by resampling clusters of questions that share an article.",
    "Holm p": "A p-value that is adjusted for how many comparisons are made at once.",
    "better, worse": "The difference is more than chance: the adjusted p is below .05.",
    "margin": "How much lower still counts as equally good. It is stated in the config before training.",
    "not inferior": "The loss, if there is any, is smaller than the margin: the lower bound of the interval lies "
    "above it.",
    "undecided": "The data do not say whether there is a difference.",
    "clusters": "Questions that share an article, with their translations. They are resampled together, as they are "
    "not independent.",
    "for these seeds": "The verdict is about these runs. From five seeds a side on it is about training in general.",
    "front": "A condition for which no other has both a higher mAP and a smaller rank distance (Pareto).",
    "masked": "In-batch negatives that are left out of the loss, because they are known to be relevant, a row.",
    "grad norm": "The length of the gradient before it is clipped.",
    "data wait": "The share of a step's time in which the device waited for the next batch.",
    "MFU": "Model FLOP utilisation: the share of the device's greatest speed that the model's own arithmetic takes.",
    "temperature": "What the similarities are divided by in the loss, where it is learned.",
    "smoothed": "An exponential mean over steps: with .99 a step counts half as much 69 steps later.",
    "average precision": "The mean of the precisions at the ranks of a query's relevant passages.",
    "tie": "A relevant passage whose score others have as well; its rank is then set by the order of ids.",
}

_VERDICTS = ("better, worse", "margin", "not inferior", "undecided", "interval", "Holm p")
_COMPARED = ("mAP", "nDCG", "R@k", "rank distance", "null", "own-language advantage")

# By screen, or by the part of a screen that is in front.
_WORDS: dict[str, tuple[str, ...]] = {
    "overview": ("mono", "cross", "pool", "mAP", "nDCG", "R@k", "rank distance", "null", "own-language advantage",
                 "smoothed", "grad norm", "masked", "data wait", "MFU", "temperature"),
    "heatmap": ("mono", "cross", "pool", "mAP", "nDCG", "R@k", "language effect", "share of the top 10", "tie"),
    "bias": ("rank distance", "null", "own-language advantage", "interval", "share of the top 10", "first passage",
             "language effect", "Friedman's test", "PEER", "MRC@10", "pool"),
    "queries": ("average precision", "pool", "cross", "mono", "tie"),
    "compare": (*_VERDICTS, "clusters", "for these seeds", *_COMPARED),
    "overlay": ("mono", "cross", "smoothed", "mAP", "nDCG", "rank distance"),
    "places": ("mAP", "rank distance", "null", "front"),
    "study": (*_VERDICTS, "for these seeds", *_COMPARED),
}  # fmt: skip


def words_of(screen: str, part: str = "") -> Sequence[tuple[str, str]]:
    """(word, what it means), of the part of the screen in front where there are parts."""
    return [(word, GLOSSARY[word]) for word in _WORDS.get(part) or _WORDS.get(screen, ())]
