"""What a check holds eleven of: dimensions, and how they compare with peers.

Structs, for the price: one is made in a tenth of a microsecond, a dataclass in half of one, a model in more.
"""

from dataclasses import dataclass, fields
from typing import Annotated, Any

import msgspec
from pydantic import Field, GetCoreSchemaHandler, ValidatorFunctionWrapHandler
from pydantic_core import CoreSchema, core_schema

__all__ = ["DimensionItem", "PeerItem"]


class Item(msgspec.Struct, gc=False):
    """Base: a struct to Python; to pydantic, and to ``dataclasses``, the dataclass of the same fields.

    Without garbage collection: nothing that an item holds leads back to it.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        same = {name: getattr(cls, name) for name in ("__annotations__", "__doc__", "__module__", "__qualname__")}
        twin: type[Any] = dataclass(type(cls.__name__, (), same))
        for name in ("__dataclass_fields__", "__dataclass_params__"):
            setattr(cls, name, getattr(twin, name))
        setattr(cls, "_twin", twin)  # noqa: B010 - mypy takes an assignment for that of a field

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Checked as the dataclass and then made; written as the dataclass, whose fields it has."""
        names = [field.name for field in fields(cls)]

        def made(given: Any, check: ValidatorFunctionWrapHandler) -> Item:
            if isinstance(given, cls):
                return given
            checked = check(given)
            return cls(*[getattr(checked, name) for name in names])

        twin: type[Any] = getattr(cls, "_twin")  # noqa: B009 - set above, not declared
        return core_schema.no_info_wrap_validator_function(made, handler.generate_schema(twin))


class PeerItem(Item, gc=False):
    """How a value compares with those of the provider's group."""

    group: Annotated[str, Field(description="category=… from the catalog, else task=… most reported")]
    peers: Annotated[int, Field(ge=0, description="providers of the group that have this value, this one not counted")]
    z_score: Annotated[float | None, Field(description="robust standard deviations; null with fewer than 5 peers")]
    percentile: Annotated[float | None, Field(description="share of peers at or below it, 0 to 1")]
    median: Annotated[float | None, Field(description="of the peers")]


class DimensionItem(Item, gc=False):
    """One dimension."""

    value: Annotated[float | None, Field(description="0 to 1, higher is better; null without evidence")]
    n: Annotated[int, Field(ge=0, description="reports in 90 days that speak to it")]
    n_effective: Annotated[float, Field(ge=0, description="the same, weighted by age")]
    lower: float | None
    upper: Annotated[float | None, Field(description="lower and upper: 90 % interval of value")]
    weight: Annotated[float, Field(description="share in the trust score; 0 when absent")]
    z_score: Annotated[float | None, Field(description="against the provider's own baseline; null when too few")]
    peer: Annotated[PeerItem | None, Field(description="against its group; null without value or group")]
    raw: Annotated[dict[str, float | None], Field(description="figures it comes from; names end in their unit")]
