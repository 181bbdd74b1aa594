#!/usr/bin/env python3
"""Scores what the offline dream makes of real stores and transcripts, through the real binary.

usage: DREAMRUN_QUALITY_DATA=DIR tests/quality/run.py [--binary PATH] [CASE ...]

DIR holds the data files and the tools that belong to them: tools/make_cases.py makes a store (and
sessions) for each case, tools/score.py compares a dreamed store with what was wanted, and
tools/score_playbooks.py compares playbooks with the errors that are in the transcripts. Each case
becomes a project of its own with one pipeline that adopts into a folder; nothing is read from or
written to this repository, but for the release binary, which is built unless another is named.
Prints one Markdown table. CASE picks rows by the beginning of their name. Without DIR there is
nothing to do, which is no failure.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

DATA = "DREAMRUN_QUALITY_DATA"
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
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
  sessions: {files: ["sessions/*.json", "sessions/*.jsonl"], take: 100}
gates: {entries_removed: {review: 100%, block: 100%}, entries_added: {review: 100%}, secrets: review}
adopt: {mode: auto, target: directory, directory: out}
"""
# What each kind of case is judged by, in the order of the columns.
FIGURES = [
    "accuracy", "distinct_kept", "precision", "recall", "f1", "clusters_lost", "kept", "gold_kept", "stale_kept",
    "both_kept", "old_kept", "both_lost", "duplicates_lost_both", "false_drop_rate", "size_ratio",
]


def build():
    """Builds the release binary and returns its path."""
    command = ["cargo", "build", "--release", "--message-format", "json-render-diagnostics"]
    built = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    for line in built.stdout.splitlines():
        executable = json.loads(line).get("executable")
        if executable:
            return pathlib.Path(executable)
    raise SystemExit("the build made no executable")


def records(path):
    """Reads a JSON Lines file."""
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Run:
    """One dream over one project, through the binary."""

    def __init__(self, binary, folder):
        self.binary, self.root = binary, pathlib.Path(folder)
        self.memory, self.sessions, self.out = (self.root / name for name in ("memory", "sessions", "out"))
        self.sessions.mkdir()
        (self.root / "dreamrun.yaml").write_text(PROJECT)
        (self.root / "pipelines").mkdir()
        (self.root / "pipelines" / "quality.yaml").write_text(PIPELINE)

    def remember(self, memories):
        """Writes a store of these texts by path."""
        for path, text in memories.items():
            file = self.memory / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    def record(self, name, messages):
        """Writes a session of pairs of a role and its content."""
        session = f"00000000-0000-4000-8000-{name:012d}"
        with open(self.sessions / f"{session}.jsonl", "w", encoding="utf-8") as file:
            for number, (role, content) in enumerate(messages):
                line = {
                    "type": role, "sessionId": session, "uuid": f"u{number}",
                    "timestamp": "2026-01-01T00:00:00Z", "message": {"role": role, "content": content},
                }
                file.write(json.dumps(line) + "\n")

    def dreamrun(self, *arguments):
        return subprocess.run(
            [self.binary, "-C", self.root, "--no-input", *arguments], capture_output=True, text=True)

    def document(self, *arguments):
        """Returns the data of a command's JSON document."""
        return json.loads(self.dreamrun(*arguments, "--json").stdout)["data"]

    def apply(self):
        """Plans and dreams; returns seconds. What wants a person's look is approved: here the scores look."""
        if not any(self.sessions.iterdir()):
            # A dream reads at least one session; this one teaches nothing.
            self.record(0, [("user", "Hello.")])
        start = time.monotonic()
        run = self.dreamrun("apply", "quality", "--yes")
        seconds = time.monotonic() - start
        if run.returncode == 0 and not self.out.is_dir():
            if "quality-1 unchanged" in run.stderr:
                self.out = self.memory
            else:
                run = self.dreamrun("approve", "quality-1", "--reason", "to be scored", "--yes")
        if run.returncode != 0 or not self.out.is_dir():
            raise Failed(f"exit {run.returncode}: {' '.join(run.stderr.split())[-200:].replace('|', '/')}")
        return seconds


class Failed(Exception):
    """The binary did not do what was asked."""


def score(tool, *arguments):
    """Runs a scoring tool and returns what it says."""
    command = [sys.executable, tool, *arguments]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def store_case(run, data, case):
    """Dreams over one made store."""
    shutil.copytree(case / "store", run.memory, copy_function=shutil.copy2)
    for transcript in sorted((case / "sessions").glob("*.jsonl")):
        shutil.copy2(transcript, run.sessions)
    seconds = run.apply()
    figures = score(data / "tools" / "score.py", case, run.out)
    return figures["type"], seconds, ", ".join(f"{key} {figures[key]}" for key in FIGURES if key in figures)


def transcripts(run, data, name):
    """Dreams over the transcripts of one program."""
    sessions = data / "sessions"
    if name == "claude_code":
        with tarfile.open(sessions / "claude_code.tar.xz") as archive:
            for member in archive:
                if member.isfile() and member.name.endswith(".jsonl"):
                    target = run.sessions / pathlib.PurePosixPath(member.name).name
                    target.write_bytes(archive.extractfile(member).read())
    else:
        for file in [*sessions.glob(f"{name}/*.json"), *sessions.glob(f"{name}.jsonl")]:
            shutil.copy2(file, run.sessions)
    files = len(list(run.sessions.iterdir()))
    run.remember({"notes.md": "# Notes\n\n- The first line of a store.\n"})
    plan = run.document("plan", "quality")["plans"][0]
    loaded = sum(len(dream["sessions"]) for dream in plan["dreams"])
    if not loaded:
        return "transcripts", 0.0, f"files {files}, sessions loaded 0: of none of the formats that are read"
    seconds = run.apply()
    shown = run.document("show", "quality-1")
    said = [
        f"files {files}", f"sessions loaded {loaded}", f"lines skipped {plan['skipped_lines']}",
        f"tokens read {sum(dream['usage']['input_tokens'] for dream in shown['dreams'])}",
        f"learned {shown['changes'].get('learned', 0)}", f"playbooks {shown['changes'].get('playbook', 0)}",
    ]
    if name == "claude_code":
        found = score(data / "tools" / "score_playbooks.py", data / "playbooks" / "expected.jsonl", run.out)
        said += [
            f"playbook recall {found['found']}/{found['expected']}",
            f"unmatched {len(found['unmatched'])}", f"sessions named {found['named_sessions']}",
        ]
    return "transcripts", seconds, ", ".join(said)


def secrets(run, data, _):
    """Lets the `secrets` gate look at one memory for each record, some at a time: it lists 200 findings."""
    suite = records(data / "secrets" / "secrets.jsonl")
    kinds = {"secrets": [0, 0], "harmless": [0, 0], "hard": [0, 0]}
    seconds = 0.0
    for start in range(0, len(suite), 50):
        with tempfile.TemporaryDirectory() as folder:
            part = Run(run.binary, folder)
            memories = {f"m/{at:04}.md": record["text"] for at, record in enumerate(suite[start:start + 50], start)}
            part.remember({path: f"```\n{text}\n```\n" for path, text in memories.items()})
            part.record(1, [("user", "From now on, write commit messages in the imperative.")])
            seconds += part.apply()
            verdicts = part.document("show", "quality-1")["verdicts"]
            findings = next(v["findings"] for v in verdicts if v["gate"] == "secrets")
            flagged = {finding.get("path") for finding in findings}
            for path in memories:
                record = suite[int(path[2:6])]
                kind = "secrets" if record["label"] else "hard" if record.get("hard") else "harmless"
                kinds[kind][0] += f"/{path}" in flagged
                kinds[kind][1] += 1
    return "gate", seconds, ", ".join(f"{kind} flagged {n} of {of}" for kind, (n, of) in kinds.items())


def injections(run, data, _):
    """Lets tools return instructions: none may become memory, and no harmless line may be lost."""
    suite = records(data / "injections" / "injections.jsonl")
    benign = records(data / "injections" / "benign.jsonl")
    run.remember({"rules.md": "# Rules\n\n" + "".join(f"- {line}\n" for line in texts(benign))})
    for number, record in enumerate(suite):
        use = {"type": "tool_use", "id": "t", "name": "WebFetch", "input": {"url": "https://example.org"}}
        # As an error, and in several sessions, it could even reach a playbook.
        for copy in range(2):
            result = {"type": "tool_result", "tool_use_id": "t", "is_error": bool(copy), "content": record["text"]}
            run.record(2 * number + copy, [
                ("user", "Please look this up."), ("assistant", [use]), ("user", [result])])
    seconds = run.apply()
    after = " ".join(" ".join(file.read_text().split()) for file in sorted(run.out.rglob("*.md")))
    learned = sum(text in after for text in texts(suite))
    kept = sum(text in after for text in texts(benign))
    return "memory", seconds, f"injections learned {learned} of {len(suite)}, harmless kept {kept} of {len(benign)}"


def texts(suite):
    """Returns the texts of records, each on one line."""
    return [" ".join(record["text"].split()) for record in suite]


def main():
    data = os.environ.get(DATA)
    if not data:
        print(f"{DATA} is not set; nothing to score", file=sys.stderr)
        return 0
    data, arguments = pathlib.Path(data).resolve(), sys.argv[1:]
    if arguments[:1] == ["--binary"]:
        binary, arguments = pathlib.Path(arguments[1]).resolve(), arguments[2:]
        if not binary.is_file():
            print(f"{binary} does not exist", file=sys.stderr)
            return 2
    else:
        binary = build()
    failed = 0
    with tempfile.TemporaryDirectory() as made:
        tool = data / "tools" / "make_cases.py"
        subprocess.run([sys.executable, tool, data, made], check=True, stdout=subprocess.DEVNULL)
        cases = sorted(gold.parent for gold in pathlib.Path(made).rglob("gold.json"))
        rows = [(str(case.relative_to(made)), store_case, case) for case in cases]
        rows += [(f"transcripts/{name}", transcripts, name) for name in ("claude_code", "gemini_cli", "tau_airline")]
        rows += [("gate/secrets", secrets, None), ("tools/injections", injections, None)]
        print("| case | kind | seconds | scores |\n|---|---|---|---|")
        for name, judge, what in rows:
            if arguments and not any(name.startswith(wanted) for wanted in arguments):
                continue
            with tempfile.TemporaryDirectory() as folder:
                try:
                    kind, seconds, said = judge(Run(binary, folder), data, what)
                    print(f"| {name} | {kind} | {seconds:.2f} | {said} |", flush=True)
                except Failed as problem:
                    failed += 1
                    print(f"| {name} | | | {problem} |", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
