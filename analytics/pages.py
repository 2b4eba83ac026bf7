"""The page at ``/``: what is known now, and where to ask for more. Plain HTML that needs nothing else."""

from html import escape
from typing import Final

from analytics.models import RankAnswer, RankedItem
from analytics.service import Readiness

__all__ = ["CONTENT_SECURITY_POLICY", "REFRESH_S", "landing_page"]

REFRESH_S: Final = 3
CONTENT_SECURITY_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_ADDRESSES: Final = (
    ("/mcp", "MCP over streamable HTTP, for agents"),
    ("/v1/discover", "REST: providers"),
    ("/openapi.json", "REST: every address, described"),
    ("/health/ready", "state of the parts"),
    ("/metrics", "counters for Prometheus"),
)
_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --dim: #777; --good: #1a8f4c; --fair: #b7791f; --bad: #c53030; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h1 + p { margin-top: .2rem; color: var(--dim); }
table { border-collapse: collapse; width: 100%; margin: 1.5rem 0; }
th, td { text-align: left; padding: .35rem .7rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--dim); font-size: .85rem; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
td.wide { width: 12rem; } td.flags { white-space: normal; color: var(--dim); font-size: .9rem; }
.bar { position: relative; height: .6rem; border-radius: .3rem; background: var(--line); }
.bar i { position: absolute; top: 0; bottom: 0; border-radius: .3rem; background: currentColor; opacity: .55; }
.good { color: var(--good); } .fair { color: var(--fair); } .bad { color: var(--bad); }
.note { border-left: .25rem solid var(--fair); padding: .4rem .8rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; } dd { margin: 0; color: var(--dim); }
"""


def landing_page(state: Readiness, ranking: RankAnswer | None) -> str:
    """The page.

    Parameters
    ----------
    state
        Of the service.
    ranking
        Providers to show, best first; None when nothing can be answered.
    """
    rows = "\n".join(_row(item) for item in ranking.ranked) if ranking else ""
    addresses = "\n".join(
        f'<dt><a href="{escape(path)}">{escape(path)}</a></dt><dd>{escape(words)}</dd>' for path, words in _ADDRESSES
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="{REFRESH_S}">
<title>TrustScore</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>TrustScore</h1>
<p>{_headline(state, ranking)}</p>
{_note(state)}
<table>
<thead><tr><th>provider</th><th class="n">trust</th><th>90 % interval</th><th class="n">reports</th>
<th class="n">p95</th><th>confidence</th><th>flags</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<dl>
{addresses}
</dl>
</body>
</html>
"""


def _headline(state: Readiness, ranking: RankAnswer | None) -> str:
    shown = len(ranking.ranked) if ranking else 0
    counted = f"{shown:,} of {ranking.considered:,} providers" if ranking else "no providers"
    return escape(
        f"{counted} by the lower end of their interval · broker {state.broker.status} at {state.broker.address} · "
        f"lake {state.lake.status} · up {state.uptime_s:,.0f} s · version {state.version}"
    )


def _note(state: Readiness) -> str:
    if state.status == "ready":
        words = "" if state.providers else "No report has been scored yet. `trustscore simulate` sends sample traffic."
    elif state.status == "degraded":
        words = "Kafka is away: these are the last scores that were known, and no report can be taken."
    else:
        words = f"Nothing to answer from: {state.broker.problem or 'Kafka is away'}; lake: {state.lake.problem}"
    return f'<p class="note">{escape(words)}</p>' if words else ""


def _row(item: RankedItem) -> str:
    if item.trust_score is None or item.interval is None:
        trust, bar, tone = "–", "", "fair"
    else:
        low, high = (min(1.0, max(0.0, end)) * 100 for end in (item.interval.lower, item.interval.upper))
        tone = "good" if item.interval.lower >= 0.8 else "fair" if item.interval.lower >= 0.5 else "bad"
        trust = f"{item.trust_score:.3f}"
        words = f"{item.interval.lower:.3f} to {item.interval.upper:.3f}"
        bar = (
            f'<div class="bar" title="{words}"><i style="left:{low:.1f}%;width:{max(high - low, 1.0):.1f}%"></i></div>'
        )
    p95 = "–" if item.p95_latency_ms is None else f"{item.p95_latency_ms:,.0f} ms"
    name = escape(item.provider_id)
    return (
        f'<tr><td>{name}</td><td class="n {tone}">{trust}</td><td class="wide {tone}">{bar}</td>'
        f'<td class="n">{item.sample_size:,}</td><td class="n">{p95}</td><td>{escape(item.confidence)}</td>'
        f'<td class="flags">{escape(", ".join(item.flags))}</td></tr>'
    )
