"""``trustscore mcp``: the answers for one MCP client, over stdin and stdout."""

import asyncio
import logging
import os
import signal
import sys

from analytics.cli.output import INTERRUPTED
from analytics.cli.source import UrlOption
from analytics.settings import Settings, load_settings

__all__ = ["mcp"]

_FIRST_WORD_S = 2.0
"""How long the start waits for Kafka: the first question then gets the live answer."""


def mcp(url: UrlOption = None) -> None:
    """Serve the answers to one MCP client over stdio.

    The client starts this command itself: see `trustscore config claude-desktop`. Answers come from Kafka and the
    lake directly, or from the server that --url or TRUSTSCORE_URL names. Only the protocol is written to stdout.
    """
    settings = load_settings(url=url)
    _log_to_stderr()
    # The thread that waits for stdin cannot be interrupted, and nothing is left to do: a report is answered only when
    # Kafka has acknowledged it.
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(INTERRUPTED))
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    from analytics.mcp_server import build_mcp

    if settings.url:
        from analytics.cli.remote import RemoteAnswers

        async with RemoteAnswers(settings.url) as remote:
            await build_mcp(remote).run_stdio_async()
        return
    from analytics.service import Service

    service = Service(settings)
    server = build_mcp(service.answers, service.version)
    async with service.running(_FIRST_WORD_S):
        await server.run_stdio_async()


def _log_to_stderr() -> None:
    """Send logs to stderr before anything is built: clients show it as the server's log."""
    import structlog

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    # A broker that is away is said once a minute by the feed and in every answer (stale), not by each connection.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
