import pytest

from assets.resources import WorkspaceResource
from cxm.errors import CxmError


def test_the_environment_names_the_directories_when_the_run_starts_not_at_import(monkeypatch, data, tmp_path):
    resource = WorkspaceResource()
    monkeypatch.setenv("CXM_DATA", str(data))
    monkeypatch.setenv("CXM_OUT", str(tmp_path / "results"))
    workspace = resource.workspace()
    assert (workspace.data, workspace.out) == (data, tmp_path / "results")


def test_what_is_configured_goes_before_the_environment(monkeypatch, data, tmp_path):
    monkeypatch.setenv("CXM_DATA", "elsewhere")
    resource = WorkspaceResource(data=str(data), out=str(tmp_path / "out"))
    assert resource.workspace().data == data


def test_an_empty_variable_counts_as_none_and_means_the_simulated_brand(monkeypatch, tmp_path):
    monkeypatch.setenv("CXM_DATA", "")
    resource = WorkspaceResource(out=str(tmp_path))
    assert resource.is_simulated()
    assert resource.data_directory() == tmp_path / "simulated-brand"


def test_the_workspace_is_opened_once(offline):
    assert offline.workspace() is offline.workspace()


def test_an_out_that_cannot_be_written_is_one_line(data, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CxmError, match=r"cannot write to .*another directory as --out"):
        WorkspaceResource(data=str(data), out=str(tmp_path / "file")).workspace()
