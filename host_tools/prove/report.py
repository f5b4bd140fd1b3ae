"""The proof as one self-contained page: a table of everything, then each run with its plots."""

from html import escape
from pathlib import Path

from host_tools.prove import plots, present, rows
from host_tools.prove.expectation import OPENS, ROW
from host_tools.prove.run import passed

_CSS = Path(__file__).with_name("report.css")


_HOW = (
    "Each run is the firmware itself on a simulated chip and pack. A switch counts as open when"
    " the simulated hardware lets no current through, whatever the firmware believes. Its reaction"
    " time begins when the cells really cross the limit, or the fault strikes, and ends with"
    " that; allowed are the limit's delay and three periods of its measurement: one until the"
    " first bad reading is there, two to act."
)


def html(results):
    """The page; the same results give the same bytes."""
    failed = sum(not passed(result) for result in results)
    verdict = _span("fail", f"{failed} failed") if failed else _span("ok", "all passed")
    checks = sum(len(result.checks) for result in results)
    minutes = sum(result.scenario.end_ms for result in results) / 60000
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Vigil: {len(results)} proofs</title>",
        f"<style>{_CSS.read_text('utf-8')}</style></head><body>",
        "<h1>What this battery management does when things go wrong</h1>",
        f"<p>{len(results)} scenarios, {checks} checks, {minutes:.0f} minutes of battery time:",
        f" {verdict}.</p>",
        f'<p class="soft">{_HOW}</p>',
        _table(("scenario", "expected", "reaction", ""), map(_line, results)),
        *map(_section, results),
        "</body></html>\n",
    ]
    return "".join(parts)


def _table(heads, lines):
    head = "".join(f"<th>{words}</th>" for words in heads)
    body = "".join(lines)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _span(css, words):
    return f'<span class="{css}">{escape(words)}</span>'


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
    return _span("ok", "passed") if good else _span("fail", "FAILED")


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
    words.append(f"current {escape(scenario.profile.name)}")
    events = [f"<code>{t_ms / 1000:g} s: {escape(text)}</code>" for t_ms, text in scenario.spoken]
    return ", ".join(words) + (". " + " ".join(events) if events else "")


def _checks(result):
    lines = (
        f"<tr><td>{escape(check.expected)}</td><td>{escape(check.observed)}</td>"
        f'<td class="number">{escape(present.reaction(check))}</td>'
        f"<td>{_word(check.passed)}</td></tr>"
        for check in result.checks
    )
    return _table(("expected", "observed", "reaction of allowed", ""), lines)


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
