"""Run config: what can be set for a run in Dagster, derived from a `Params` class.

Fields, defaults and explanations have their home there. What is set by directory or machine is in
`resources`.
"""

from collections.abc import Collection
from dataclasses import fields
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import dagster as dg
from pydantic import Field, TypeAdapter, ValidationError, create_model

from cxm.errors import CxmError
from cxm.task import Params

P = TypeVar("P", bound=Params)


def _config_type(hint: Any) -> Any:
    """The nearest type run config has: a tuple is given as a list."""
    if get_origin(hint) is tuple:
        return list[get_args(hint)[0]]  # type: ignore[misc]
    return hint


def config_class(params: type[Params], but: Collection[str] = ()) -> type[dg.Config]:
    """Run config with the fields of a `Params` class, except those named in `but`."""
    hints = get_type_hints(params)
    documented: dict[str, Any] = {
        field.name: (
            _config_type(hints[field.name]),
            Field(
                default=list(field.default) if isinstance(field.default, tuple) else field.default,
                description=field.metadata.get("help"),
            ),
        )
        for field in fields(params)
        if field.name not in but
    }
    return create_model(f"{params.__name__}Config", __base__=dg.Config, **documented)


def make_params(params: type[P], values: dict[str, Any], where: str) -> P:
    """`Params` from JSON values (run config, a manifest); `CxmError` if one does not fit."""
    try:
        return TypeAdapter(params).validate_python(values)
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(str(part) for part in problem["loc"])
        raise CxmError(f"{where}: parameter {name}: {problem['msg']}") from error
