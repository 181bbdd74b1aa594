"""Drives everything with the newest SDK, blocking or asynchronous: `newest.py sync|async`."""

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
import errors
import judge
import sessions
import stores

PARTS = {
    "stores": stores.run,
    "agents": agents.run,
    "sessions": sessions.run,
    "deployments": deployments.run,
    "dreams": dreams.run,
    "errors": errors.run,
}


async def main(mode, only):
    with open(os.environ["DREAMRUN_SHAPES"], encoding="utf-8") as file:
        shapes = json.load(file)["types"]
    witness = judge.Judge(shapes)
    asynchronous = mode == "async"
    client, wire = judge.clients(witness)[asynchronous]
    way = common.Way(mode, client, wire, witness)
    coverage = judge.Coverage(client, judge.RESOURCES)
    for name, part in PARTS.items():
        if only and name not in only:
            continue
        began = time.monotonic()
        await part(way)
        print(f"  {name}: {time.monotonic() - began:.1f} s", file=sys.stderr)
    if faulty := os.environ.get("DREAMRUN_FAULTY_URL"):
        bad = way.client.with_options(base_url=faulty)
        await errors.faults(common.Way(mode, bad, wire, witness))
    missing = coverage.missing()
    if missing and not only:
        raise AssertionError(f"never called: {', '.join(missing)}")
    print(json.dumps({
        "program": f"Python {anthropic.__version__}, {'asynchronous' if asynchronous else 'blocking'}",
        "methods": len(coverage.calls), "of": len(coverage.methods), "calls": sum(coverage.calls.values()),
        "requests": wire.requests, "answers": witness.answers, "types": len(witness.by_type),
        "errors": way.errors, "checks": way.checks, "notes": way.notes,
    }))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
