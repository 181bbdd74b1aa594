"""Writes a project with N varied, valid pipeline files: make_files.py DIR N."""

import pathlib
import sys

folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
(folder / "pipelines").mkdir(parents=True)
(folder / "dreamrun.yaml").write_text(
    "dreamrun: 1\nstores:\n" + "".join(f"  store-{i}: {{bootstrap: dir:memory/{i}}}\n" for i in range(10))
)

for i in range(count):
    rules = "".join(
        f"  Rule {n}: keep what pipeline {i} says about topic {n * 7 % 13} for {{{{ vars.keep_days }}}} days.\n"
        for n in range(3 + i % 9)
    )
    sources = (
        f"    files: [sessions/{i}/*.jsonl]\n"
        if i % 3
        else f"    from:\n      - files: [sessions/{i}/**/*.jsonl]\n      - ids: [sesn_{i}, sesn_{i}b]\n"
    )
    gates = "".join(
        text
        for n, text in enumerate(
            [
                f"  entries_removed: {{review: {20 + i % 40}%, block: 80%}}\n",
                f"  entries_added: {{review: {1 + i % 50}}}\n",
                "  bytes:\n    grow: {review: 150%}\n",
                '  protected: {paths: ["/policy/**", /team.md], on_change: block}\n',
                '  assert:\n    - {expr: "diff.after.bytes <= 2 * diff.before.bytes", else: review}\n',
            ]
        )
        if (i >> n) & 1 == 0
    )
    (folder / "pipelines" / f"pipeline-{i:05}.yaml").write_text(
        f"""dreamrun: 1
name: pipeline-{i:05}
description: Consolidates what team {i} wrote last week.
model: offline
vars: {{keep_days: {10 + i % 90}}}
input:
  store: store-{i % 10}
  sessions:
{sources}    since: {["last_adopted", "30d", "2026-11-01"][i % 3]}
    order: {["oldest", "newest"][i % 2]}
    take: {1 + i % 300}
instructions: |
{rules}  {{% if batch.last %}}Tidy up at the end.{{% endif %}}
batch: {{size: {1 + i % 100}, chain: true}}
budget: {{max_usd: {i % 20}.50}}
gates:
  secrets: block
{gates}adopt: {{mode: {["auto", "review"][i % 2]}, drift: rebase}}
"""
    )
