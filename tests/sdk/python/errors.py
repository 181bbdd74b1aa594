"""How failures arrive: the SDK's classes, the request's id, and how often a request is sent again."""

import anthropic
from common import every, go

# What a server is made to answer, and the class that the SDK makes of it.
STATUSES = {
    400: (anthropic.BadRequestError, "invalid_request_error"),
    401: (anthropic.AuthenticationError, "authentication_error"),
    403: (anthropic.PermissionDeniedError, "permission_error"),
    404: (anthropic.NotFoundError, "not_found_error"),
    429: (anthropic.RateLimitError, "rate_limit_error"),
    500: (anthropic.InternalServerError, "api_error"),
    502: (anthropic.InternalServerError, "api_error"),
    503: (anthropic.ServiceUnavailableError, "api_error"),
    504: (anthropic.GatewayTimeoutError, "timeout_error"),
    529: (anthropic.OverloadedError, "overloaded_error"),
}


async def run(way):
    """Drives what the server itself refuses."""
    beta = way.client.beta
    wrong = way.client.with_options(api_key="sk-ant-wrong", max_retries=0)
    await way.refused(
        lambda: wrong.beta.dreams.list(), anthropic.AuthenticationError, 401, "authentication_error"
    )
    absent = {"anthropic-beta": anthropic.Omit()}
    for call in (
        lambda: beta.dreams.list(extra_headers=absent),
        lambda: beta.memory_stores.list(extra_headers=absent),
        lambda: beta.sessions.list(extra_headers=absent),
        lambda: beta.agents.list(extra_headers=absent),
    ):
        await way.refused(call, anthropic.NotFoundError, 404, "not_found_error")
    only = {"anthropic-beta": "managed-agents-2026-04-01"}
    await way.refused(lambda: beta.dreams.list(extra_headers=only), anthropic.NotFoundError, 404, "not_found_error")
    bad = (anthropic.BadRequestError, 400, "invalid_request_error")
    await every(beta.memory_stores.list(extra_headers=only))
    await way.refused(lambda: beta.memory_stores.list(betas=["managed-agents-2026-04-01"]), *bad)
    both = await go(beta.dreams.list(betas=["managed-agents-2026-04-01"]))
    way.expect(both.data is not None, "dreams take both betas")
    unknown = await way.refused(lambda: beta.dreams.list(betas=["nothing-2026-01-01"]), *bad)
    way.expect("nothing-2026-01-01" in unknown.body["error"]["message"], "an unknown beta is named")
    store = await go(beta.memory_stores.create(name="Errors"))
    await way.refused(
        lambda: beta.memory_stores.memories.create(store.id, path="/big.md", content="x" * (33 * 1024 * 1024)),
        anthropic.RequestTooLargeError, 413, "request_too_large",
    )
    response = await go(beta.memory_stores.with_raw_response.retrieve(store.id))
    way.expect(response.headers.get("request-id", "").startswith("req_"), "a request id on every answer")
    way.expect(response.headers.get("anthropic-organization-id"), "the organisation on every answer")


async def faults(way):
    """Drives a server that was told to fail: every model asked for has a status for a name."""
    for status, (kind, word) in STATUSES.items():
        client = way.client.with_options(max_retries=0)
        error = await way.refused(lambda: client.beta.models.retrieve(f"fail-{status}"), kind, status, word)
        way.same(error.attempts, 1, f"attempts at a {status} with retries off")
    client = way.client.with_options(max_retries=2)
    for status in (400, 401, 403, 404):
        kind, word = STATUSES[status]
        error = await way.refused(lambda: client.beta.models.retrieve(f"fail-{status}"), kind, status, word)
        way.same(error.attempts, 1, f"attempts at a {status}")
    for status in (429, 529):
        kind, word = STATUSES[status]
        error = await way.refused(lambda: client.beta.models.retrieve(f"fail-{status}"), kind, status, word)
        way.same(error.attempts, 3, f"attempts at a {status}")
    before = way.wire.requests
    healed = await go(client.beta.models.retrieve("claude-opus-5"))
    way.same((healed.id, way.wire.requests - before), ("claude-opus-5", 2), "a second attempt that succeeds")
    # Its first connection is closed without an answer.
    before = way.wire.requests
    store = await go(client.beta.memory_stores.list(limit=1))
    way.expect(store is not None and way.wire.requests - before == 2, "a connection that was closed")
    try:
        await go(way.client.with_options(max_retries=0).beta.dreams.list())
    except anthropic.APIConnectionError:
        way.errors += 1
    else:
        raise AssertionError("a connection that is always closed gave an answer")


async def recording(way):
    """Records what an agent did, on a server that takes it from its callers; every event must read back strictly."""
    beta = way.client.beta
    agent = await go(beta.agents.create(name="Recorded", model="claude-opus-5"))
    environment = await go(beta.environments.create(name="plain"))
    session = await go(beta.sessions.create(agent=agent.id, environment_id=environment.id))
    words = [{"type": "text", "text": "Refunds take five days."}]
    usage = {
        "input_tokens": 7, "output_tokens": 3, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 1,
    }
    told = [
        {"type": "user.message", "content": [{"type": "text", "text": "How long do refunds take?"}]},
        {"type": "session.status_running"},
        {"type": "span.model_request_start", "id": "sevt_recorded_start"},
        {"type": "agent.thinking"},
        {"type": "agent.tool_use", "id": "sevt_recorded_use", "name": "read", "input": {"file_path": "/mnt/memory/x"}},
        {"type": "span.model_request_end", "model_request_start_id": "sevt_recorded_start", "model_usage": usage},
        {"type": "agent.tool_result", "tool_use_id": "sevt_recorded_use", "content": words, "is_error": False},
        {"type": "agent.custom_tool_use", "name": "lookup", "input": {}},
        {"type": "agent.mcp_tool_use", "id": "sevt_recorded_mcp", "mcp_server_name": "m", "name": "n", "input": {}},
        {"type": "agent.mcp_tool_result", "mcp_tool_use_id": "sevt_recorded_mcp"},
        {"type": "agent.message", "content": words},
        {"type": "agent.thread_context_compacted"},
        {
            "type": "session.error",
            "error": {"type": "model_overloaded_error", "message": "busy", "retry_status": {"type": "retrying"}},
        },
        {"type": "session.usage", "usage": {}},
        {"type": "session.status_idle", "stop_reason": {"type": "end_turn"}},
    ]
    await go(beta.sessions.events.with_raw_response.send(session.id, events=told))
    found = await every(beta.sessions.events.list(session.id))
    way.same([item.type for item in found], [item["type"] for item in told], "what was recorded")
    way.same((await go(beta.sessions.retrieve(session.id))).status, "idle", "the session that was recorded")
