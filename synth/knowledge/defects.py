"""Defects: what is wrong between articles of the base, each planted and known.

Near-duplicates, copied passages and contradictions; what only looks like one is in `near_misses`. Two
articles are related by one defect at most. A fact that is stated wrongly somewhere is stated rightly
in its own article alone, so that no third article contradicts unseen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil
from operator import itemgetter

from cxm.errors import CxmError
from synth.catalog import Catalog, Fact, draws
from synth.knobs import Knobs
from synth.knowledge.drafts import Author, Desk, Draft, Line, Subject, word_banks
from synth.knowledge.information import parent_of, state, write_information
from synth.packs import Pack
from synth.streams import Kind

_ASKED_SHARE = 1 / 3
"""Of the contradictions, about facts of topics that intents are about."""

_MENTION_SHARE = 0.25
"""Of information articles, those that also state a fact of a sibling, rightly and in other words."""

_INTO_ISSUE = 0.2
"""Chance that a wrong or further statement goes into an issue article where there is one to hand."""

_LONGEST_PASSAGE = 4


@dataclass(slots=True)
class Defect:
    """Two drafts, how they are related, and the line of each that shows it."""

    one: Draft
    other: Draft
    relation: str
    quote: Line
    other_quote: Line
    fact: str


@dataclass(eq=False)
class Planter:
    """Plants defects among the drafts of a desk, and remembers what is related to what."""

    desk: Desk
    catalog: Catalog
    knobs: Knobs
    defects: list[Defect] = field(default_factory=list)
    mentions: list[Defect] = field(default_factory=list)
    misstated: dict[str, Draft] = field(default_factory=dict)
    _related: set[frozenset[int]] = field(default_factory=set)
    _sources: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._groups: dict[str, list[Draft]] = {}
        self._sections: dict[str, list[Draft]] = {}
        self._tops: dict[str, list[Draft]] = {}
        for draft in self.desk.drafts:
            self._groups.setdefault(draft.group, []).append(draft)
            self._sections.setdefault(draft.section, []).append(draft)
            self._tops.setdefault(draft.section.partition(" > ")[0], []).append(draft)
        self._own = {line.fact: (d, line) for d in self.desk.drafts for line in d.lines if line.fact}

    # ---------------------------------------------------------------- who stands near whom

    def siblings(self, draft: Draft, kind: str) -> list[Draft]:
        """Articles of a kind that a passage may stray into: not related yet, of the same product or section.

        A topic's siblings have the same parent section, or are its overview; where it is the only
        one there, those of the same top section.
        """
        near = [*self._groups[draft.group], *self._sections.get(parent_of(draft.section), ())]
        if found := self._free(draft, near, kind):
            return found
        about_product = bool(draft.subject and draft.subject.slots)
        return [] if about_product else self._free(draft, self._tops[draft.section.partition(" > ")[0]], kind)

    def _free(self, draft: Draft, near: Iterable[Draft], kind: str) -> list[Draft]:
        return [
            other
            for other in dict.fromkeys(near)
            if other is not draft
            and other.kind == kind
            and frozenset((id(draft), id(other))) not in self._related
        ]

    def _relate(self, defect: Defect) -> None:
        self.defects.append(defect)
        self._related.add(frozenset((id(defect.one), id(defect.other))))
        self._sources[id(defect.one)] = self._sources.get(id(defect.one), 0) + 1

    def _target(self, draft: Draft, author: Author) -> Draft | None:
        issues = self.siblings(draft, "issue")
        pages = self.siblings(draft, "information")
        if issues and (not pages or author.chance(_INTO_ISSUE)):
            return author.pick(issues)
        return author.pick(pages) if pages else None

    # ---------------------------------------------------------------- contradictions

    def contradict(self, pack: Pack, n: int) -> None:
        """State `n` facts once more in a sibling, in other words and with the wrong value.

        A third at least are facts of topics that intents are about, the more likely the more
        often customers ask.
        """
        weights = _asked_weights(pack)
        keys = [key for key in self._own if key in self.catalog.facts]
        numbers = self._numbers(keys, "wrong")
        # Weighted sampling without replacement (Efraimidis and Spirakis 2006): the highest u^(1/w).
        asked = sorted(
            (
                (number ** (1 / weights[key]), key)
                for key, number in zip(keys, numbers, strict=True)
                if key in weights
            ),
            reverse=True,
        )
        others = sorted(
            (number, key) for key, number in zip(keys, numbers, strict=True) if key not in weights
        )
        first, rest = [key for _, key in asked], [key for _, key in others]
        n_asked = self._contradict_some(first, ceil(n * _ASKED_SHARE))
        n_found = n_asked + self._contradict_some([*rest, *first], n - n_asked)
        if n_found < n:
            raise CxmError(
                f"only {n_found} of {n} contradictions fit into {self.knobs.information_articles} "
                f"information_articles of brand pack '{self.knobs.brand}': each needs a fact and a sibling "
                "article; plant fewer or write more"
            )

    def _contradict_some(self, keys: list[str], n: int) -> int:
        """How many of `n` were planted; articles that were not a source before come first."""
        done = 0
        numbers = self._numbers(keys, "misstated")
        for most in (0, 1, 2):
            for key, number in zip(keys, numbers, strict=True):
                if done == n:
                    return done
                source, line = self._own[key]
                if key in self.misstated or self._sources.get(id(source), 0) > most:
                    continue
                author = Author(number)
                if target := self._target(source, author):
                    self._misstate(self.catalog.facts[key], source, line, target, author)
                    done += 1
        return done

    def _misstate(self, fact: Fact, source: Draft, line: Line, target: Draft, author: Author) -> None:
        wordings = [wording for wording in range(len(fact.says)) if wording != line.wording]
        wrong = state(fact, author, author.pick(wordings), is_true=False)
        wrong.is_own = False
        _insert(target, [wrong], author)
        self.misstated[fact.key] = target
        self._relate(Defect(source, target, "contradictory", line, wrong, fact.key))

    # ---------------------------------------------------------------- similar articles

    def duplicate(self, pack: Pack, n: int) -> None:
        """Have `n` articles written again by a second author: the same facts in other words."""
        banks = word_banks(pack)
        free = [triple for triple in self._ordered("twice") if id(triple[1]) not in self._sources]
        # An article with one fact would share one sentence with its second version, and no more.
        chosen = sorted(free, key=lambda triple: len(triple[2].facts) < 2)[:n]
        if len(chosen) < n:
            raise CxmError(
                f"only {len(chosen)} of {n} near_duplicates fit into {self.knobs.information_articles} "
                "information_articles beside the contradictions; plant fewer or write more"
            )
        for number, draft, subject in chosen:
            twin = write_information(self.desk, subject, Author(number), banks, draft)
            line = next(line for line in draft.lines if line.fact)
            other = next(other for other in twin.lines if other.fact == line.fact)
            self._relate(Defect(draft, twin, "similar", line, other, ""))
            # Neither is the source of a copy: the other would be unlabelled.
            self._sources[id(twin)] = 1

    def copy(self, n: int) -> None:
        """Copy a passage of `n` articles, sentences in a row with a fact, into a sibling each."""
        done = 0
        twins = {id(draft) for d in self.defects if d.relation == "similar" for draft in (d.one, d.other)}
        sources = [triple for triple in self._ordered("copied") if id(triple[1]) not in twins]
        for number, source, _ in sorted(sources, key=lambda triple: id(triple[1]) in self._sources):
            if done == n:
                return
            author = Author(number)
            passages = self._passages(source)
            targets = self.siblings(source, "information")
            if passages and targets:
                self._copy_passage(author.pick(passages), source, author.pick(targets), author)
                done += 1
        if done < n:
            raise CxmError(
                f"only {done} of {n} copied_passages fit into {self.knobs.information_articles} "
                f"information_articles of brand pack '{self.knobs.brand}'; plant fewer or write more"
            )

    def _passages(self, draft: Draft) -> list[list[Line]]:
        """Sentences in a row of the author's own, two at least, with a fact that is nowhere stated wrongly.

        Of the passages there are, the long ones: who copies takes the paragraph.
        """
        found: list[list[Line]] = []
        for length in range(_LONGEST_PASSAGE, 1, -1):
            for start in range(len(draft.lines) - length + 1):
                passage = draft.lines[start : start + length]
                facts = [line.fact for line in passage if line.fact]
                is_own = all(line.is_own and not line.is_intro for line in passage)
                if facts and is_own and not any(fact in self.misstated for fact in facts):
                    found.append(passage)
            if found:
                break
        return found

    def _copy_passage(self, passage: list[Line], source: Draft, target: Draft, author: Author) -> None:
        copied = [Line(line.text, line.fact, line.label, line.wording, is_own=False) for line in passage]
        _insert(target, copied, author)
        for line in copied:
            if line.fact:
                self.desk.stated[line.fact].append(target)
        place = next(place for place, line in enumerate(passage) if line.fact)
        self._relate(Defect(source, target, "similar", passage[place], copied[place], passage[place].fact))

    # ---------------------------------------------------------------- what is no defect

    def mention(self) -> None:
        """Let some articles state one fact of a sibling too, rightly and in other words.

        Only facts with one article and no wrong statement, and only between unrelated articles.
        """
        wanted = int(_MENTION_SHARE * self.knobs.information_articles)
        used: set[int] = set()
        for number, source, _ in self._ordered("mention"):
            if len(used) >= wanted:
                return
            free = [
                line
                for line in source.lines
                if line.fact
                and line.is_own
                and line.fact not in self.misstated
                and len(self.desk.stated[line.fact]) == 1
            ]
            author = Author(number)
            target = self._target(source, author) if free else None
            if target is None or id(target) in used:
                continue
            line = author.pick(free)
            fact = self.catalog.facts[line.fact]
            wordings = [wording for wording in range(len(fact.says)) if wording != line.wording]
            said = state(fact, author, author.pick(wordings))
            said.is_own = False
            _insert(target, [said], author)
            self.desk.stated[fact.key].append(target)
            self._related.add(frozenset((id(source), id(target))))
            self.mentions.append(Defect(source, target, "same_fact", line, said, fact.key))
            used.add(id(target))

    # ---------------------------------------------------------------- order

    def _numbers(self, keys: Iterable[str], purpose: str) -> list[float]:
        numbers = draws(self.knobs.seed, Kind.KNOWLEDGE, (f"{key} {purpose}" for key in keys), 1)
        return [float(number) for number in numbers[:, 0]]

    def _ordered(self, purpose: str) -> list[tuple[float, Draft, Subject]]:
        """Information articles in an order of their own for each purpose, with the number that made it."""
        known = [(draft, draft.subject) for draft in self.desk.drafts if draft.subject]
        numbers = self._numbers((draft.key for draft, _ in known), purpose)
        return sorted(
            ((number, *pair) for number, pair in zip(numbers, known, strict=True)), key=itemgetter(0)
        )


def _asked_weights(pack: Pack) -> dict[str, float]:
    """How often customers ask for each fact of a topic, by the weights of the intents about it."""
    weights: dict[str, float] = {}
    for intent in pack.intents:
        for key in intent.facts:
            weights[key] = weights.get(key, 0.0) + intent.weight / len(intent.facts)
    return weights


def _insert(draft: Draft, lines: list[Line], author: Author) -> None:
    """Put lines into a draft: somewhere after its first sentence, or at the end of an issue article.

    Never between two lines that were put in together before.
    """
    if draft.kind == "issue":
        draft.closing += lines
        return
    places = [
        place
        for place in range(1, len(draft.lines) + 1)
        if place == len(draft.lines) or draft.lines[place].is_own or draft.lines[place - 1].is_own
    ]
    place = author.pick(places)
    draft.lines[place:place] = lines
