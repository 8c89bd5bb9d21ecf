import pytest

from cxm.errors import CxmError
from cxm.importers import import_source
from cxm.stamp import FILE, check_stamp, read_stamp, write_stamp
from cxm.workspace import Workspace

CSV = "conversation_id,channel,started_at\na,chat,2026-07-27T09:00:00Z\n"


def test_an_import_marks_the_directory_and_one_without_a_mark_is_of_version_1(tmp_path):
    (tmp_path / "conversations.csv").write_text(CSV)
    import_source("csv", tmp_path / "conversations.csv", tmp_path / "data")
    assert (tmp_path / "data" / FILE).read_text() == '{"tables_version": 1}\n'
    (tmp_path / "data" / FILE).unlink()
    assert read_stamp(tmp_path / "data") == 1


def test_newer_tables_are_refused_by_everything_that_reads_or_writes_them(tmp_path, cli_refuses):
    data = tmp_path / "data"
    data.mkdir()
    (data / FILE).write_text('{"tables_version": 99}')
    (tmp_path / "conversations.csv").write_text(CSV)
    for act in (
        lambda: Workspace(data, tmp_path / "out"),
        lambda: import_source("csv", tmp_path / "conversations.csv", data),
        lambda: check_stamp(data),
    ):
        with pytest.raises(CxmError, match="version 99, this installation knows 1"):
            act()
    cli_refuses("validate", str(data))


@pytest.fixture
def cli_refuses(capsys):
    from cxm.cli import main

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        captured = capsys.readouterr()
        assert (ended.value.code, captured.out, captured.err.count("\n")) == (2, "", 1)

    return call


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"tables_version": "1"}', '{"tables_version": true}', '{"tables_version": 0}'],
)
def test_a_damaged_mark_is_one_line(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(CxmError, match="is damaged"):
        read_stamp(tmp_path)


def test_marking_twice_changes_nothing(tmp_path):
    write_stamp(tmp_path)
    before = (tmp_path / FILE).stat()
    write_stamp(tmp_path)
    assert (tmp_path / FILE).stat().st_mtime_ns == before.st_mtime_ns
