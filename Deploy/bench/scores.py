"""The same vital signs scored by `knutepunkt score` and by what PyPI has: whether they agree, and how long each takes.

Each peer runs under a Python of its own, given the sets as JSON lines, and answers with its totals and the time for all of them in one
warm process. vitalscore brings NEWS2 itself; zen-engine (business rules) and clipspy (CLIPS) bring none: for them the chart of the Royal
College of Physicians is written below in their own language, so that their agreement says that the transcription is right, and their time
what such an engine costs.

Used by peers.py; `scores.py --as NAME` is one peer.
"""

from __future__ import annotations

import json
from pathlib import Path
import random
import resource
import subprocess
import sys
import time

ROUNDS = 20


def vital_sets(count: int, seed: int = 1) -> list[dict]:
    """Complete inputs across and beyond every band; whole numbers, and temperatures to a tenth, so that nothing is rounded."""
    dice = random.Random(seed)
    return [
        {
            "respiration": dice.randint(4, 40), "spo2": dice.randint(78, 100), "spo2Scale": dice.choice((1, 1, 2)),
            "oxygen": dice.random() < 0.3, "systolic": dice.randint(70, 240), "pulse": dice.randint(30, 150),
            "consciousness": dice.choice("AAAACVPU"), "temperature": dice.randint(340, 400) / 10,
        }
        for _ in range(count)
    ]


# -- the peers


def vitalscore():
    from vitalscore.scores.news2 import score_news2

    def total(v: dict) -> int:
        return score_news2(
            v["respiration"], v["spo2"], v["oxygen"], v["systolic"], v["pulse"], v["consciousness"], v["temperature"],
            use_spo2_scale2=v["spo2Scale"] == 2).total

    return total


CHART = {
    "respiration": [(8, 3), (11, 1), (20, 0), (24, 2), (None, 3)],
    "systolic": [(90, 3), (100, 2), (110, 1), (219, 0), (None, 3)],
    "pulse": [(40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (None, 3)],
    "temperature": [(35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (None, 2)],
}
SCALE_1 = [(91, 3), (93, 2), (95, 1), (None, 0)]
SCALE_2_AIR = [(83, 3), (85, 2), (87, 1), (None, 0)]
SCALE_2_OXYGEN = [(83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2), (None, 3)]


def zen():
    import zen

    def choice(name: str, bands) -> str:
        return "".join(f"{name} <= {top} ? {points} : " if top is not None else str(points) for top, points in bands)

    points = {name: choice(name, bands) for name, bands in CHART.items()} | {
        "spo2": f"spo2Scale == 1 ? ({choice('spo2', SCALE_1)}) : oxygen ? ({choice('spo2', SCALE_2_OXYGEN)}) : ({choice('spo2', SCALE_2_AIR)})",
        "oxygen": "oxygen ? 2 : 0", "consciousness": "consciousness == 'A' ? 0 : 3",
    }
    expressions = [{"id": name, "key": name + "Points", "value": value} for name, value in points.items()]
    expressions.append({"id": "total", "key": "total", "value": " + ".join(f"$.{name}Points" for name in points)})
    graph = {
        "nodes": [
            {"id": "in", "name": "in", "type": "inputNode", "position": {"x": 0, "y": 0}},
            {"id": "news2", "name": "news2", "type": "expressionNode", "position": {"x": 1, "y": 0}, "content": {"expressions": expressions}},
            {"id": "out", "name": "out", "type": "outputNode", "position": {"x": 2, "y": 0}},
        ],
        "edges": [
            {"id": "1", "sourceId": "in", "targetId": "news2", "type": "edge"},
            {"id": "2", "sourceId": "news2", "targetId": "out", "type": "edge"},
        ],
    }
    decision = zen.ZenEngine().create_decision(json.dumps(graph))
    return lambda v: decision.evaluate(v)["result"]["total"]


def clips():
    import clips

    def function(name: str, bands) -> str:
        body = str(bands[-1][1])
        for top, points in reversed(bands[:-1]):
            body = f"(if (<= ?v {top}) then {points} else {body})"
        return f"(deffunction {name} (?v) {body})"

    engine = clips.Environment()
    for name, bands in CHART.items():
        engine.build(function(name, bands))
    for name, bands in (("scale1", SCALE_1), ("scale2air", SCALE_2_AIR), ("scale2oxygen", SCALE_2_OXYGEN)):
        engine.build(function(name, bands))
    engine.build("(deftemplate vitals (slot respiration) (slot spo2) (slot spo2Scale) (slot oxygen) (slot systolic) (slot pulse)"
                 " (slot consciousness) (slot temperature))")
    engine.build("(deftemplate points (slot of) (slot value))")
    for name in CHART:
        engine.build(f"(defrule {name} (vitals ({name} ?v)) => (assert (points (of {name}) (value ({name} ?v)))))")
    engine.build("(defrule s1 (vitals (spo2 ?v) (spo2Scale 1)) => (assert (points (of spo2) (value (scale1 ?v)))))")
    engine.build("(defrule s2a (vitals (spo2 ?v) (spo2Scale 2) (oxygen no)) => (assert (points (of spo2) (value (scale2air ?v)))))")
    engine.build("(defrule s2o (vitals (spo2 ?v) (spo2Scale 2) (oxygen yes)) => (assert (points (of spo2) (value (scale2oxygen ?v)))))")
    engine.build("(defrule ox (vitals (oxygen yes)) => (assert (points (of oxygen) (value 2))))")
    engine.build("(defrule acvpu (vitals (consciousness ~A)) => (assert (points (of consciousness) (value 3))))")
    vitals = engine.find_template("vitals")

    def total(v: dict) -> int:
        engine.reset()
        values = v | {"oxygen": clips.Symbol("yes" if v["oxygen"] else "no"), "consciousness": clips.Symbol(v["consciousness"])}
        vitals.assert_fact(**values)
        engine.run()
        return sum(fact["value"] for fact in engine.facts() if fact.template.name == "points")

    return total


PEERS = {"vitalscore": vitalscore, "zen": zen, "clips": clips}


def answer(name: str):
    sets = [json.loads(line) for line in sys.stdin]
    total = PEERS[name]()
    totals = [total(v) for v in sets]
    began = time.process_time()
    for _ in range(ROUNDS):
        for v in sets:
            total(v)
    spent = time.process_time() - began
    print(json.dumps({"totals": totals, "microseconds": spent / ROUNDS / len(sets) * 1e6}))


# -- the comparison


def ours(binary: Path, sets: list[dict]) -> dict:
    """Text in, text out, in one process; its start is measured with a single line and taken off."""
    def spend(text: str):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        out = subprocess.run([str(binary), "score"], input=text, capture_output=True, text=True, timeout=60, check=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return out, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    lines = [json.dumps(v) for v in sets]
    out, _ = spend("\n".join(lines) + "\n")
    _, start = spend(lines[0] + "\n")
    _, all_rounds = spend("\n".join(lines * ROUNDS) + "\n")
    totals = [json.loads(line)["low"] for line in out.splitlines()]
    return {"totals": totals, "microseconds": (all_rounds - start) / ROUNDS / len(sets) * 1e6}


def theirs(name: str, python: Path, sets: list[dict]) -> dict:
    done = subprocess.run(
        [str(python), __file__, "--as", name], input="\n".join(json.dumps(v) for v in sets), capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout)


if __name__ == "__main__":
    answer(sys.argv[2])
