"""Every error of the HTTP interface in one shape: ``{"error": {code, message, field, wanted, got, next}}``."""

from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from analytics.errors import AnalyticsError, InvalidRequest, Unavailable, UnknownProvider
from analytics.models import ErrorAnswer, ErrorFacts
from scoring.errors import InvalidReport

__all__ = ["ERRORS", "add_error_handlers", "facts_of"]

_log = structlog.get_logger(__name__)

ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    422: {"model": ErrorAnswer, "description": "What was sent cannot be used; nothing was taken"},
    503: {"model": ErrorAnswer, "description": "A part that the answer needs is away"},
}
"""Error answers of every route, for OpenAPI."""

_HTTP: Final = {
    400: ("bad_request", "correct the request"),
    404: ("not_found", "GET /openapi.json lists all addresses"),
    405: ("method_not_allowed", "GET /openapi.json lists the methods of each address"),
    406: ("not_acceptable", "accept application/json"),
    413: ("too_large", "send less at a time"),
    415: ("unsupported_media_type", "send application/json or application/vnd.apache.arrow.stream"),
    421: ("misdirected", "ask by the address the server is bound to"),
}


def facts_of(error: Exception) -> tuple[int, ErrorFacts]:
    """HTTP status and facts of an error."""
    match error:
        case InvalidReport():
            return 422, _facts("invalid_report", str(error), error.step, error.field, error.wanted, error.got)
        case InvalidRequest():
            return 422, _facts("invalid_request", str(error), error.step, error.field, error.wanted, error.got)
        case UnknownProvider():
            wanted = "a provider of the catalog or of a report"
            return 404, _facts(
                "unknown_provider", str(error), error.step, "provider_id", wanted, ascii(error.provider_id)
            )
        case Unavailable():
            return 503, _facts(f"{error.part}_unavailable", str(error), error.step)
        case RequestValidationError():
            return 422, _validation(error)
        case HTTPException():
            code, step = _HTTP.get(error.status_code, ("http_error", "correct the request"))
            return error.status_code, _facts(code, f"{error.detail}; {step}", step)
        case AnalyticsError():
            return 503, _facts("unavailable", str(error), "see the server's log")
        case _:
            step = "try again; if it stays, report it with the time it happened"
            return 500, _facts("internal_error", f"the server failed at this; {step}", step)


def add_error_handlers(app: FastAPI) -> None:
    """Give every error of ``app`` the one shape."""
    for kind in (InvalidReport, AnalyticsError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer)
    app.add_exception_handler(Exception, _answer_crash)


async def _answer(request: Request, error: Exception) -> JSONResponse:
    status, facts = facts_of(error)
    headers = error.headers if isinstance(error, HTTPException) else None
    return JSONResponse(ErrorAnswer(error=facts).model_dump(), status, headers=headers)


async def _answer_crash(request: Request, error: Exception) -> JSONResponse:
    _log.error("request_failed", path=request.url.path, method=request.method, exc_info=error)
    return await _answer(request, error)


def _facts(
    code: str, message: str, step: str, field: str | None = None, wanted: str | None = None, got: str | None = None
) -> ErrorFacts:
    return ErrorFacts(code=code, message=message, field=field, wanted=wanted, got=got, next=step)


def _validation(error: RequestValidationError) -> ErrorFacts:
    """The first thing pydantic found."""
    first = error.errors()[0]
    path = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
    field = ".".join(path) or "body"
    wanted = str(first["msg"]).removeprefix("Input should be ")
    got = "nothing" if first["type"] == "missing" else ascii(first.get("input"))[:60]
    if first["type"] == "extra_forbidden":
        wanted, step = "an argument of this address", "leave it out; GET /openapi.json lists them"
    else:
        step = "correct it and send again"
    return _facts("invalid_request", f"{field} must be {wanted}; got {got}; {step}", step, field, wanted, got)
