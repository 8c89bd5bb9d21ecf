"""Groups of like needs, each with a name in its own words.

How unanswered needs are grouped and named belongs here; whether a need is answered is judged in
`cxm.methods.answerability`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cxm.methods.dialogues import content_words, words

_MAX_DISTANCE = 0.5
_MAX_CLUSTERED = 2000
_MOST_WORDS, _IN_COMMON = 6, 2
# A word that more of the other texts hold ("time", "long") tells nothing.
_MOST_OUTSIDE = 0.05
# What is heard between words, and what is said to a menu; with them a name says nothing.
_SOUNDS = "ah arent er erm from hm itll myself oh shouldnt thatll there therell uh um with yourself"
_NUMBERS = "zero one two three four five six seven eight nine ten first second third"
_FILLERS = frozenset(f"{_SOUNDS} {_NUMBERS}".split())
# A name is made of the longest of these pieces that the needs share, until it says enough.
_CLAUSE = re.compile(r"[^.,;:!?()\x00-\x1f]+")
_TOKEN = re.compile(r"\w+(?:['’]\w+)*")
_LONGEST_PHRASE, _ENOUGH_WORDS, _ENOUGH_TEXTS = 6, 3, 500


def group_needs(vectors: NDArray[np.float32], seed: int) -> NDArray[np.intp]:
    """A group number for each need `(n,)`, by average linkage of cosines.

    Of more than 2,000 needs a sample is grouped and the others join the nearest group.
    """
    n = len(vectors)
    if n < 2:
        return np.zeros(n, dtype=np.intp)
    from sklearn.cluster import AgglomerativeClustering

    sample = np.sort(np.random.default_rng(seed).permutation(n)[:_MAX_CLUSTERED])
    clustering = AgglomerativeClustering(
        n_clusters=None, distance_threshold=_MAX_DISTANCE, linkage="average", metric="precomputed"
    )
    distance = np.round(np.clip(1 - vectors[sample] @ vectors[sample].T, 0, 2), 6).astype(float)
    labels = clustering.fit_predict(np.minimum(distance, distance.T))
    centers = np.stack([vectors[sample][labels == g].mean(axis=0) for g in range(labels.max() + 1)])
    centers /= np.maximum(np.linalg.norm(centers, axis=1, keepdims=True), 1e-9)
    groups = np.empty(n, dtype=np.intp)
    for start in range(0, n, _MAX_CLUSTERED):
        groups[start : start + _MAX_CLUSTERED] = (vectors[start : start + _MAX_CLUSTERED] @ centers.T).argmax(
            1
        )
    groups[sample] = labels
    return groups


def telling_words(
    texts: Sequence[str], background: Counter[str], n_background: int, n_words: int = _MOST_WORDS
) -> list[str]:
    """The words that at least half of the texts hold and few others do, the most telling first.

    `background` counts the texts (of `n_background`) that hold a word. Texts that have no word in common
    have none.
    """
    inside = count_words(texts)
    most = max(1.0, _MOST_OUTSIDE * (n_background - len(texts)))
    telling = {
        word: n / len(texts) * np.log((1 + n_background) / (0.5 + background[word]))
        for word, n in inside.items()
        if 2 * n >= len(texts) and background[word] - n <= most
    }
    return sorted(telling, key=lambda word: (-round(telling[word], 9), word))[:n_words]


def join_groups(telling: Sequence[Sequence[str]]) -> list[int]:
    """For each group the number of the first that is about the same: two telling words in common.

    So one thing that is asked about in several ways ("it tips over", "when does it come") is one topic.
    """
    first = list(range(len(telling)))
    for right, own in enumerate(telling):
        near = {first[left] for left in range(right) if len({*own} & {*telling[left]}) >= _IN_COMMON}
        if near:
            joined = {*near, right}
            first = [min(near) if group in joined else group for group in first]
    return first


def count_words(texts: Sequence[str]) -> Counter[str]:
    """In how many texts each word of content occurs."""
    return Counter(word for text in texts for word in set(content_words(text)) - _FILLERS)


def name_topic(texts: Sequence[str], background: Counter[str], n_background: int) -> str:
    """What a topic is about, in its own words: "magpie weeding robot", "coffee grounds, old wives' tale".

    Phrases that at least half of the texts hold, made of words that few others do, until there are
    three words of content. `background` counts the texts (of `n_background`) that hold a word. Empty
    where no word of content is in half of the texts. Of many texts some hundred are read.
    """
    texts = texts[:: len(texts) // _ENOUGH_TEXTS + 1]
    rarity = {word: np.log((1 + n_background) / (0.5 + background[word])) for word in count_words(texts)}
    shared = _shared_phrases(texts)
    content = {phrase: frozenset(word for word in phrase if word in rarity) for phrase in shared}
    worth = {
        phrase: round(shared[phrase][0] / len(texts) * float(sum(rarity[word] for word in held)), 9)
        for phrase, held in content.items()
        if {phrase[0], phrase[-1]} <= held
    }
    chosen: list[tuple[str, ...]] = []
    said: frozenset[str] = frozenset()
    for phrase in sorted(worth, key=lambda phrase: (-worth[phrase], len(phrase), phrase)):
        is_more = len(said) < _ENOUGH_WORDS or (len(chosen) == 1 and len(content[phrase]) > 1)
        if is_more and not content[phrase] & said:
            chosen.append(phrase)
            said |= content[phrase]
    if len(said) == 1:
        # "stuff" says little, "what's going on with my stuff" does.
        around = [phrase for phrase in shared if content[phrase] == said]
        chosen = [max(around, key=lambda phrase: (shared[phrase][0] * len(phrase), phrase))]
    return ", ".join(shared[phrase][1] for phrase in chosen)


def _shared_phrases(texts: Sequence[str]) -> dict[tuple[str, ...], tuple[int, str]]:
    """The runs of words within a clause that half of the texts hold: in how many, and as mostly written."""
    written: dict[tuple[str, ...], Counter[str]] = {}
    for text in texts:
        for phrase, form in dict(_phrases(text)).items():
            written.setdefault(phrase, Counter())[form] += 1
    counts = {phrase: sum(forms.values()) for phrase, forms in written.items()}
    return {
        phrase: (n, min(written[phrase], key=lambda form: (-written[phrase][form], form)))
        for phrase, n in counts.items()
        if 2 * n >= len(texts)
    }


def _phrases(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    for clause in _CLAUSE.findall(text):
        tokens = [("".join(words(found[0])), found.span()) for found in _TOKEN.finditer(clause)]
        heard = [(word, span) for word, span in tokens if word not in _FILLERS]
        for start in range(len(heard)):
            for stop in range(start + 1, min(start + _LONGEST_PHRASE, len(heard)) + 1):
                form = clause[heard[start][1][0] : heard[stop - 1][1][1]]
                yield tuple(word for word, _ in heard[start:stop]), " ".join(form.split())
