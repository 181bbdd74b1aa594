#!/usr/bin/env python3
"""Scores what the offline dream makes of real memory stores, through the real binary.

usage: DREAMRUN_QUALITY_DATA=DIR tests/quality/run.py [--binary PATH] [CASE ...]

DIR holds the data files and the two tools that belong to them: tools/make_cases.py makes a store (and
sessions) for each case, tools/score.py compares a dreamed store with what was wanted. Each case becomes
a project of its own with one pipeline that adopts into a folder; nothing is read from or written to
this repository. Prints one Markdown table. Without DIR there is nothing to do, which is no failure.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

DATA = "DREAMRUN_QUALITY_DATA"
PROJECT = """dreamrun: 1
backend: local
stores:
  notes: {bootstrap: "dir:memory"}
"""
PIPELINE = """dreamrun: 1
name: quality
description: Consolidate one case.
model: offline
input:
  store: notes
  sessions: {files: ["sessions/*.jsonl"], take: 100}
gates: {entries_removed: {review: 100%, block: 100%}, entries_added: {review: 100%}, secrets: review}
adopt: {mode: auto, target: directory, directory: out}
"""
# What each kind of case is judged by, in the order of the columns.
FIGURES = [
    "accuracy", "distinct_kept", "precision", "recall", "f1", "clusters_lost", "kept", "gold_kept", "stale_kept",
    "both_kept", "old_kept", "both_lost", "duplicates_lost_both", "false_drop_rate", "size_ratio",
]


def cases(root):
    """Yields every folder that holds a case, in order."""
    return sorted(gold.parent for gold in pathlib.Path(root).rglob("gold.json"))


def project(case, folder):
    """Makes a project of a case and returns its folder."""
    shutil.copytree(case / "store", folder / "memory", copy_function=shutil.copy2)
    (folder / "sessions").mkdir()
    for transcript in sorted((case / "sessions").glob("*.jsonl")):
        shutil.copy2(transcript, folder / "sessions")
    if not any((folder / "sessions").iterdir()):
        # A dream reads at least one session; this one teaches nothing.
        line = {
            "type": "user", "sessionId": "00000000-0000-4000-8000-000000000000", "uuid": "u1",
            "timestamp": "2026-01-01T00:00:00Z", "message": {"role": "user", "content": "Hello."},
        }
        (folder / "sessions" / "empty.jsonl").write_text(json.dumps(line) + "\n")
    (folder / "dreamrun.yaml").write_text(PROJECT)
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "quality.yaml").write_text(PIPELINE)
    return folder


def dreamrun(binary, root, *arguments):
    """Runs the binary in a project."""
    return subprocess.run([binary, "-C", root, "--no-input", *arguments], capture_output=True, text=True)


def score(case, binary, tools):
    """Runs one case and returns its scores, the time it took and what went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        root = project(case, pathlib.Path(folder))
        start = time.monotonic()
        run = dreamrun(binary, root, "apply", "quality", "--yes")
        seconds = time.monotonic() - start
        out = root / "out"
        if run.returncode == 0 and not out.is_dir():
            if "quality-1 unchanged" in run.stderr:
                out = root / "memory"
            else:
                # A gate wants a person to look; here the scores do.
                run = dreamrun(binary, root, "approve", "quality-1", "--reason", "to be scored", "--yes")
        if run.returncode != 0 or not out.is_dir():
            problem = " ".join(run.stderr.split())[-200:].replace("|", "/")
            return {}, seconds, f"exit {run.returncode}: {problem}"
        scored = subprocess.run(
            [sys.executable, tools / "score.py", case, out], capture_output=True, text=True, check=True)
        return json.loads(scored.stdout), seconds, ""


def main():
    data = os.environ.get(DATA)
    if not data:
        print(f"{DATA} is not set; nothing to score", file=sys.stderr)
        return 0
    arguments = sys.argv[1:]
    binary = pathlib.Path("target/release/dreamrun")
    if arguments[:1] == ["--binary"]:
        binary, arguments = pathlib.Path(arguments[1]), arguments[2:]
    if not binary.is_file():
        print(f"{binary} does not exist; build it or name another with --binary", file=sys.stderr)
        return 2
    tools = pathlib.Path(data) / "tools"
    rows, failed = [], 0
    with tempfile.TemporaryDirectory() as made:
        subprocess.run([sys.executable, tools / "make_cases.py", data, made], check=True, stdout=subprocess.DEVNULL)
        for case in cases(made):
            name = str(case.relative_to(made))
            if arguments and name not in arguments:
                continue
            figures, seconds, problem = score(case, binary.resolve(), tools)
            failed += bool(problem)
            shown = [f"{key} {figures[key]}" for key in FIGURES if key in figures]
            rows.append((name, figures.get("type", ""), f"{seconds:.2f}", problem or ", ".join(shown)))
    print("| case | kind | seconds | scores |\n|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
