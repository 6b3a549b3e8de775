# SPDX-License-Identifier: Apache-2.0
"""Tables of the results in Markdown."""

import statistics
import typing

from scenarios import SCENARIOS

# These show the minimum cost of a client and are not libraries.
BOUNDS = ("raw", "mini")


class Summary(typing.NamedTuple):
    """Medians of the rounds per message; KiB are per connection."""

    cpu_us: float
    both_us: float
    per_s: float
    connected_kib: float
    echoed_kib: float


def summary(runs):
    def median(value):
        return statistics.median(value(run) / run["count"] for run in runs)

    def grown(run, key):
        return run.get(key, 0) - run.get("rss_before_kb", 0)

    return Summary(
        median(lambda run: (run["user_s"] + run["sys_s"]) * 1e6),
        median(lambda run: (run["user_s"] + run["sys_s"] + run["server_s"]) * 1e6),
        statistics.median(run["msgs_per_s"] for run in runs),
        median(lambda run: grown(run, "rss_conn_kb")),
        median(lambda run: grown(run, "rss_echo_kb")),
    )


def summaries(results):
    """Maps scenarios to clients to summaries."""
    return {name: {client: summary(runs) for client, runs in by_client.items() if runs}
            for name, by_client in results["times"].items()}


def is_idle(scenario):
    return scenario.kind == "idle"


def cost(scenario, one):
    return one.echoed_kib if is_idle(scenario) else one.cpu_us


def is_library(name):
    return name not in BOUNDS and not name.startswith("wsline")


def best_peer(scenario, by_client):
    peers = [(cost(scenario, one), name) for name, one in by_client.items() if is_library(name)]
    return min(peers, default=None)


def number(value):
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{digits}f}"


def row(out, cells):
    print("| " + " | ".join(cells) + " |", file=out)


def head(out, cells, left=1):
    row(out, cells)
    row(out, ["---"] * left + ["---:"] * (len(cells) - left))


def write(results, out):
    found = summaries(results)
    print("<!-- SPDX-License-Identifier: Apache-2.0 -->\n# Results of the comparison\n", file=out)
    print("Made by `compare/run.py`; what the numbers mean is said in [README.md](README.md).", file=out)
    groups = {}
    for scenario in SCENARIOS:
        if found.get(scenario.name):
            groups.setdefault(scenario.group, []).append(scenario)
    if groups:
        write_standing(out, groups, found)
    for group, scenarios in groups.items():
        print(f"\n### {group}", file=out)
        write_group(out, scenarios, found)
    for counter, what in (("instructions", "User-space instructions"), ("system_calls", "System calls")):
        write_counts(out, results[counter], what)
    write_circumstances(out, results)


def write_standing(out, groups, found):
    """wsline's rank in each row, and the rows that another library wins."""
    lost = []
    print("\n### wsline and the best other library of each row\n", file=out)
    head(out, ["scenario", "what", "bare socket", "wsline", "best other", "", "wsline / best",
               "client and server"], left=2)
    for scenario in (one for scenarios in groups.values() for one in scenarios):
        by_client = found[scenario.name]
        own = next((name for name in ("wsline", "wsline-app") if name in by_client), None)
        best = best_peer(scenario, by_client)
        if own is None or best is None:
            continue
        mine, other = by_client[own], by_client[best[1]]
        raw = by_client.get("raw")
        ratio = cost(scenario, mine) / best[0]
        least = min(one.both_us for name, one in by_client.items() if is_library(name))
        unit = " KiB" if is_idle(scenario) else " µs"
        if ratio > 1:
            lost.append(f"{scenario.name} ({best[1]}, {ratio:.2f})")
        row(out, [scenario.name, f"{scenario.group.split(':')[0]}: {scenario.what}",
                  number(cost(scenario, raw)) + unit if raw else "–", number(cost(scenario, mine)) + unit,
                  number(cost(scenario, other)) + unit, best[1], f"{'**' if ratio <= 1 else ''}{ratio:.2f}"
                  f"{'**' if ratio <= 1 else ''}", "–" if is_idle(scenario) else f"{mine.both_us / least:.2f}"])
    print(f"\nRows that another library wins: {', '.join(lost) or 'none'}.", file=out)


def write_group(out, scenarios, found):
    if all(is_idle(scenario) for scenario in scenarios):
        return write_memory(out, scenarios, found)
    clients = clients_of(scenarios, found)
    columns = [scenario for scenario in scenarios if not is_idle(scenario)]
    for title, value in (("Client CPU, µs a message; the best library in bold", lambda one: one.cpu_us),
                         ("Client and server CPU, µs a message", lambda one: one.both_us),
                         ("Time a message takes, µs, with all that the machine does besides", lambda one: 1e6 / one.per_s)):
        print(f"\n{title}:\n", file=out)
        head(out, ["client", *(f"{scenario.name}" for scenario in columns)])
        for name in clients:
            cells = []
            for scenario in columns:
                by_client = found[scenario.name]
                if name not in by_client:
                    cells.append("–")
                    continue
                libraries = [value(one) for other, one in by_client.items() if other not in BOUNDS]
                mine = value(by_client[name])
                cells.append(f"**{number(mine)}**" if mine == min(libraries, default=None) else number(mine))
            row(out, [name, *cells])
    write_ratios(out, clients, [scenario for scenario in columns if "raw" in found[scenario.name]], found)
    memory = [scenario for scenario in scenarios if is_idle(scenario)]
    return write_memory(out, memory, found) if memory else None


def clients_of(scenarios, found):
    return list(dict.fromkeys(name for scenario in scenarios for name in found[scenario.name]))


def write_ratios(out, clients, columns, found):
    if not columns:
        return
    print("\nClient CPU / that of the bare socket:\n", file=out)
    head(out, ["client", *(scenario.name for scenario in columns)])
    for name in clients:
        ones = [(found[scenario.name].get(name), found[scenario.name]["raw"]) for scenario in columns]
        row(out, [name, *(f"{one.cpu_us / raw.cpu_us:.2f}" if one else "–" for one, raw in ones)])


def write_memory(out, scenarios, found):
    print("\nResident memory, KiB a connection, after connecting / after one echo of 1 KiB:\n", file=out)
    head(out, ["client", *(scenario.name for scenario in scenarios)])

    def least(name):
        return min(found[scenario.name][name].echoed_kib for scenario in scenarios if name in found[scenario.name])

    for name in sorted(clients_of(scenarios, found), key=least):
        both = [found[scenario.name].get(name) for scenario in scenarios]
        row(out, [name, *(f"{number(one.connected_kib)} / {number(one.echoed_kib)}" if one else "–" for one in both)])


def write_counts(out, counts, what):
    if not counts:
        return
    print(f"\n### {what} a message\n", file=out)
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in counts]
    clients = list(dict.fromkeys(client for scenario in scenarios for client in counts[scenario.name]))
    head(out, ["scenario", *clients])
    for scenario in scenarios:
        row(out, [scenario.name, *(shown_count(counts[scenario.name].get(client)) for client in clients)])


def shown_count(count):
    # The difference between two runs may be negative if a client's work varies.
    if count is None or count < 0:
        return "–"
    return f"{count:.0f}" if count >= 20 else f"{count:.2f}"


def write_circumstances(out, results):
    loads = results["loads"]
    if loads:
        print(f"\nMeasured on {results['when']} on {results['machine']}, in {results['rounds']} rounds. "
              f"Load of the machine: {statistics.median(loads):.1f} (median), {max(loads):.1f} (most).", file=out)
    print("\nVersions: " + ", ".join(f"{name} {version}" for name, version in results["versions"].items()) + ".",
          file=out)
