#!/usr/bin/env python3
"""Checks the laws of a run on what `torrent-swarm --json FILE` wrote: check.py FILE."""
import json
import sys

def check(start, cut, cuts, say):
    counters, times = start["counters"], start["times"]
    members, swarm = cut["present"] + [cut["departed"]], cut["swarm"]
    # Members, present and departed, sum to the swarm.
    for whole in ("swarm", "total"):
        for name in counters:
            if sum(member[name] for member in members) != cut[whole][name]:
                say(f"{name}: the members do not sum to the {whole}")
        for name in times:
            for part in ("count", "sum"):
                if sum(member[name][part] for member in members) != cut[whole][name][part]:
                    say(f"{part} of {name}: the members do not sum to the {whole}")
    for tally in members + [swarm, cut["total"]]:
        for name, counter in times.items():
            if tally[name]["count"] != tally[counter]:
                say(f"{name}: not as many as {counter}")
            if "buckets" in tally[name]:
                counts = [count for _, count in tally[name]["buckets"]]
                if sum(counts) + tally[name]["zeros"] != tally[name]["count"]:
                    say(f"{name}: the buckets are not the count")
        if tally["left"] > tally["joined"] or tally["piece_write_time"]["sum"] > tally["write_time"]["sum"]:
            say("an effect without its cause")
    for member in cut["present"]:
        if member["connections"]["closed"] > member["connections"]["opened"] or member["state"] not in start["states"]:
            say(f"{member['name']} is in no state it can be in")
    # What was verified was received, what was received was seen on the wire, and that was served.
    chain = [swarm["verified"], swarm["received"]]
    if cut["wire"]:
        wire = cut["wire"]
        chain.append(wire["bytes"])
        if wire["connected"] != wire["disconnected"] + len(wire["links"]):
            say("open connections are not those opened and not closed")
        for kind, events in [*wire["events"].items(), ("noise", wire["noise"])]:
            if events["sent"] != events["applied"] + events["coalesced"] + events["dropped"] + events["lost"]:
                say(f"{kind}: the account does not add up")
            if events["lost"] or events["dropped"] and kind != "noise":
                say(f"{kind}: events are missing")
    if start["all_members_are_counted"]:
        chain.append(swarm["served"])
    if chain != sorted(chain):
        say(f"{chain} is not in order")
    # What happened in a window is the difference of its ends.
    for window in cut["windows"]:
        earlier = {"received": 0, "served": 0} if window["since"] == 0 else cuts[window["since"]]["swarm"]
        for name in ("received", "served"):
            amount = window[f"{name}_per_second"] * window["elapsed"] / 1e9
            if abs(amount - (swarm[name] - earlier[name])) > 0.5:
                say(f"{name} in the last {window['elapsed']} ns: {amount}")
    if cuts and any(swarm[name] < list(cuts.values())[-1]["swarm"][name] for name in counters):
        say("a total went backwards")

def main(path):
    with open(path, encoding="utf-8") as lines:
        start, *entries = map(json.loads, lines)
    cuts, found = {}, []
    for entry in entries[:-1]:
        check(start, entry, cuts, lambda text: found.append(f"cut {entry['epoch']}: {text}"))
        cuts[entry["epoch"]] = entry
    end = entries[-1]
    if (start["kind"], end["kind"]) != ("start", "end") or len(cuts) != end["cuts"]["checked"]:
        found.append(f"{len(cuts)} cuts, {end.get('cuts')} in the verdict")
    print("\n".join(found) or f"{len(cuts)} cuts, every law holds: {end['verdict']}")
    return 1 if found or not end["holds"] else 0

sys.exit(main(sys.argv[1]))
