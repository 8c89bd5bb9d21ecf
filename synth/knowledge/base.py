"""The base as tables: rows of articles, pairs, tools, taxonomy and scorecard.

What stands in the articles is in the other modules; queries have one of their own.
"""

from __future__ import annotations

import json
from typing import Any

from cxm.errors import CxmError
from synth.catalog import draws
from synth.knobs import Knobs
from synth.knowledge.articles import Knowledge
from synth.knowledge.drafts import make_authors, word_banks
from synth.knowledge.layouts import lay_out
from synth.packs import Argument, Pack, Tool
from synth.streams import Kind

Rows = list[dict[str, Any]]


def article_rows(pack: Pack, knowledge: Knowledge, knobs: Knobs) -> Rows:
    """Rows of `articles`, with their bodies."""
    banks = word_banks(pack)
    keys = [f"{article.section} {article.title} layout" for article in knowledge.articles]
    return [
        {
            "article_id": article.article_id,
            "title": article.title,
            "body": lay_out(article, banks, author),
            "body_format": article.body_format,
            "kind": article.kind,
            "section": article.section,
            "language": "en",
            "updated_at": article.updated_at,
        }
        for article, author in zip(knowledge.articles, make_authors(knobs.seed, keys), strict=True)
    ]


def pair_rows(knowledge: Knowledge) -> Rows:
    """Rows of `article_pair_labels`."""
    return [
        {
            "left_article_id": pair.left,
            "right_article_id": pair.right,
            "relation": pair.relation,
            "split": pair.split,
        }
        for pair in knowledge.pairs
    ]


def tool_rows(pack: Pack, knobs: Knobs) -> Rows:
    """Rows of `tools`: all that intents, faults and problems need, then other tools up to the number wanted.

    Raises `CxmError` where the pack has fewer.
    """
    needed = {name for intent in pack.intents for name in intent.tools}
    needed |= {name for problem in pack.problems for name in problem.tools}
    needed |= {name for family in pack.families for fault in family.faults for name in fault.tools}
    if knobs.tools > len(pack.tools):
        raise CxmError(
            f"brand pack '{knobs.brand}' has {len(pack.tools)} of {knobs.tools} tools; "
            "add lookalikes to it or set fewer tools"
        )
    numbers = draws(knobs.seed, Kind.TOOL, (tool.tool_name for tool in pack.tools), 1)[:, 0].tolist()
    others = sorted(
        (not tool.doing, number, place)
        for place, (tool, number) in enumerate(zip(pack.tools, numbers, strict=True))
        if tool.tool_name not in needed
    )
    chosen = [tool for tool in pack.tools if tool.tool_name in needed]
    chosen += [pack.tools[place] for _, _, place in others[: max(knobs.tools - len(chosen), 0)]]
    return [
        {
            "tool_name": tool.tool_name,
            "description": tool.description,
            "parameters": json.dumps(_schema(tool), ensure_ascii=False),
        }
        for tool in chosen
    ]


def _schema(tool: Tool) -> dict[str, Any]:
    """The arguments of a tool as JSON Schema."""
    return {
        "type": "object",
        "properties": {name: _argument(argument) for name, argument in tool.arguments.items()},
        "required": [name for name, argument in tool.arguments.items() if argument.is_required],
    }


def _argument(argument: Argument) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": argument.type, "description": argument.description}
    return {**schema, "enum": list(argument.enum)} if argument.enum else schema


def taxonomy_rows(pack: Pack) -> Rows:
    """Rows of `taxonomy`: every intent that is our business and known."""
    return [
        {"intent": intent.intent, "parent": intent.parent, "description": intent.description}
        for intent in pack.intents
        if not intent.is_stray and not intent.is_launch
    ]


def scorecard_rows(pack: Pack) -> Rows:
    """Rows of `scorecard`."""
    return [
        {
            "criterion": criterion.criterion,
            "question": criterion.question,
            "weight": criterion.weight,
            "is_critical": criterion.is_critical,
        }
        for criterion in pack.scorecard
    ]
