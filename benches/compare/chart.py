# SPDX-License-Identifier: Apache-2.0
"""A chart for the README: CPU per message relative to wsline, as SVG for light and dark pages."""

from xml.sax.saxutils import escape

import report
from scenarios import SCENARIOS

# Colours of rows that wsline wins and of rows that it loses.
SHOWN = [("echo-16", "echo, 16 B"), ("echo-64k", "echo, 64 KiB"), ("pipe-1k", "pipelined echo, 1 KiB"),
         ("source-16", "receive, 16 B"), ("source-1k", "receive, 1 KiB"), ("sink-1k", "send, 1 KiB"),
         ("sink-64k", "send, 64 KiB"), ("connect", "connect and close"), ("connect-tls", "connect and close, TLS"),
         ("tls-echo-1k", "echo, 1 KiB, TLS")]
OWN = "wsline"
CLIENTS = [(OWN, "#0a7d5a"), ("tungstenite", "#b5651d"), ("fastwebsockets", "#7b6ca8"), ("beast", "#2f6fb0"),
           ("lws", "#b0487a"), ("curl", "#8a8d3f"), ("websocket-client", "#7f7f7f")]
# Longer bars end in an arrow.
MOST = 5.0
WIDTH, LABEL, RIGHT, BAR, GAP, TOP, LEGEND = 1000, 170, 70, 11, 18, 54, 116


def draw(found):
    rows = [(name, label) for name, label in SHOWN if found.get(name) and OWN in found[name]]
    clients = [(name, colour) for name, colour in CLIENTS if any(name in found[row] for row, _ in rows)]
    row_height = BAR * len(clients) + GAP
    height = TOP + row_height * len(rows) + 30
    scale = (WIDTH - LABEL - RIGHT) / MOST
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        "<style>text{fill:#24292f;font-size:12px}.grid{stroke:#8b949e;stroke-opacity:.35}"
        "@media(prefers-color-scheme:dark){text{fill:#e6edf3}}</style>",
        f'<text x="{LABEL}" y="16">CPU of the client per message, compared with wsline; less is better</text>',
    ]
    for index, (name, colour) in enumerate(clients):
        x = LABEL + index * LEGEND
        parts.append(f'<rect x="{x}" y="26" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 14}" y="35">{escape(name)}</text>')
    for mark in range(0, int(MOST) + 1):
        x = LABEL + mark * scale
        parts.append(f'<line class="grid" x1="{x:.0f}" x2="{x:.0f}" y1="{TOP - 8}" y2="{height - 24}"/>')
        parts.append(f'<text x="{x:.0f}" y="{height - 8}" text-anchor="middle">{mark}</text>')
    for index, (name, label) in enumerate(rows):
        y = TOP + index * row_height
        parts.append(f'<text x="{LABEL - 10}" y="{y + row_height / 2 - 4:.0f}" text-anchor="end">{label}</text>')
        own = report.cost(by_name[name], found[name][OWN])
        for place, (client, colour) in enumerate(clients):
            one = found[name].get(client)
            if one is None:
                continue
            ratio = report.cost(by_name[name], one) / own
            width, top = min(ratio, MOST) * scale, y + place * BAR
            parts.append(f'<rect x="{LABEL}" y="{top}" width="{width:.1f}" height="{BAR - 2}" fill="{colour}"/>')
            arrow = "→ " if ratio > MOST else ""
            parts.append(f'<text x="{LABEL + width + 4:.1f}" y="{top + BAR - 2}" font-size="10">'
                         f"{arrow}{report.number(ratio)}</text>")
    parts.append("</svg>\n")
    return "\n".join(parts)
