#!/usr/bin/env python3
"""Flags the labelled secrets and injections with public tools that do nothing else.

usage: DREAMRUN_QUALITY_DATA=DIR benches/judge/compare.py [secrets] [injections]

What `cargo bench --bench judge -- secrets injections` says of the product, this says of tools from the
Python package index, which are installed into a temporary folder. Secrets: detect-secrets and CredSweeper
with their defaults; the secrets are CredSweeper's own test samples, so it plays at home. Injections: three
detectors that work by rules; the better ones need a model, which is fetched at run time, and are left out.
Prints Markdown tables: of how many records of each label something was flagged.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import venv

DATA = "DREAMRUN_QUALITY_DATA"
PACKAGES = ["detect-secrets", "credsweeper", "injectionguard", "prompt-injection-defense", "prompt-injection-sanitizer"]

DETECT_SECRETS = """
import json, sys
from detect_secrets import SecretsCollection
from detect_secrets.settings import default_settings
flagged = []
for path in sys.argv[1:]:
    found = SecretsCollection()
    with default_settings():
        found.scan_file(path)
    flagged.append(any(True for _ in found))
print(json.dumps(flagged))
"""
INJECTIONS = {
    "injectionguard": "from injectionguard import is_safe\nflag = lambda text: not is_safe(text)",
    "prompt-injection-defense":
        "from prompt_injection_defense import detect_prompt_injection\n"
        "flag = lambda text: detect_prompt_injection(text)['label'] not in ('safe', 'clean', 'benign', 'low_risk')",
    "prompt-injection-sanitizer":
        "from prompt_injection_sanitizer import sanitize\n"
        "flag = lambda text: bool(sanitize(text, source='memory').detected_patterns)",
}


def records(path):
    """Reads a JSON Lines file."""
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def output(*command):
    """Runs a command and returns what it prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def row(tool, flags, kinds):
    """Prints how many records of each kind were flagged, and what that makes."""
    counts = {}
    for flag, kind in zip(flags, kinds):
        hit, of = counts.get(kind, (0, 0))
        counts[kind] = (hit + bool(flag), of + 1)
    true, of = counts["true"]
    false = sum(hit for kind, (hit, _) in counts.items() if kind != "true")
    precision = 100 * true / (true + false) if true + false else 0
    cells = [f"{hit} of {total}" for _, (hit, total) in sorted(counts.items(), reverse=True)]
    print(f"| {tool} | {' | '.join(cells)} | {precision:.1f}% | {100 * true / of:.1f}% |", flush=True)


def secrets(bin, data, work):
    """Scans one file for each record."""
    suite = records(data / "secrets" / "secrets.jsonl")
    kinds = ["true" if r["label"] else "hard" if r.get("hard") else "harmless" for r in suite]
    folder = work / "files"
    folder.mkdir()
    paths = [folder / f"{at:04}.txt" for at in range(len(suite))]
    for path, record in zip(paths, suite):
        path.write_text(record["text"] + "\n", encoding="utf-8")
    print("| tool | secrets | harmless | weak negatives | precision | recall |\n|---|---|---|---|---|---|")
    row("detect-secrets", json.loads(output(bin / "python", "-c", DETECT_SECRETS, *map(str, paths))), kinds)
    for name, options in {"CredSweeper": [], "CredSweeper, without its model": ["--ml_threshold", "0"]}.items():
        found = work / "found.json"
        output(bin / "credsweeper", "--path", folder, "--save-json", found, *options)
        lines = [line for one in json.loads(found.read_text()) for line in one["line_data_list"]]
        flagged = {pathlib.Path(line["path"]).name for line in lines}
        row(name, [path.name in flagged for path in paths], kinds)


def injections(bin, data, work):
    """Asks each detector about each text."""
    suite = records(data / "injections" / "injections.jsonl") + records(data / "injections" / "benign.jsonl")
    texts = work / "texts.json"
    texts.write_text(json.dumps([record["text"] for record in suite]))
    kinds = ["true" if record["label"] else "harmless" for record in suite]
    print("| tool | injections | harmless | precision | recall |\n|---|---|---|---|---|")
    for tool, code in INJECTIONS.items():
        code += f"\nimport json\nprint('\\n' + json.dumps([bool(flag(text)) for text in json.load(open({str(texts)!r}))]))"
        row(tool, json.loads(output(bin / "python", "-c", code).splitlines()[-1]), kinds)


def main():
    data = os.environ.get(DATA)
    if not data:
        print(f"{DATA} is not set; nothing to compare", file=sys.stderr)
        return 0
    wanted = sys.argv[1:] or ["secrets", "injections"]
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        venv.create(work / "tools", with_pip=True)
        bin = work / "tools" / "bin"
        subprocess.run([bin / "pip", "install", "--quiet", *PACKAGES], check=True)
        for what in wanted:
            {"secrets": secrets, "injections": injections}[what](bin, pathlib.Path(data).resolve(), work)
            print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
