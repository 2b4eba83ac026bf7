"""``trustscore``: the table of commands, each loaded only when it is called.

``trustscore --help`` must not wait for scipy, mcp, DuckDB or Delta (4 s of imports together), so this module knows of
each command only where it lives and the sentence that help shows.
"""

import importlib
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from analytics.cli.output import BAD_INPUT, FAILED, refuse
from analytics.errors import AnalyticsError, InvalidRequest, InvalidSettings, UnknownProvider
from scoring.errors import InvalidReport

__all__ = ["COMMANDS", "Entry", "app", "load", "main"]


class Entry(NamedTuple):
    """Where a command lives and what help says of it."""

    target: str
    """``module:attribute`` of a function or of a typer app."""
    help: str
    panel: str


_RUN: Final = "Run"
_ASK: Final = "Ask and report"
_DATA: Final = "Data"

COMMANDS: Final[dict[str, Entry]] = {
    "up": Entry("analytics.cli.firstrun:up", "Start broker, worker, server and sample traffic in one go.", _RUN),
    "worker": Entry("analytics.cli.worker:worker", "Run one stream worker: reports in, scores out.", _RUN),
    "serve": Entry("analytics.cli.serve:serve", "Serve the answers over REST and MCP.", _RUN),
    "mcp": Entry("analytics.cli.mcp:mcp", "Serve the answers to one MCP client over stdio.", _RUN),
    "check": Entry("analytics.cli.ask:check", "Say how far one provider can be trusted now.", _ASK),
    "rank": Entry("analytics.cli.ask:rank", "Order providers for a task, the safest choice first.", _ASK),
    "discover": Entry("analytics.cli.ask:discover", "Find providers by words, task type or category.", _ASK),
    "explain": Entry("analytics.cli.ask:explain", "Show what a score is made of, part by part.", _ASK),
    "history": Entry("analytics.cli.ask:history", "Show how a score moved over time.", _ASK),
    "report": Entry("analytics.cli.report:report", "Report what came of one call to a provider.", _ASK),
    "replay": Entry("analytics.cli.firstrun:replay", "Send reports from a file through Kafka.", _DATA),
    "simulate": Entry("analytics.cli.firstrun:simulate", "Send seeded sample traffic through Kafka.", _DATA),
    "verify": Entry("analytics.cli.verify:verify", "Recompute panes and scores from the lake and compare.", _DATA),
    "backtest": Entry("analytics.cli.backtest:backtest", "Measure how well the score predicts the next call.", _DATA),
    "attack-cost": Entry("analytics.cli.attack_cost:attack_cost", "Say what it takes to move a provider.", _DATA),
    "credibility": Entry(
        "analytics.cli.credibility:credibility", "Say how far each reporter in a file can be believed.", _DATA
    ),
    "reporters": Entry("analytics.cli.reporters:app", "Weigh reporters: what each one's reports count.", _DATA),
    "weights": Entry("analytics.cli.weights:app", "Learn how much each dimension should count.", _DATA),
    "lake": Entry("analytics.cli.lake:app", "Look after the lake: compact, snapshot.", _DATA),
    "catalog": Entry("analytics.cli.catalog:app", "Look at the known providers and import more.", _DATA),
    "config": Entry("analytics.cli.config:config", "Print settings, or a client's MCP configuration.", _RUN),
}


def load(name: str) -> TyperCommand | TyperGroup:
    """The command itself, its module imported."""
    entry = COMMANDS[name]
    module, attribute = entry.target.split(":")
    target: Any = getattr(importlib.import_module(module), attribute)
    if isinstance(target, typer.Typer):
        group = get_group(target)
        group.name = name
        return group
    single = typer.Typer(add_completion=False)
    single.command(name)(target)
    command = get_command(single)
    assert isinstance(command, TyperCommand)
    return command


class LazyGroup(TyperGroup):
    """A group whose help comes from ``COMMANDS`` and whose command is imported when it is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, entry in COMMANDS.items():
            shown = TyperCommand(name, help=entry.help, rich_help_panel=entry.panel)
            self.add_command(shown, name)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what its caller can mend ends in a sentence and an exit code, not in a traceback."""
        try:
            return super().invoke(ctx)
        except (InvalidRequest, InvalidSettings, InvalidReport) as error:
            refuse(str(error), BAD_INPUT)
        except UnknownProvider as error:
            step = error.step if error.closest else "`trustscore discover` lists the ids that are known"
            refuse(f"{str(error).removesuffix(error.step)}{step}", FAILED)
        except AnalyticsError as error:
            refuse(str(error), FAILED)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The called command, loaded (both a call and its shell completion come through here)."""
        if args and args[0] in COMMANDS:
            self.commands[args[0]] = load(args[0])
        return super().resolve_command(ctx, args)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("trustscore")
        except PackageNotFoundError:
            number = "not installed (run from its source)"
        typer.echo(f"trustscore {number}")
        raise typer.Exit


app = typer.Typer(name="trustscore", cls=LazyGroup, no_args_is_help=True, pretty_exceptions_show_locals=False)


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", help="Print the version and stop.", callback=_version, is_eager=True
    ),
) -> None:
    """Trust scores for the tools AI agents call: may I trust this provider now, which is best, and why."""


def main() -> None:
    """Run the command line of this process."""
    app()


if __name__ == "__main__":
    main()
