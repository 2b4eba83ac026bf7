"""Whether the process lives, whether it can answer, and what it counts."""

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from analytics.metrics import Telemetry
from analytics.service import Readiness, Service

__all__ = ["build_health_router"]


class Liveness(BaseModel):
    """The process answers."""

    status: Literal["alive"]
    uptime_s: float
    version: str


def build_health_router(service: Service, telemetry: Telemetry) -> APIRouter:
    """``/health/live``, ``/health/ready`` and ``/metrics``."""
    router = APIRouter(tags=["operations"])

    @router.get("/health/live", summary="Does the process live?")
    async def live() -> Liveness:
        return Liveness(status="alive", uptime_s=service.clock() - service.started_s, version=service.version)

    @router.get(
        "/health/ready",
        summary="Can it answer?",
        response_model=Readiness,
        responses={
            503: {"model": Readiness, "description": "Neither Kafka nor the lake gives anything to answer from"}
        },
    )
    async def ready() -> Response:
        found = await service.readiness()
        return JSONResponse(found.model_dump(), 503 if found.status == "unavailable" else 200)

    @router.get("/metrics", summary="Counters in Prometheus text format", response_class=Response)
    async def metrics() -> Response:
        return Response(telemetry.text(), media_type=CONTENT_TYPE_LATEST)

    return router
