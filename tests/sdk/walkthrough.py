"""Runs every block of docs/walkthrough.md: by hand with the SDK, then as a pipeline, and compares the stores.

    walkthrough.py DREAMRUN

The server is running already, and the environment says where. Blocks marked `server` and `terminal` are what
brought that about; placeholders of ids are replaced by the ids that the first half found.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import anthropic

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks():
    """Returns the page's blocks: language, mark, text."""
    return BLOCK.findall((ROOT / "docs/walkthrough.md").read_text(encoding="utf-8"))


def by_hand():
    """Runs the Python blocks one after the other, as one program, and returns its names."""
    names = {"__name__": "walkthrough"}
    # Nobody waits ten seconds for a dream that takes a tenth of one.
    sleep, time.sleep = time.sleep, lambda seconds: sleep(0.02)
    count = 0
    for language, _, code in blocks():
        if language == "python":
            count += 1
            exec(compile(code, f"docs/walkthrough.md, Python block {count}", "exec"), names)
    time.sleep = sleep
    return names, count


def as_a_pipeline(binary, names, folder):
    """Writes the files and runs the commands of the second half; returns what `status` said."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("DREAMRUN_")}
    env["PATH"] = f"{folder}{os.pathsep}{env['PATH']}"
    (folder / "dreamrun").symlink_to(binary)
    status, count = None, 0
    for language, mark, text in blocks():
        if language == "yaml":
            count += 1
            text = text.replace("memstore_01…", names["store"].id).replace("agent_01…", names["agent"].id)
            file = folder / mark
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        elif language == "sh" and not mark:
            for line in text.splitlines():
                count += 1
                done = subprocess.run(
                    ["bash", "-c", line], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
                )
                if done.returncode:
                    raise AssertionError(f"`{line}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
                if os.environ["ANTHROPIC_API_KEY"] in done.stdout + done.stderr:
                    raise AssertionError(f"`{line}` shows the key")
                if line.startswith("dreamrun status"):
                    status = json.loads(done.stdout)
    return status, count


def live_store(status):
    """Finds the id of the live store in what `status --json` says."""
    found = re.findall(r"memstore_\w+", json.dumps(status["data"]))
    live = [store for store in dict.fromkeys(found)]
    assert live, f"no store in {status}"
    return live[0]


def main():
    names, first = by_hand()
    with tempfile.TemporaryDirectory() as folder:
        status, second = as_a_pipeline(sys.argv[1], names, pathlib.Path(folder))
    mine = {path: sha for path, (sha, _) in names["after"].items()}
    theirs = {path: sha for path, (sha, _) in names["contents"](live_store(status)).items()}
    assert live_store(status) not in (names["store"].id, names["output"]), "the pipeline has a store of its own"
    assert mine and mine == theirs, (
        f"the two ways differ in {sorted(path for path in mine.keys() | theirs.keys() if mine.get(path) != theirs.get(path))}"
    )
    assert mine != {path: sha for path, (sha, _) in names["before"].items()}, "the dream changed nothing"
    print(json.dumps({
        "program": f"walkthrough, Python {anthropic.__version__}", "methods": 0, "of": 0, "calls": 0, "requests": 0,
        "answers": 0, "errors": 0, "checks": len(mine),
        "notes": [f"{first + second} blocks and commands; both ways adopt the same {len(mine)} memories"],
    }))


if __name__ == "__main__":
    main()
