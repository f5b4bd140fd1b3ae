"""The proof as one self-contained page: a table of everything, then each run with its plots."""

from html import escape

from host_tools.prove import plots, present, rows
from host_tools.prove.expectation import OPENS, ROW
from host_tools.prove.run import passed

_CSS = """
:root { --paper: #fff; --ink: #1a1d21; --soft: #626a73; --line: #d5dae0; --band: #f4f6f8;
  --good: #1a7f37; --bad: #cf222e; --curve: #0969da; --second: #8250df; --limit: #cf222e;
  --release: #9a6700; --closed: #2da44e; }
@media (prefers-color-scheme: dark) { :root { --paper: #0f1318; --ink: #e6eaee; --soft: #9aa4af;
  --line: #333b45; --band: #181e25; --good: #3fb950; --bad: #ff7b72; --curve: #58a6ff;
  --second: #bc8cff; --limit: #ff7b72; --release: #d29922; --closed: #238636; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 16px 64px; max-width: 1040px; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 0; }
p { margin: 4px 0 12px; } .soft { color: var(--soft); }
a { color: inherit; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th { text-align: left; font-weight: 600; color: var(--soft); }
th, td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number { white-space: nowrap; font-variant-numeric: tabular-nums; }
.ok { color: var(--good); font-weight: 600; } .fail { color: var(--bad); font-weight: 700; }
.bar { display: inline-block; width: 70px; height: 7px; border-radius: 4px; background: var(--line);
  vertical-align: middle; overflow: hidden; margin-right: 8px; }
.bar i { display: block; height: 100%; background: var(--good); } .bar i.over { background: var(--bad); }
.scroll { overflow-x: auto; }
section { margin-top: 36px; padding-top: 20px; border-top: 2px solid var(--line); }
code { font: 12.5px ui-monospace, monospace; }
svg { width: 100%; height: auto; display: block; margin: 14px 0 6px; font: 12px system-ui, sans-serif; }
svg .frame { fill: var(--band); stroke: var(--line); }
svg .grid { stroke: var(--line); stroke-width: 0.6; }
svg text { fill: var(--soft); } svg text.title { fill: var(--ink); font-weight: 600; }
svg polyline { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
svg .high { stroke: var(--curve); } svg .low { stroke: var(--second); } svg .faint { opacity: 0.35; }
svg .trip { stroke: var(--limit); stroke-width: 1.4; stroke-dasharray: 7 4; }
svg text.name { fill: var(--limit); }
svg .release { stroke: var(--release); stroke-dasharray: 2 4; }
svg rect.open { fill: var(--band); stroke: var(--line); } svg rect.closed { fill: var(--closed); opacity: 0.75; }
svg text.strip { fill: var(--ink); font-size: 11px; }
svg line.event { stroke: var(--soft); stroke-dasharray: 3 3; }
svg line.mark { stroke: var(--ink); stroke-width: 1.2; } svg text.mark { fill: var(--ink); }
svg line.due { stroke: var(--release); stroke-width: 1.6; } svg text.due { fill: var(--release); }
"""


def html(results):
    """The page; the same results give the same bytes."""
    failed = sum(not passed(result) for result in results)
    verdict = (
        f'<span class="fail">{failed} failed</span>'
        if failed
        else '<span class="ok">all passed</span>'
    )
    lines = "".join(_line(result) for result in results)
    sections = "".join(_section(result) for result in results)
    checks = sum(len(result.checks) for result in results)
    minutes = sum(result.scenario.end_ms for result in results) / 60000
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Vigil: {len(results)} proofs</title><style>{_CSS}</style></head><body>"
        "<h1>What this battery management does when things go wrong</h1>"
        f"<p>{len(results)} scenarios, {checks} checks, {minutes:.0f} minutes of battery time: {verdict}.</p>"
        '<p class="soft">Each run is the firmware itself on a simulated chip and pack. A switch counts as open'
        " when the simulated hardware lets no current through, whatever the firmware believes. The reaction time"
        " runs from the moment at which the cells really cross the limit (or the fault strikes) to that;"
        " allowed are the limit's delay and three periods of its measurement: one until the first bad reading"
        " is there, two to act.</p>"
        '<div class="scroll"><table><thead><tr><th>scenario</th><th>expected</th><th>reaction</th>'
        f"<th></th></tr></thead><tbody>{lines}</tbody></table></div>{sections}</body></html>\n"
    )


def _line(result):
    name = escape(result.scenario.name)
    texts = "<br>".join(escape(one.text) for one in result.scenario.expect)
    took = ""
    if not result.refusal:
        check = present.headline(result)
        if check.reaction_us is not None and check.allowed_us:
            took = _bar(check) + escape(present.reaction(check))
    return (
        f'<tr><td><a href="#{name}">{name.replace("_", " ")}</a></td><td>{texts}</td>'
        f'<td class="number">{took}</td><td>{_word(passed(result))}</td></tr>'
    )


def _bar(check):
    share = check.reaction_us / check.allowed_us
    css = ' class="over"' if share > 1 else ""
    return (
        f'<span class="bar"><i{css} style="width:{min(max(share, 0), 1) * 100:.0f}%"></i></span>'
    )


def _word(good):
    return '<span class="ok">passed</span>' if good else '<span class="fail">FAILED</span>'


def _section(result):
    scenario = result.scenario
    parts = [
        f'<section id="{escape(scenario.name)}"><h2>{escape(scenario.title)}</h2>'
        f'<p class="soft">{escape(scenario.why)}</p><p>{_stage(scenario)}</p>'
    ]
    if result.refusal:
        sentences = "".join(f"<li>{escape(text)}</li>" for text in result.refusal)
        parts.append(f'<p class="fail">The firmware refuses these limits:</p><ul>{sentences}</ul>')
    else:
        parts.append(_checks(result))
        if result.trace.column("t_us"):
            parts.append(plots.whole(result))
            reaction = _reaction(result)
            if reaction:
                parts.append(plots.zoom(result, *reaction))
    return "".join(parts) + "</section>"


def _stage(scenario):
    words = [f"<code>{escape(scenario.board)}</code>"]
    words += [f"{name.lower()} {value}" for name, value in scenario.pack.items()]
    words.append(f"{scenario.soc_pct:g} % charged")
    words.append(f"current {escape(_current(scenario.profile))}")
    events = [f"<code>{t_ms / 1000:g} s: {escape(text)}</code>" for t_ms, text in scenario.spoken]
    return ", ".join(words) + (". " + " ".join(events) if events else "")


def _current(profile):
    return f"{profile.rows[0][1] / 1000:+g} A" if profile.name == "constant" else profile.name


def _checks(result):
    lines = "".join(
        f"<tr><td>{escape(check.expected)}</td><td>{escape(check.observed)}</td>"
        f'<td class="number">{escape(present.reaction(check))}</td><td>{_word(check.passed)}</td></tr>'
        for check in result.checks
    )
    return (
        '<div class="scroll"><table><thead><tr><th>expected</th><th>observed</th><th>reaction of allowed</th>'
        f"<th></th></tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _reaction(result):
    """(check, row) of the opening that the zoomed plot shows."""
    for one in result.scenario.expect:
        if one.kind != OPENS:
            continue
        for check in result.checks:
            if (
                check.reaction_us is None
                or check.at_us is None
                or check.switch not in one.switches
            ):
                continue
            if check.expected.split(" because")[1:] == one.text.split(" because")[1:]:
                row = next((rows.by_key()[c.key] for c in one.causes if c.kind == ROW), None)
                return check, row
    return None
