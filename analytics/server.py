"""The server's composition root: one ASGI app with REST, MCP, a page, health and metrics."""

import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.routing import Route

from analytics.answers import Answers
from analytics.api.errors import add_error_handlers
from analytics.api.health import build_health_router
from analytics.api.middleware import BodyLimit, RequestCount
from analytics.api.routes import build_router
from analytics.errors import Unavailable
from analytics.mcp_server import build_mcp
from analytics.metrics import Telemetry
from analytics.models import RankAnswer
from analytics.pages import CONTENT_SECURITY_POLICY, landing_page
from analytics.service import Service
from analytics.settings import Settings, load_settings

__all__ = ["create_app", "serve"]

_STOP_S: Final = 3
"""How long open requests may go on after SIGTERM, seconds; an MCP stream has no end of its own."""
_SHOWN: Final = 200
_DESCRIPTION: Final = (
    "May I trust this provider for this task now, which one is best, why, and what changed? "
    "Scores lie in [0, 1]; null means no evidence. Every error has the shape of ErrorAnswer."
)


def create_app(service: Service) -> FastAPI:
    """The ASGI app over a service; its lifespan connects the service and lets it go."""
    telemetry = Telemetry(service)
    mcp = build_mcp(service.answers, service.version)
    mcp_app = mcp.streamable_http_app(host=service.settings.http_host)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with service.running(), mcp.session_manager.run():
            service.foresight.listen()
            yield

    app = FastAPI(
        title="TrustScore", version=service.version, description=_DESCRIPTION, lifespan=lifespan,
        docs_url=None, redoc_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.include_router(build_router(service.answers, telemetry))
    app.include_router(build_health_router(service, telemetry))
    # Not mounted: a mount answers /mcp with a redirect, which not every MCP client follows.
    app.router.routes += [Route(path, mcp_app, include_in_schema=False) for path in ("/mcp", "/mcp/")]
    _add_page(app, service)
    add_error_handlers(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestCount, telemetry=telemetry)
    return app


def serve(settings: Settings | None = None) -> None:
    """Run the server until SIGTERM or SIGINT; returns after a clean stop."""
    settings = settings or load_settings()
    _configure_logs(settings.log_level)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(Service(settings)),
            host=settings.http_host,
            port=settings.http_port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_STOP_S,
            server_header=False,
        )
    )

    def stop(number: int, frame: FrameType | None) -> None:
        # uvicorn raises the signal again after its clean stop; being stopped is no failure, so that ends here.
        if not server.started:
            raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        server.run()
    finally:
        if not server.started:
            raise SystemExit(1)  # uvicorn has logged why, such as an address in use


def _add_page(app: FastAPI, service: Service) -> None:
    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        state = await service.readiness()
        html = landing_page(state, await _shown(service.answers))
        return HTMLResponse(html, headers={"content-security-policy": CONTENT_SECURITY_POLICY})


async def _shown(answers: Answers) -> RankAnswer | None:
    try:
        return await answers.rank(limit=_SHOWN)
    except Unavailable:
        return None


def _configure_logs(level: str) -> None:
    """JSON lines on stderr. Before the MCP server is built: it configures logging only where nobody has."""
    logging.basicConfig(level=level, format="%(message)s")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the feed and the producer say what became of it
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
