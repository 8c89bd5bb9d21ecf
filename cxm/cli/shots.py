"""Commands that answer one question: about a text, a conversation, a set of customers.

Each builds a one-row table and hands it to the task's own `predict`, with the model that
`cxm run` left in `--out` (made first if it is absent or stale).
"""

from __future__ import annotations

import json as json_
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import polars as pl
from cyclopts import Parameter, validators

from cxm import runs
from cxm.cli.output import OUT, Data, Json, Out, note, print_json, print_rows
from cxm.errors import CxmError, did_you_mean
from cxm.store import checked
from cxm.tables import TABLES
from cxm.tables.inputs import SPEAKERS
from cxm.task import Results, Services, Tables, Task
from cxm.tasks import by_name
from cxm.workspace import Workspace, make_services

_SHOT = "shot"
Count = Annotated[int, Parameter(alias="-n", help="How many to show.", validator=validators.Number(gte=1))]


def _answer(
    task: Task, workspace: Workspace | None, shot: dict[str, pl.DataFrame], out: Path, **given: Any
) -> Results:
    """The task's prediction for the rows of `shot`, beside the workspace's other tables.

    `given` parameters change how the model is asked, not how it was made.
    """
    params = task.params(**given)
    services: Services = workspace.services if workspace else make_services(out)
    present = {name: workspace.read(name) for name in task.inputs if workspace and workspace.has(name)}
    tables: Tables = {**present, **{name: frame.lazy() for name, frame in shot.items()}}
    if workspace and task.missing(workspace.has) is None:
        model = runs.model(task, workspace)
    else:
        missing = task.missing(lambda name: name in tables)
        if missing:
            where = f" in {workspace.data}" if workspace else ""
            raise CxmError(f"{task.name} lacks {', '.join(missing)}{where}; it needs {task.needs_text()}")
        model = task.method.fit(tables, None, params, services)
    return task.method.predict(tables, model, params, services)


def _one_conversation(turns: list[dict[str, Any]], channel: str = "chat") -> dict[str, pl.DataFrame]:
    head = {"conversation_id": _SHOT, "channel": channel, "started_at": datetime(2000, 1, 1, tzinfo=UTC)}
    rows = [{"conversation_id": _SHOT, "turn_index": i, **turn} for i, turn in enumerate(turns)]
    return {
        "conversations": checked(pl.DataFrame([head]), "conversations"),
        "turns": checked(pl.DataFrame(rows), "turns"),
    }


def require_words(text: str, what: str) -> str:
    """The text without what is no text; `CxmError` where it is empty."""
    if not text.strip():
        raise CxmError(f"the {what} is empty; give some words")
    return _whole(text)


def _whole(text: str) -> str:
    """The text without lone surrogates (bytes that are no UTF-8)."""
    return text.encode("utf-8", "replace").decode()


def intent(text: str, /, *, data: Data, out: Out = OUT, n: Count = 3, json: Json = False) -> int:
    """Why would a customer say this?

    Parameters
    ----------
    text
        What the customer said.
    """
    text = require_words(text, "text")
    shot = _one_conversation([{"speaker": "customer", "text": text}])
    results = _answer(by_name("intent_prediction"), Workspace(data, out), shot, out)
    rows = results["predicted_intents"].drop("conversation_id").head(n).to_dicts()
    if rows and rows[0]["is_other_language"]:
        note("this is not English, and the conversations learned from are: none of the intents is sure")
    print_json(rows) if json else print_rows(rows)
    return 0


def sentiment(text: str, /, *, data: Path | None = None, out: Out = OUT, json: Json = False) -> int:
    """How does this text feel?

    Parameters
    ----------
    text
        What the customer said.
    data
        Data directory to learn from; without it the method without labels is used.
    """
    text = require_words(text, "text")
    shot = _one_conversation([{"speaker": "customer", "text": text}])
    workspace = Workspace(data, out) if data else None
    rows = _answer(by_name("sentiment"), workspace, shot, out)["turn_sentiment"]
    answer = rows.drop("conversation_id", "turn_index").row(0, named=True)
    print_json(answer) if json else print_rows([answer])
    return 0


def reply(
    conversation: Path,
    /,
    *,
    data: Data,
    out: Out = OUT,
    unmasked: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Prepare the next reply of a conversation.

    Parameters
    ----------
    conversation
        JSON Lines, a turn a line: {"speaker": "customer", "text": "..."}.
    unmasked
        Show names, numbers and addresses in what was said to other customers as they are.
    """
    from cxm.methods.tool_arguments import ToolSchema, ask_for

    shot = _one_conversation(_read_turns(conversation))
    point = {"conversation_id": [_SHOT], "turn_index": [shot["turns"].height]}
    shot["reply_points"] = checked(pl.DataFrame(point), "reply_points")
    workspace = Workspace(data, out)
    results = _answer(by_name("multi_turn_rag"), workspace, shot, out)
    prepared = results["prepared_replies"].drop("conversation_id").row(0, named=True)
    prepared["citations"] = json_.loads(prepared["citations"])
    prepared["tool_arguments"] = json_.loads(prepared["tool_arguments"] or "null")
    asked: list[str] = []
    if prepared["missing_arguments"]:
        is_chosen = pl.col("tool_name") == prepared["tool_name"]
        tool = workspace.read("tools").filter(is_chosen).select("parameters").collect().item()
        asked = ask_for(ToolSchema.parse(tool), prepared["missing_arguments"])
    prepared["questions"] = asked
    suggested = results.get("suggested_replies", TABLES["suggested_replies"].empty())
    prepared["suggested_replies"] = suggested.drop("conversation_id", "turn_index").to_dicts()
    for said in () if unmasked else prepared["suggested_replies"]:
        said["reply"] = workspace.redactor.mask(said["reply"])
    if json:
        print_json(prepared)
        return 0
    cited = {citation["article_id"] for citation in prepared["citations"]}
    titles: dict[str, str] = {}
    if cited:
        rows = workspace.read("articles").filter(pl.col("article_id").is_in(sorted(cited)))
        titles = dict(rows.select("article_id", "title").collect().iter_rows())
    _print_reply(prepared, titles)
    return 0


def _print_reply(prepared: dict[str, Any], titles: dict[str, str]) -> None:
    """A prepared reply for a person: what to do, the quotes numbered, questions, what others said."""
    print(f"status: {prepared['status']}")
    for number, citation in enumerate(prepared["citations"], start=1):
        print(f"reply:  {citation['quote']} [{number}]")
    for number, citation in enumerate(prepared["citations"], start=1):
        print(f"    [{number}] {titles.get(citation['article_id'], '')} ({citation['article_id']})")
    if prepared["tool_name"]:
        arguments = json_.dumps(prepared["tool_arguments"], ensure_ascii=False)
        print(f"tool:   {prepared['tool_name']} {arguments}")
    for question in prepared["questions"]:
        print(f"ask:    {question}")
    if prepared["suggested_replies"]:
        print("said before (where it is known, in conversations that ended well):")
    print_rows(
        prepared["suggested_replies"], ["rank", "reply", "source_conversation_id", "source_turn_index"]
    )


def _read_turns(path: Path) -> list[dict[str, Any]]:
    turns = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").split("\n"), 1):
        if not line.strip():
            continue
        try:
            turn = json_.loads(line)
            if not isinstance(turn["text"], str):
                raise TypeError
            speaker, text = turn["speaker"], _whole(turn["text"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CxmError(
                f'{path} line {number} is not a turn; expected {{"speaker": "customer", "text": "..."}}'
            ) from error
        if speaker not in SPEAKERS:
            known = did_you_mean(str(speaker), SPEAKERS)
            raise CxmError(f"{path} line {number}: no such speaker: {speaker!r}{known}")
        turns.append({"speaker": speaker, "text": text})
    if not turns:
        raise CxmError(f'{path} has no turns; give one a line: {{"speaker": "customer", "text": "..."}}')
    return turns


_FOUND = (
    "conversations",
    "predicted_intents",
    "conversation_sentiment",
    "conversation_quality",
    "quality_answers",
)


def show(
    conversation_id: str,
    /,
    *,
    data: Data,
    out: Out = OUT,
    unmasked: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """A conversation with what was found in it, personal data masked.

    Parameters
    ----------
    conversation_id
        As in the table `conversations`.
    unmasked
        Show names, numbers and addresses as they are.
    """
    workspace = Workspace(data, out)
    mine = pl.col("conversation_id") == conversation_id
    turns = workspace.read("turns").filter(mine).sort("turn_index").drop("conversation_id").collect()
    if not turns.height:
        ids = (
            workspace.read("turns").select("conversation_id").unique().collect()["conversation_id"].to_list()
        )
        near = did_you_mean(conversation_id, ids) if len(ids) < 100_000 else ""
        hint = near if near.startswith("; did") else ""
        raise CxmError(f"no turns of conversation '{conversation_id}' in {workspace.data}{hint}")
    if not unmasked:
        masked = workspace.redactor.mask_all(turns["text"].to_list())
        turns = turns.with_columns(text=pl.Series(masked, dtype=pl.String))
    if workspace.has("turn_sentiment"):
        found = workspace.read("turn_sentiment").filter(mine).select("turn_index", "polarity").collect()
        turns = turns.join(found, on="turn_index", how="left", validate="1:1", maintain_order="left")
    facts: dict[str, Any] = {}
    for name in _FOUND:
        if workspace.has(name):
            facts[name] = workspace.read(name).filter(mine).drop("conversation_id").collect().to_dicts()
    if not unmasked:
        for row in facts.get("quality_answers", ()):
            row["explanation"] = workspace.redactor.mask(row["explanation"])
    if json:
        print_json({"conversation_id": conversation_id, "turns": turns.to_dicts(), **facts})
        return 0
    for name, rows in facts.items():
        print(name.replace("_", " "))
        print_rows(
            [{k: v for k, v in row.items() if v is not None} for row in rows[:1]] if len(rows) == 1 else rows
        )
    print_rows(turns.drop("spoken_at").to_dicts())
    return 0
