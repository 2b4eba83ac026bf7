"""An S3 server in a process of its own: moto's, with requests one after the other.

moto looks whether an object exists and then writes it; of two conditional writes at the same moment both may succeed
(1 in 100 rounds of six did). In turn they are as good as S3's own: the second gets 412.

``python -m tests.support.s3_server PORT BUCKET`` serves until it is killed.
"""

import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from analytics.local.children import dying_with_parent, free_port
from tests.support.running_service import eventually

__all__ = ["S3Server"]

_BUCKET: Final = "lakes"
_SIGNED: Final = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
}


class S3Server:
    """A running server with one empty bucket."""

    def __init__(self, port: int, process: "subprocess.Popen[bytes]") -> None:
        self.url, self._process = f"http://127.0.0.1:{port}", process
        self.lake = f"s3://{_BUCKET}/some/prefix"
        self.env = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["S3Server"]:
        """Started, and killed in the end."""
        port = free_port()
        command = [sys.executable, "-m", "tests.support.s3_server", str(port), _BUCKET]
        process = subprocess.Popen(dying_with_parent(command, by=signal.SIGKILL), stdout=subprocess.DEVNULL)
        try:
            server = cls(port, process)
            eventually(server._answers, "the S3 server", 60)
            yield server
        finally:
            process.kill()
            process.wait()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It takes connections and answers none."""
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    def requests(self) -> list[str]:
        """What was asked of it so far: ``METHOD /path`` of each request for an object."""
        with urllib.request.urlopen(f"{self.url}/_asked", timeout=20) as answer:
            said: str = answer.read().decode()
        return said.splitlines()

    def _answers(self) -> bool | None:
        assert self._process.poll() is None, "the S3 server ended by itself"
        try:
            return True if self.requests() else None
        except OSError:
            return None


class _InTurn:
    """moto's application, one request at a time; it keeps what was asked."""

    def __init__(self, app: Any) -> None:
        self._app, self._turn, self._asked = app, threading.Lock(), list[str]()

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/_asked":
            start("200 OK", [("content-type", "text/plain")])
            return ["\n".join(self._asked).encode()]
        with self._turn:
            self._asked.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
            return list(self._app(environ, start))


def main() -> None:
    """Serve until killed."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # imports for a second
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_: Any) -> None:
            """Requests are counted, not logged."""

    port, bucket = int(sys.argv[1]), sys.argv[2]
    app = _InTurn(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    made = urllib.request.Request(f"http://127.0.0.1:{port}/{bucket}", method="PUT", headers=_SIGNED)
    with urllib.request.urlopen(made, timeout=60):
        serving.join()


if __name__ == "__main__":
    main()
