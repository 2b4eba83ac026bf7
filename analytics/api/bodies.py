"""Request bodies: JSON read the same way, and refused the same way, at every address."""

from typing import Any, Final

import orjson
from fastapi import Request
from starlette.exceptions import HTTPException

from analytics.errors import InvalidRequest
from analytics.models import ErrorAnswer

__all__ = ["JSON", "REFUSED", "content_type", "read_json"]

JSON: Final = "application/json"
REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    413: {"model": ErrorAnswer, "description": "The body is too large"},
    415: {"model": ErrorAnswer, "description": "The body is of a type this address does not take"},
}
"""Error answers of routes with a body, for OpenAPI."""


def content_type(request: Request) -> str:
    """Media type of the body, without parameters; empty when none is stated."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(request: Request, *others: str) -> Any:
    """The body, decoded; ``others`` are further types that the address takes, for the error.

    Raises
    ------
    HTTPException
        415 for another type. A page of another site can make a browser post text or a form to this machine, but not
        JSON, so this is also what keeps such pages out.
    InvalidRequest
        When it is no JSON.
    """
    kind = content_type(request)
    if kind != JSON:
        raise HTTPException(415, f"content-type must be {' or '.join((JSON, *others))}; got {ascii(kind)[:60]}")
    try:
        return orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("body", "valid JSON", str(error), "correct it") from None
