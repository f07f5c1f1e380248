#!/usr/bin/env python3
"""Turns a list of events into a Walkout scenario:  convert_example.py SHOP < events.json > case.scn

Each event is one JSON object of the list, as published ground truths give them:
  {"time": 14.2, "shopper": "A", "product": "2000000011035", "quantity": 1,
   "gondola": 1, "shelf": 2, "plates": [3, 4]}
A positive quantity was taken, a negative one put back; plates count from 1.
"""
import json
import sys

LEAD_S = 10  # people enter this long before their first event and leave as long after the last


def main():
    shop = sys.argv[1] if len(sys.argv) > 1 else "nano"
    events = sorted(json.load(sys.stdin), key=lambda e: e["time"])
    shift = LEAD_S + 2 - min((e["time"] for e in events), default=0)
    lines = []
    for who in sorted({e["shopper"] for e in events}):
        times = [e["time"] + shift for e in events if e["shopper"] == who]
        lines.append((times[0] - LEAD_S, who, "enter"))
        lines.append((times[-1] + LEAD_S, who, "exit"))
    for e in events:
        plates = ",".join(f"G{e['gondola']}/S{e['shelf']}/P{p:02}" for p in e["plates"])
        verb, where = ("take", "from") if e["quantity"] > 0 else ("put", "on")
        act = f"{verb} {e['product']} x{abs(e['quantity'])} {where} {plates}"
        lines.append((e["time"] + shift, e["shopper"], act))
    print(f"shop {shop}")
    for time, who, act in sorted(lines):
        print(f"{time:.2f} {who} {act}")


if __name__ == "__main__":
    main()
