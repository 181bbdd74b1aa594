"""What leaves the SDK, as the server has to take it."""

from common import go


async def run(way):
    """Checks headers and paths of one request of each family."""
    beta = way.client.beta
    families = {
        "dreaming-2026-04-21": lambda: beta.dreams.list(limit=1),
        "agent-memory-2026-07-22": lambda: beta.memory_stores.list(limit=1),
        "managed-agents-2026-04-01": lambda: beta.sessions.list(limit=1),
    }
    for opens, call in families.items():
        await go(call())
        request = way.wire.last
        way.same(request.headers["anthropic-beta"], opens, "the beta that opens a family")
        key = "x-api-key" if way.is_old else "authorization"
        way.expect(key in request.headers, f"a key in {key}")
        way.same(request.headers["anthropic-version"], "2023-06-01" if way.is_old else "2026-10-21", "the version")
        way.same("beta=true" in str(request.url), way.is_old, "beta=true in the path")
    await go(beta.sessions.list(statuses=["idle", "running"], created_at_gt="2026-01-01T00:00:00+00:00"))
    way.expect("statuses%5B%5D=idle" in str(way.wire.last.url), f"lists in a query: {way.wire.last.url}")
