"""The environment, read once per call into a frozen value.

Machine, services and secrets live here; parameters of an algorithm live in a task's `Params`,
limits in `reports/monitors.toml`.
"""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from cxm.errors import CxmError


class Settings(BaseSettings):
    """Settings from `CXM_*` environment variables; nothing is read at import."""

    model_config = SettingsConfigDict(env_prefix="CXM_", frozen=True, extra="ignore")

    cache: Path = Field(
        default_factory=lambda: user_cache_path("cxm"),
        description="Directory of the encoder cache (per user).",
    )
    encoder: str = Field(
        default="default",
        description="Sentence encoder: `default` (all-MiniLM-L6-v2, embedded), a path or a hub id.",
    )
    chat_model: str = Field(
        default="",
        description="Language model for what may ask one; empty: none, and nothing leaves the machine.",
    )
    chat_url: str = Field(
        default="https://api.openai.com/v1",
        description="Where the language model is; any server with the OpenAI interface.",
    )
    chat_key: SecretStr = Field(default=SecretStr(""), description="Its key; never logged, never stored.")
    mask_key: SecretStr = Field(
        default=SecretStr(""),
        description="Makes the pseudonyms of masked data, so that they stay; empty: one from the data.",
    )
    country: str = Field(
        default="",
        description="Country whose public holidays are allowed for, like `GB` (ISO 3166); empty: none are.",
    )
    schedule: str = Field(
        default="0 6 * * 1", description="When the weekly report is made by itself, as cron writes it."
    )
    schedule_zone: str = Field(default="Etc/UTC", description="Time zone of that, like `Europe/Berlin`.")
    monitors: Path | None = Field(
        default=None, description="File of monitors; none: `monitors.toml` in the data directory, if there."
    )
    alert_file: Path | None = Field(default=None, description="File that alerts are appended to.")
    alert_webhook: SecretStr = Field(
        default=SecretStr(""), description="Address that alerts are posted to as Slack-compatible JSON."
    )
    alert_mail_to: str = Field(default="", description="Address that alerts are mailed to.")
    alert_mail_from: str = Field(default="cxm@localhost", description="Sender of these mails.")
    alert_smtp: str = Field(default="localhost:25", description="Mail server, `host:port`.")
    alert_smtp_user: str = Field(default="", description="User at the mail server, if it asks for one.")
    alert_smtp_password: SecretStr = Field(default=SecretStr(""), description="Its password; never logged.")
    max_bad_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Share of bad rows above which an import stops.",
    )


def read_settings() -> Settings:
    """The settings as the environment has them now; `CxmError` that names a variable it cannot use."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "CXM_" + "_".join(str(part) for part in first["loc"]).upper()
        raise CxmError(f"environment variable {name}: {first['msg']}; set it anew or unset it") from None
