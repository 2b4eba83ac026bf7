"""Files of a lake in an object store, as DuckDB reads them: by ranges, through the store's own client.

DuckDB reads Parquet over HTTP with an extension that not every machine can download; through this it needs none, and
a question reads what it would read of local files: the footers, and the row groups and columns that can matter. The
client (``obstore``) is the one inside deltalake: both take the same environment (``AWS_ENDPOINT_URL``, …).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import fsspec  # type: ignore[import-untyped]
import obstore
from obstore.store import from_url

__all__ = ["ObjectFiles"]

_RETRIES: Final[Any] = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
_WRITTEN_ONCE: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Time of change of every file: a data file never changes, so what was read of it once stays true."""


class ObjectFiles(fsspec.AbstractFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """The data files of one lake, for ``duckdb.DuckDBPyConnection.register_filesystem``.

    Parameters
    ----------
    root
        Address of the lake, such as ``s3://bucket/prefix``.
    """

    cachable = False

    def __init__(self, root: str) -> None:
        super().__init__()
        self.protocol = root.partition("://")[0]
        self._root = root.rstrip("/") + "/"
        self._store: Any = from_url(self._root.rstrip("/"), retry_config=_RETRIES)
        self._sizes: dict[str, int] = {}

    def know(self, sizes: Mapping[str, int]) -> None:
        """Remember sizes by address: nobody has to ask the store for them."""
        self._sizes.update(sizes)

    def open(self, path: str, mode: str = "rb", **_: Any) -> "_Ranges":
        """A file to read."""
        return _Ranges(self._store, self._inside(path), self.size(path))

    def glob(self, path: str, **_: Any) -> list[str]:
        """The path itself: Delta's log names every file, none is looked for."""
        return [path]

    def exists(self, path: str, **_: Any) -> bool:
        """Taken for granted, as ``glob``; a file that is gone fails when it is read."""
        return True

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name, size and kind."""
        return {"name": path, "size": self.size(path), "type": "file"}

    def size(self, path: str) -> int:
        """Bytes of a file."""
        address = self._address(path)
        if address not in self._sizes:
            self._sizes[address] = int(obstore.head(self._store, self._inside(path))["size"])
        return self._sizes[address]

    def modified(self, path: str) -> datetime:
        """The same moment for all."""
        return _WRITTEN_ONCE

    def _address(self, path: str) -> str:
        return path if "://" in path else f"{self.protocol}://{path}"

    def _inside(self, path: str) -> str:
        return self._address(path).removeprefix(self._root)


class _Ranges:
    """A file object whose every read is one request."""

    def __init__(self, store: Any, path: str, size: int) -> None:
        self._store, self._path, self.size, self._at = store, path, size, 0
        self.closed = False

    def read(self, count: int = -1) -> bytes:
        end = self.size if count < 0 else min(self.size, self._at + count)
        if end <= self._at:
            return b""
        found: bytes = obstore.get_range(self._store, self._path, start=self._at, end=end).to_bytes()
        self._at = end
        return found

    def seek(self, place: int, whence: int = 0) -> int:
        self._at = place + (0, self._at, self.size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def flush(self) -> None:
        """Nothing is written."""

    def close(self) -> None:
        self.closed = True
