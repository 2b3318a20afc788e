"""`knutepunkt score` against an independent NEWS2: every band edge ±1 step, both scales, every subset of inputs."""

import itertools
import json
import random

import news2_oracle as oracle
from support import default_binary
import subprocess

GRID = {
    "respiration": [0, 7, 8, 9, 10, 11, 12, 13, 19, 20, 21, 22, 23, 24, 25, 26, 60],
    "spo2": [50, *range(82, 101)],
    "systolic": [50, 89, 90, 91, 92, 99, 100, 101, 102, 109, 110, 111, 112, 218, 219, 220, 221, 280],
    "pulse": [20, 39, 40, 41, 42, 49, 50, 51, 52, 89, 90, 91, 92, 109, 110, 111, 112, 129, 130, 131, 132, 220],
    "temperature": [30.0, 34.9, 35.0, 35.1, 35.2, 35.9, 36.0, 36.1, 36.2, 37.9, 38.0, 38.1, 38.2, 38.9, 39.0, 39.1, 39.2, 42.0],
    "consciousness": ["A", "C", "V", "P", "U"],
    "oxygen": [True, False],
}
NORMAL = {"respiration": 16, "spo2": 97, "oxygen": False, "systolic": 120, "pulse": 70, "consciousness": "A", "temperature": 37.0}


def ask(lines: list) -> list[dict]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n"
    done = subprocess.run([default_binary(), "score"], input=text, capture_output=True, text=True, timeout=180)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(lines), done.stderr
    return answers


def compare(lines: list[dict]):
    wrong = []
    for line, answer in zip(lines, ask(lines)):
        wanted = oracle.score(line)
        got = {key: answer.get(key) for key in wanted}
        got["points"] = {k: v for k, v in (answer.get("points") or {}).items() if v is not None}
        if got != wanted:
            wrong.append((line, wanted, answer))
    assert not wrong, f"{len(wrong)} of {len(lines)} differ; the first: {wrong[0]}"


def test_every_band_edge_on_both_scales_with_and_without_oxygen():
    lines = []
    for scale, oxygen in itertools.product((1, 2), (True, False, None)):
        for key, values in GRID.items():
            for value in values:
                line = {**NORMAL, "spo2Scale": scale, "oxygen": oxygen, key: value}
                lines.append({k: v for k, v in line.items() if v is not None})
    compare(lines)


def test_every_subset_of_missing_inputs_with_random_values():
    chance = random.Random(974760673)
    lines = []
    for size in range(8):
        for keys in itertools.combinations(oracle.ORDER, size):
            for _ in range(12):
                line = {key: chance.choice(GRID[key]) for key in keys}
                line["spo2Scale"] = chance.choice((1, 2))
                lines.append(line)
    compare(lines)


def test_random_complete_inputs():
    chance = random.Random(7)
    compare([{**{k: chance.choice(v) for k, v in GRID.items()}, "spo2Scale": chance.choice((1, 2))} for _ in range(5000)])


def test_decimals_round_half_up_to_the_parameters_step():
    lines = []
    for key, values in (
        ("temperature", [38.04, 38.05, 38.06, 35.04, 35.05, 36.04, 36.05, 39.04, 39.05, 39.049]),
        ("spo2", [91.4, 91.5, 93.5, 95.4, 95.5]), ("respiration", [8.4, 8.5, 11.5, 20.5, 24.5]),
        ("pulse", [40.5, 50.5, 90.5, 110.5, 130.5]), ("systolic", [90.5, 100.5, 110.5, 219.5]),
    ):
        lines += [{**NORMAL, key: value} for value in values]
    compare(lines)


def test_a_missing_input_never_counts_as_normal():
    for key in oracle.ORDER:
        answer = ask([{k: v for k, v in NORMAL.items() if k != key}])[0]
        assert answer["high"] > answer["low"] and not answer["complete"], key


def test_errors_stand_in_their_place():
    lines = ["{", '{"respiration":"many"}', '{"consciousness":"X"}', '{"spo2":140}', '{"respiration":16}', "[]", '{"nonsense":1}', '{"pulse":1e400}', '{"temperature":NaN}']
    answers = ask(lines)
    for index, answer in enumerate(answers):
        assert ("error" in answer) == (index != 4), (lines[index], answer)
    assert answers[4]["points"]["respiration"] == 0


def test_an_empty_line_and_no_input():
    done = subprocess.run([default_binary(), "score"], input="", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout == ""
