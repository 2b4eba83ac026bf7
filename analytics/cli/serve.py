"""``trustscore serve``: the server's process."""

from typing import Annotated

import typer

from analytics.settings import load_settings

__all__ = ["serve"]


def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind (or TRUSTSCORE_HTTP_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to bind, 0 for any (or TRUSTSCORE_HTTP_PORT).")] = None,
) -> None:
    """Serve the answers over REST and MCP.

    REST under /v1, MCP at /mcp, a page at /, /health/live, /health/ready and /metrics. SIGTERM or Ctrl-C stops it,
    exit code 0.
    """
    settings = load_settings(http_host=host, http_port=port)
    from analytics.server import serve as run  # FastAPI, mcp and DuckDB: nothing that `--help` should wait for

    run(settings)
