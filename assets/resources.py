"""Resources: the data directory and the output directory a run works on.

A thing that differs between machines or runs and that several assets need belongs here. What is
done with it belongs in the assets; encoder and cache are `cxm.settings`.
"""

from contextlib import ExitStack
from pathlib import Path

import dagster as dg
from pydantic import Field, PrivateAttr
from pydantic_settings import BaseSettings, SettingsConfigDict

from cxm.backends.encoder import Encoder
from cxm.errors import CxmError
from cxm.workspace import Workspace


class _Environment(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="CXM_", frozen=True, extra="ignore")

    data: str = ""
    out: str = "out"
    inbox: str = ""


class WorkspaceResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Gives the `Workspace` of a run, the same one to each of its steps.

    Tables are thus read and checked once a run, and the encoder is loaded once. The environment
    is read when a run starts, not at import.
    """

    data: str = Field(
        default="",
        description="Data directory. Empty: CXM_DATA, or the simulated brand in <out>/simulated-brand.",
    )
    out: str = Field(default="", description="Output directory. Empty: CXM_OUT, or `out`.")

    inbox: str = Field(
        default="",
        description="Folder whose files are imported by themselves. Empty: CXM_INBOX, or none.",
    )

    _workspace: Workspace | None = PrivateAttr(default=None)
    _held: ExitStack = PrivateAttr(default_factory=ExitStack)

    def out_directory(self) -> Path:
        """Where results go."""
        return Path(self.out or _Environment().out or "out").expanduser()

    def is_simulated(self) -> bool:
        """Whether no data directory is named, so that the simulated brand supplies the tables."""
        return not (self.data or _Environment().data)

    def data_directory(self) -> Path:
        """Where the input tables are, or will be once the simulated brand is written."""
        if self.is_simulated():
            return self.out_directory() / "simulated-brand"
        return Path(self.data or _Environment().data).expanduser()

    def inbox_folder(self) -> Path | None:
        """The folder that is watched, if one is."""
        named = self.inbox or _Environment().inbox
        return Path(named).expanduser() if named else None

    def encoder(self) -> Encoder | None:
        """None for the encoder the settings name; a test's resource gives another."""
        return None

    def open(self) -> Workspace:
        """A workspace of one's own, whatever other runs do; `CxmError` if a directory cannot be used."""
        workspace = Workspace(self.data_directory(), self.out_directory(), self.encoder())
        try:
            workspace.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CxmError(
                f"cannot write to {workspace.out}: {error.strerror}; give another directory as --out"
            ) from error
        return workspace

    def workspace(self) -> Workspace:
        """The run's workspace, kept from other runs until it ends; raises as `open`.

        Another run that uses the directories is waited for.
        """
        if self._workspace is None:
            workspace = self.open()
            self._held.enter_context(workspace.hold(on_wait=dg.get_dagster_logger().info))
            self._workspace = workspace
        return self._workspace

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Free the directories when the run ends."""
        self._workspace = None
        self._held.close()
