"""The mapping file: how the columns of an export become ours.

What a user may write in the TOML file, checked as far as it can be without the export. A new key
belongs here (and in `docs/importing.md`); what it does to rows belongs in `rows`, `values`,
`times` or `derive`.
"""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import available_timezones

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cxm.errors import CxmError, did_you_mean
from cxm.importers.times import check_time_format
from cxm.tables import TABLES, Table

PICKS = ("earliest", "latest", "first")
_SINGLE = ("table", "columns", "values", "constants", "each", "skip_where_empty", "keep_further", "as_text")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Origin(_Strict):
    """Where the values of one of our columns come from; exactly one way."""

    source: str | None = None
    number_within: str | None = None
    order_by: str | None = None
    earliest: str | None = None
    latest: str | None = None
    first: str | None = None

    @model_validator(mode="after")
    def _is_one_way(self) -> Origin:
        ways = ["source", "number_within", *PICKS]
        if sum(getattr(self, way) is not None for way in ways) != 1:
            raise ValueError(
                "needs a source column (a text), or exactly one of: number_within, " + ", ".join(PICKS)
            )
        if self.order_by and not self.number_within:
            raise ValueError("order_by needs number_within beside it")
        return self

    @property
    def pick(self) -> str | None:
        """`earliest`, `latest` or `first` if the value is chosen among the rows of a key."""
        return next((pick for pick in PICKS if getattr(self, pick) is not None), None)

    @property
    def path(self) -> str | None:
        """The source column that is read; None if the value is numbered."""
        return self.source if self.source is not None else getattr(self, self.pick) if self.pick else None


class TableMapping(_Strict):
    """How the rows of the export become rows of one table."""

    table: str
    columns: dict[str, Origin] = Field(default_factory=dict)
    values: dict[str, dict[str, Any]] = Field(default_factory=dict)
    constants: dict[str, Any] = Field(default_factory=dict)
    each: str | None = None
    skip_where_empty: list[str] = Field(default_factory=list)
    keep_further: bool = False
    as_text: list[str] = Field(default_factory=list)
    time_zone: str | dict[str, str] | None = None
    time_format: str | dict[str, str] | None = None

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, columns: Any) -> Any:
        if not isinstance(columns, dict):
            return columns
        return {
            ours: {"source": origin} if isinstance(origin, str) else origin
            for ours, origin in columns.items()
        }

    @model_validator(mode="after")
    def _fits_the_table(self) -> TableMapping:
        table = self.declaration
        for section, names in {
            "columns": self.columns,
            "constants": self.constants,
            "values": self.values,
            "skip_where_empty": self.skip_where_empty,
        }.items():
            for name in names:
                if name not in table.columns and not (table.keeps_further_columns and name[:2] != "__"):
                    raise ValueError(
                        f"{section}: '{name}' is no column of {table.name}"
                        + did_you_mean(name, table.columns)
                    )
        twice = sorted(set(self.columns) & set(self.constants))
        if twice:
            raise ValueError(f"'{twice[0]}' stands under columns and under constants; keep one")
        if self.keep_further and not table.keeps_further_columns:
            raise ValueError(f"keep_further: {table.name} takes no further columns")
        for name in [*self.values, *self.skip_where_empty]:
            if self.columns and name not in self.columns:
                raise ValueError(f"'{name}' has values or skip_where_empty but is not under columns")
        self._check_derived()
        for name, zone in self._per_time_column("time_zone").items():
            check_time_zone(name, zone)
        for name, text in self._per_time_column("time_format").items():
            check_time_format(name, text)
        return self

    def _check_derived(self) -> None:
        table = self.declaration
        for name, origin in self.columns.items():
            if origin.pick and (name in table.key or not table.key):
                raise ValueError(
                    f"columns.{name}: '{origin.pick}' chooses among rows of one key, so not for a key"
                )
            if not origin.number_within:
                continue
            if name not in table.columns or table.columns[name].dtype != pl.Int32:
                raise ValueError(
                    f"columns.{name}: number_within needs a whole-number column, e.g. turn_index"
                )
            given = {**self.columns, **self.constants}
            for other in filter(None, (origin.number_within, origin.order_by)):
                if other not in given or other == name:
                    raise ValueError(
                        f"columns.{name}: '{other}' is not under columns" + did_you_mean(other, given)
                    )

    def _per_time_column(self, key: Literal["time_zone", "time_format"]) -> dict[str, str]:
        value = getattr(self, key)
        if value is None or isinstance(value, str):
            return {key: value} if value is not None else {}
        table = self.declaration
        times = [name for name, column in table.columns.items() if isinstance(column.dtype, pl.Datetime)]
        for name in value:
            if name not in times:
                raise ValueError(f"{key}: '{name}' is no time of {table.name}" + did_you_mean(name, times))
        return {f"{key}.{name}": text for name, text in value.items()}

    @property
    def declaration(self) -> Table:
        """The declared table."""
        if self.table not in TABLES:
            raise ValueError(f"unknown table '{self.table}'" + did_you_mean(self.table, TABLES))
        return TABLES[self.table]

    @property
    def numbered(self) -> dict[str, Origin]:
        """Columns that are counted within a group."""
        return {name: origin for name, origin in self.columns.items() if origin.number_within}

    @property
    def picks(self) -> dict[str, str]:
        """Columns chosen among the rows of a key, with how."""
        return {name: origin.pick for name, origin in self.columns.items() if origin.pick}

    def time_rule(self, key: Literal["time_zone", "time_format"], column: str) -> str | None:
        """The time zone or the format of a column; None if the mapping does not say."""
        value = getattr(self, key)
        return value.get(column) if isinstance(value, dict) else value


class Mapping(_Strict):
    """A whole mapping file: how to read the export, and the tables made from its rows."""

    delimiter: str | None = None
    encoding: str | None = None
    decimal: Literal[".", ","] | None = None
    null_values: list[str] = Field(default_factory=list)
    tables: list[TableMapping] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _inherit(cls, data: Any) -> Any:
        """Lift the short form (one table at the top) and hand times down to the tables."""
        if not isinstance(data, dict):
            return data
        single = {key: data[key] for key in _SINGLE if key in data}
        times = {key: data[key] for key in ("time_zone", "time_format") if key in data}
        rest = {key: value for key, value in data.items() if key not in single and key not in times}
        if single and "tables" in rest:
            raise ValueError(f"'{next(iter(single))}' stands beside [[tables]]; move it into one of them")
        if not single and "tables" not in rest:
            raise ValueError('name the table to fill, e.g. table = "turns"')
        tables = rest.get("tables", [single])
        if isinstance(tables, list):
            rest["tables"] = [
                {key: _restricted(value, table) for key, value in times.items()} | table
                if isinstance(table, dict)
                else table
                for table in tables
            ]
            _check_all_used(times, rest["tables"])
        return rest

    @field_validator("delimiter")
    @classmethod
    def _is_one_character(cls, delimiter: str | None) -> str | None:
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
            raise ValueError('must be one character, e.g. ";" or "\\t"')
        return delimiter


def _restricted(value: Any, table: dict[str, Any]) -> Any:
    """Of a rule for single columns, those that the table has."""
    declared = TABLES.get(str(table.get("table")))
    if not isinstance(value, dict) or declared is None:
        return value
    return {name: rule for name, rule in value.items() if name in declared.columns}


def _check_all_used(times: dict[str, Any], tables: list[Any]) -> None:
    known = {name for table in tables if isinstance(table, dict) for name in _columns_of(table)}
    for key, value in times.items():
        unknown = [name for name in value if name not in known] if isinstance(value, dict) else []
        if unknown:
            raise ValueError(
                f"{key}: '{unknown[0]}' is no column of the tables" + did_you_mean(unknown[0], known)
            )


def _columns_of(table: dict[str, Any]) -> list[str]:
    declared = TABLES.get(str(table.get("table")))
    return list(declared.columns) if declared else []


def check_time_zone(name: str, zone: str) -> None:
    """Raise `ValueError` unless `zone` is a name of the IANA time-zone database."""
    try:
        pl.Series([datetime(2026, 1, 1)]).dt.replace_time_zone(zone)
    except pl.exceptions.PolarsError:
        close = did_you_mean(zone, available_timezones())
        hint = close if "mean" in close else ", e.g. 'Europe/Berlin'"
        raise ValueError(f"{name}: '{zone}' is no time zone{hint}") from None


def read_mapping(path: Path) -> Mapping:
    """The checked mapping of a TOML file; `CxmError` names the first key that is wrong."""
    try:
        data = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise CxmError(f"mapping {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CxmError(f"mapping {path} is not TOML: {error}") from None
    return parse_mapping(data, f"mapping {path}")


def parse_mapping(data: dict[str, Any], where: str) -> Mapping:
    """The checked mapping of a parsed file; `where` opens the error."""
    try:
        return Mapping.model_validate(data)
    except ValidationError as error:
        raise CxmError(f"{where}: {_in_one_line(error)}") from None


def _in_one_line(error: ValidationError) -> str:
    problems = error.errors()
    first = problems[0]
    place = ".".join(str(part) for part in first["loc"] if not isinstance(part, int))
    message = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        unknown = str(first["loc"][-1])
        legal: dict[str, type[BaseModel]] = {"tables": TableMapping, "columns": Origin}
        models = [legal[str(part)] for part in first["loc"][:-1] if part in legal]
        fields = (
            set(models[-1].model_fields) if models else {*Mapping.model_fields, *TableMapping.model_fields}
        )
        message = f"unknown key '{unknown}'" + did_you_mean(unknown, fields)
        place = ".".join(place.split(".")[:-1])
    elif first["type"] == "missing":
        message = "this key is missing"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return " ".join(f"{place}: {message}{more}".removeprefix(": ").split())
