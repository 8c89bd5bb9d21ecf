"""Files dropped into an inbox: each is taken once, none is ever lost."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxm import locks, store
from cxm.errors import CxmError
from cxm.importers import check_inbox, look, take_settled

ROOT = Path(__file__).parents[3]
HEADER = "conversation_id,channel,started_at\n"


def rows(*ids: str, channel: str = "chat") -> str:
    return HEADER + "".join(f"{i},{channel},2026-07-27T09:00:00Z\n" for i in ids)


class Inbox:
    def __init__(self, home: Path) -> None:
        self.path, self.data = home / "inbox", home / "data"
        self.path.mkdir()

    def drop(self, name: str, text: str = rows("a")) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def look(self) -> list[str]:
        return [entry.name for entry in look(self.path)]

    def take(self) -> dict[str, str]:
        """Look twice and take; outcome by name."""
        look(self.path), look(self.path)
        return {taken.name: taken.outcome for taken in take_settled(self.path, self.data).taken}

    def ids(self) -> list[str]:
        return store.scan(self.data, "conversations").collect()["conversation_id"].to_list()

    def left(self) -> list[str]:
        return sorted(
            path.relative_to(self.path).as_posix()
            for path in self.path.rglob("*")
            if not path.is_dir() and not path.relative_to(self.path).as_posix().startswith(".inbox")
        )


@pytest.fixture
def inbox(tmp_path):
    return Inbox(tmp_path)


def test_a_file_is_imported_and_moved_to_done(inbox):
    inbox.drop("conversations.csv", rows("a", "b"))
    assert inbox.take() == {"conversations.csv": "imported"}
    assert inbox.ids() == ["a", "b"]
    (left,) = inbox.left()
    assert left.startswith("done/")
    assert left.endswith("/conversations.csv")


def test_the_same_file_twice_changes_nothing_whatever_folder_it_is_dropped_in(inbox):
    inbox.drop("conversations.csv")
    inbox.take()
    inbox.drop("conversations.csv", rows("a", channel="email"))
    inbox.take()
    before = store.digest(inbox.data, "conversations")
    inbox.drop("again/conversations.csv")
    assert inbox.take() == {"again/conversations.csv": "known"}
    assert store.digest(inbox.data, "conversations") == before
    assert len(inbox.left()) == 3


def test_a_later_export_updates_the_same_conversation_and_leaves_the_others(inbox):
    inbox.drop("conversations.csv", rows("a", "b"))
    inbox.take()
    inbox.drop("conversations.csv", rows("b", "c", channel="email"))
    inbox.take()
    found = store.scan(inbox.data, "conversations").collect()
    assert dict(found.select("conversation_id", "channel").iter_rows()) == {
        "a": "chat",
        "b": "email",
        "c": "email",
    }


def test_of_two_files_dropped_together_the_one_changed_last_wins(inbox):
    late = inbox.drop("1/conversations.csv", rows("a", channel="email"))
    early = inbox.drop("2/conversations.csv", rows("a", channel="voice"))
    os.utime(early, (1_000_000, 1_000_000))
    os.utime(late, (2_000_000, 2_000_000))
    inbox.take()
    assert store.scan(inbox.data, "conversations").collect()["channel"].to_list() == ["email"]


def test_a_file_that_grows_is_waited_for_and_with_it_its_folder(inbox):
    path = inbox.drop("week/conversations.csv", HEADER)
    inbox.drop("week/turns.csv", "conversation_id,turn_index,speaker,text\na,0,customer,hi\n")
    inbox.drop("conversations.csv", rows("x"))
    assert inbox.look() == []
    path.write_text(rows("a"))
    assert inbox.look() == ["conversations.csv"]
    assert take_settled(inbox.path, inbox.data).taken[0].name == "conversations.csv"
    assert sorted(inbox.look()) == ["week/conversations.csv", "week/turns.csv"]


def test_a_file_changed_between_look_and_intake_waits_for_the_next(inbox):
    path = inbox.drop("conversations.csv")
    inbox.look(), inbox.look()
    path.write_text(rows("a", "b"))
    assert take_settled(inbox.path, inbox.data).taken == []
    inbox.look()
    assert take_settled(inbox.path, inbox.data).taken == []
    assert inbox.take() == {"conversations.csv": "imported"}


@pytest.mark.parametrize(
    "name", ["conversations.csv.part", "a.tmp", ".conversations.csv.Xy3f", ".hidden/conversations.csv"]
)
def test_unfinished_and_hidden_files_are_left_alone(inbox, name):
    inbox.drop(name)
    assert inbox.take() == {}
    assert inbox.left() == [name]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("conversations.csv", "nonsense\n1\n", "conversation_id"),
        ("conversations.csv", "", "conversations.csv"),
        ("conversations.csv", rows(*"abcdefgh", channel="fax"), "8 of 8 rows"),
        ("conversation.csv", rows("a"), "did you mean 'conversations'"),
        ("conversations.parquet", "no parquet", "conversations.parquet"),
        ("notes.pdf", "", "its ending is none of"),
    ],
)
def test_a_broken_file_is_moved_to_failed_with_its_reason_and_the_others_are_imported(
    inbox, name, text, said
):
    inbox.drop(f"broken/{name}", text)
    inbox.drop("conversations.csv", rows("good"))
    assert inbox.take() == {f"broken/{name}": "failed", "conversations.csv": "imported"}
    assert inbox.ids() == ["good"]
    (reasons,) = (inbox.path / "failed").glob("*.txt")
    (line,) = reasons.read_text().splitlines()
    assert line.startswith(f"broken/{name}: ")
    assert said in line
    assert (reasons.with_suffix("") / "broken" / name).read_text() == text


def test_links_and_pipes_are_refused_and_nothing_outside_is_read(inbox, tmp_path):
    outside = tmp_path / "conversations.csv"
    outside.write_text(rows("secret"))
    (inbox.path / "conversations.csv").symlink_to(outside)
    (inbox.path / "folder").symlink_to(tmp_path)
    os.mkfifo(inbox.path / "turns.csv")
    assert set(inbox.take().values()) == {"failed"}
    assert not store.exists(inbox.data, "conversations")
    assert outside.read_text() == rows("secret")
    assert all(left.startswith("failed/") for left in inbox.left())


@pytest.mark.parametrize(
    "name", ["a b'\"$(x);&<i>[1]*?.csv", "Ümläut-日本.csv", "new\nline\t.csv", "-rf.csv", "x" * 251 + ".csv"]
)
def test_any_name_is_taken_where_its_folder_names_the_table(inbox, name):
    inbox.drop(f"conversations/{name}")
    assert inbox.take() == {f"conversations/{name}": "imported"}
    assert inbox.ids() == ["a"]


def test_a_name_that_is_no_text_is_refused_in_words(inbox):
    raw = os.fsencode(inbox.path) + b"/\xff\xfe.csv"
    Path(os.fsdecode(raw)).write_text(rows("a"))
    assert set(inbox.take().values()) == {"failed"}
    (reasons,) = (inbox.path / "failed").glob("*.txt")
    assert "not UTF-8" in reasons.read_text()


def test_a_mapping_serves_its_folder_and_those_in_it(inbox):
    inbox.drop(
        "desk/mapping.toml",
        'table = "conversations"\n[columns]\nconversation_id = "Id"\nchannel = "How"\nstarted_at = "At"\n',
    )
    text = "Id,How,At\n1,chat,2026-07-27T09:00:00Z\n"
    inbox.drop("desk/tickets.csv", text)
    inbox.drop("desk/older/tickets.csv", text.replace("1,", "2,"))
    assert set(inbox.take().values()) == {"imported"}
    assert inbox.ids() == ["1", "2"]
    assert (inbox.path / "desk" / "mapping.toml").exists()


def test_with_another_mapping_the_same_file_is_another_import(inbox):
    mapping = 'table = "conversations"\n[columns]\nconversation_id = "Id"\nstarted_at = "At"\n[constants]\nchannel = "{}"\n'
    for channel in ("chat", "email"):
        inbox.drop("desk/mapping.toml", mapping.format(channel))
        inbox.drop("desk/tickets.csv", "Id,At\n1,2026-07-27T09:00:00Z\n")
        assert inbox.take() == {"desk/tickets.csv": "imported"}
    assert store.scan(inbox.data, "conversations").collect()["channel"].to_list() == ["email"]


def test_an_import_that_was_killed_is_taken_up_again(inbox):
    """Killed at every step between the first row and the move, the file ends in done and its rows in the table."""
    script = (
        "import sys, os, signal; from pathlib import Path; from cxm.importers import intake, take_settled\n"
        "where, home = sys.argv[1], Path(sys.argv[2])\n"
        "kill = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n"
        "target, name = {'before': (intake, 'import_source'), 'after': (intake._Ledger, 'note'), 'move': (intake, '_move')}[where]\n"
        "original = getattr(target, name)\n"
        "def note(self, digest, file, step):\n"
        "    kill() if step == 'imported' else original(self, digest, file, step)\n"
        "setattr(target, name, note if where == 'after' else kill)\n"
        "take_settled(home / 'inbox', home / 'data')\n"
    )
    inbox.drop("conversations.csv", rows("a", "b"))
    inbox.look(), inbox.look()
    for where in ("before", "after"):
        command = [sys.executable, "-c", script, where, str(inbox.path.parent)]
        ended = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
        assert ended.returncode == -signal.SIGKILL
        assert inbox.left() == ["conversations.csv"]
    ended = subprocess.run(
        [sys.executable, "-c", script, "move", str(inbox.path.parent)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL
    before = store.digest(inbox.data, "conversations")
    assert inbox.take() == {"conversations.csv": "known"}
    assert store.digest(inbox.data, "conversations") == before
    assert inbox.ids() == ["a", "b"]


def test_a_file_whose_import_is_broken_off_three_times_is_set_aside(inbox):
    inbox.drop("conversations.csv")
    script = (
        "import sys, os, signal; from pathlib import Path; from cxm.importers import intake, take_settled\n"
        "intake.import_source = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        "take_settled(Path(sys.argv[1]) / 'inbox', Path(sys.argv[1]) / 'data')\n"
    )
    inbox.look(), inbox.look()
    for _ in range(3):
        command = [sys.executable, "-c", script, str(inbox.path.parent)]
        subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    assert inbox.take() == {"conversations.csv": "failed"}
    inbox.drop("conversations.csv")
    assert inbox.take() == {"conversations.csv": "imported"}


@pytest.mark.parametrize("memory", ["", "{", "[]", '{"conversations.csv": 3}'])
def test_a_damaged_memory_costs_another_look_and_no_file(inbox, memory):
    inbox.drop("conversations.csv")
    inbox.look()
    (inbox.path / ".inbox" / "seen.json").write_text(memory)
    (inbox.path / ".inbox" / "ledger.jsonl").write_text('{"digest": \nnull\n[]\n')
    assert inbox.take() == {"conversations.csv": "imported"}


def test_an_inbox_that_cannot_be_one_is_named(inbox, tmp_path):
    for folder, data in [
        (tmp_path / "gone", inbox.data),
        (inbox.path, inbox.path / "data"),
        (inbox.path, inbox.path),
    ]:
        with pytest.raises(CxmError, match="inbox"):
            check_inbox(folder, data)


def test_while_the_tables_are_read_the_intake_is_refused_and_the_file_stays(inbox, tmp_path):
    inbox.drop("conversations.csv")
    inbox.look(), inbox.look()
    inbox.data.mkdir()
    script = (
        "import sys; from pathlib import Path; from cxm import locks\n"
        "with locks.hold(Path(sys.argv[1]), exclusive=False): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(inbox.data)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as reader:
        reader.stdout.readline()
        with pytest.raises(locks.InUse, match="in use by another run"):
            take_settled(inbox.path, inbox.data)
        assert inbox.left() == ["conversations.csv"]
        reader.stdin.close()
    assert inbox.take() == {"conversations.csv": "imported"}


def test_a_look_at_a_thousand_files_takes_less_than_a_second(inbox):
    for i in range(1000):
        inbox.drop(f"conversations/{i:04}.csv")
    for _ in range(2):
        started = time.monotonic()
        found = inbox.look()
        assert time.monotonic() - started < 1
    assert len(found) == 1000


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.binary(max_size=60)), max_size=4))
def test_whatever_bytes_are_dropped_every_file_ends_in_done_or_failed(tmp_path_factory, files):
    inbox = Inbox(tmp_path_factory.mktemp("bytes"))
    for folder, content in files:
        path = inbox.path / folder / "conversations.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    taken = inbox.take()
    assert set(taken.values()) <= {"imported", "failed", "known"}
    assert (
        len(taken)
        == len({folder for folder, _ in files})
        == len([n for n in inbox.left() if n.count("/") == 3])
    )


def test_the_bad_rows_of_a_dropped_file_are_set_aside(inbox, monkeypatch):
    monkeypatch.setenv("CXM_MAX_BAD_SHARE", "0.5")
    inbox.drop("conversations.csv", rows("a", "b") + "c,fax,2026-07-27T09:00:00Z\n")
    inbox.take()
    aside = pl.read_parquet(inbox.data / "quarantine" / "conversations.parquet")
    assert aside["reason"].to_list() == ["channel: must be one of: voice, chat, email, messaging, social"]
    ledger = [json.loads(line) for line in (inbox.path / ".inbox" / "ledger.jsonl").read_text().splitlines()]
    assert [record["step"] for record in ledger] == ["begun", "imported"]
