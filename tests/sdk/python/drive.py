"""Drives everything with the SDK that is installed, blocking or asynchronous: `drive.py sync|async [PART...]`.

An SDK of the 0.12x series is older than some fields and statuses: it may pass over what it does not know, and
is asked for less.
"""

import asyncio
import json
import os
import sys
import time

import agents
import anthropic
import common
import deployments
import dreams
import judge
import sessions
import stores
import wire

PARTS = {
    "stores": stores.run,
    "agents": agents.run,
    "sessions": sessions.run,
    "deployments": deployments.run,
    "dreams": dreams.run,
}
IS_OLD = anthropic.__version__.startswith("0.")


async def faults(way):
    """Turns to a server that was told to fail."""
    import errors

    good = way.client
    way.client = good.with_options(base_url=os.environ["DREAMRUN_FAULTY_URL"])
    await errors.faults(way)
    await errors.recording(way)
    way.client = good


async def main(mode, only):
    with open(os.environ["DREAMRUN_SHAPES"], encoding="utf-8") as file:
        shapes = json.load(file)["types"]
    witness = judge.Judge(None, "ignore") if IS_OLD else judge.Judge(shapes)
    asynchronous = mode == "async"
    client, counted = judge.clients(witness)[asynchronous]
    way = common.Way(mode, client, counted, witness, IS_OLD)
    coverage = judge.Coverage(client, judge.RESOURCES)
    parts = {"wire": wire.run, **PARTS}
    if not IS_OLD:
        import errors

        parts["errors"] = errors.run
        parts["faults"] = faults
    for name, part in parts.items():
        if only and name not in only:
            continue
        began = time.monotonic()
        await part(way)
        print(f"  {name}: {time.monotonic() - began:.1f} s", file=sys.stderr)
    missing = coverage.missing()
    if missing and not only:
        raise AssertionError(f"never called: {', '.join(missing)}")
    if not IS_OLD:
        way.notes.append(f"the judge noticed all of {witness.examine()} damages done to answers of each type")
    print(json.dumps({
        "program": f"Python {anthropic.__version__}, {'asynchronous' if asynchronous else 'blocking'}",
        "methods": len(coverage.calls), "of": len(coverage.methods), "calls": sum(coverage.calls.values()),
        "requests": counted.requests, "answers": witness.answers, "types": len(witness.by_type),
        "errors": way.errors, "checks": way.checks, "notes": way.notes,
    }))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
