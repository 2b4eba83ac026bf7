"""The file of reports that a command is given: whether it is there, and how it is written."""

from pathlib import Path

from analytics.cli.output import BAD_INPUT, refuse
from analytics.replay.sources import Format, guess

__all__ = ["format_of"]


def format_of(file: Path, form: Format | None, argument: str) -> Format:
    """How ``file`` is written: as told, else by its name. Ends the command when there is none or nothing tells."""
    if not file.is_file():
        refuse(f"{argument} must be a file; got {file}, which is none; correct the path", BAD_INPUT)
    known = form or guess(file)
    if known is None:
        wanted = ", ".join(Format)
        refuse(
            f"--format must be one of {wanted} where the name does not tell; got {file.name}; add --format", BAD_INPUT
        )
    return known
