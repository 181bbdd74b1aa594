"""Dreams, over sessions that were imported when the server started."""

from datetime import datetime, timedelta, timezone

import anthropic
from common import every, go, said, until

MANY = 260
FINAL = ("completed", "failed", "canceled")


async def run(way):
    """Drives every call, with both output behaviours and every final status that can be had."""
    beta = way.client.beta
    known = [item.id for item in await every(beta.sessions.list(limit=100, order="asc"))]
    sessions = await recorded(beta) + known[:20]
    store = await go(beta.memory_stores.create(name="Support memory", description="of the team"))
    for path, content in MEMORY.items():
        await go(beta.memory_stores.memories.create(store.id, path=path, content=content))
    await create_new(way, beta, store, sessions)
    await update_existing(way, beta, store, sessions[:3])
    await cancel(way, beta, store, sessions[:2])
    await rules(way, beta, store, sessions)
    await many(way, beta, sessions[:1])


async def recorded(beta):
    """Records five sessions through the API and returns their ids."""
    agent = await go(beta.agents.create(name="Support", model="claude-opus-5"))
    environment = await go(beta.environments.create(name="plain"))
    ids = []
    for number in range(5):
        session = await go(beta.sessions.create(agent=agent.id, environment_id=environment.id))
        await go(beta.sessions.events.send(session.id, events=[
            said(f"Ticket {number}: how long do refunds take?"),
            said("No, please always give the date as day, month, year."),
        ]))
        ids.append(session.id)
    return ids


MEMORY = {
    "/tone.md": "# Tone\n\n- Answer in British English.\n- Keep answers under 120 words.\n",
    "/tone-2.md": "# Tone\n\n- Answer in British English.\n",
    "/product/limits.md": "# Limits\n\n- The Starter plan allows 60 requests per minute.\n",
}


async def create_new(way, beta, store, sessions):
    api = beta.dreams
    asked = list(reversed(sorted(sessions)))
    dream = await go(api.create(
        inputs=[
            {"type": "memory_store", "memory_store_id": store.id}, {"type": "sessions", "session_ids": asked},
        ],
        model="claude-opus-5", instructions="Keep every number.",
    ))
    way.expect(dream.id.startswith("drm_"), dream.id)
    way.same((dream.status, dream.outputs, dream.session_id, dream.ended_at), ("pending", [], None, None), "a new dream")
    way.same(dream.model.id, "claude-opus-5", "its model")
    way.same(dream.output_behavior.type, "create_new", "what it does by default")
    way.same(set(dream.usage.to_dict().values()), {0}, "no usage yet")
    named = next(part for part in dream.inputs if part.type == "sessions")
    way.same(named.session_ids, sorted(asked), "its sessions, sorted")
    await way.refused(lambda: api.archive(dream.id), anthropic.BadRequestError, 400, "invalid_request_error")

    seen = await until(lambda: api.retrieve(dream.id), lambda item: item.status in FINAL, "an end")
    states = [item.status for item in seen]
    way.same(states[-1], "completed", f"how it ended ({seen[-1].error})")
    way.expect("running" in states, f"the running state is seen: {sorted(set(states))}")
    for item in seen:
        if item.status == "pending":
            way.same((item.outputs, item.session_id), ([], None), "a pending dream")
    done = seen[-1]
    way.expect(done.ended_at and done.ended_at >= done.created_at, "when it ended")
    way.same(len(done.outputs), 1, "one output")
    output = done.outputs[0].memory_store_id
    way.expect(output != store.id, "a new store")
    way.expect((await go(beta.memory_stores.retrieve(output))).archived_at is None, "its store")
    result = {item.path: item.content for item in await every(beta.memory_stores.memories.list(output, view="full"))}
    way.expect(result and result != MEMORY, "the dream changed something")
    kept = {item.path: item.content for item in await every(beta.memory_stores.memories.list(store.id, view="full"))}
    way.same(kept, MEMORY, "the input stays as it was")
    writers = {item.created_by.type for item in await every(beta.memory_stores.memory_versions.list(output))}
    way.same(writers, {"session_actor"}, "who wrote the output")

    worker = await go(beta.sessions.retrieve(done.session_id))
    way.same((worker.status, bool(worker.archived_at)), ("terminated", True), "the worker's session is archived")
    told = await every(beta.sessions.events.list(done.session_id))
    kinds = {item.type for item in told}
    way.expect({"agent.message", "agent.tool_use", "session.status_idle"} <= kinds, f"what the worker tells: {kinds}")
    words = " ".join(
        block.text for item in told if item.type == "agent.message" for block in item.content if block.type == "text"
    )
    way.expect("offline" in words, f"the worker names the mind that did the work: {words[:200]}")

    await way.refused(lambda: api.cancel(dream.id), anthropic.BadRequestError, 400, "invalid_request_error")
    archived = await go(api.archive(dream.id))
    way.same((archived.status, bool(archived.archived_at)), ("completed", True), "an archived dream")
    way.same((await go(api.archive(dream.id))).archived_at, archived.archived_at, "archiving twice")
    way.expect(dream.id not in [item.id for item in await every(api.list())], "archived dreams are hidden")
    way.expect(dream.id in [item.id for item in await every(api.list(include_archived=True))], "but shown when asked")
    way.same((await go(api.retrieve(dream.id))).id, dream.id, "and can be read")


async def update_existing(way, beta, store, sessions):
    api = beta.dreams
    inputs = [
        {"type": "memory_store", "memory_store_id": store.id}, {"type": "sessions", "session_ids": sessions},
    ]
    into = {"type": "update_existing", "memory_store_id": store.id}
    dream = await go(api.create(inputs=inputs, model={"id": "claude-sonnet-5", "speed": "standard"}, output_behavior=into))
    way.same(dream.output_behavior.memory_store_id, store.id, "where it writes")
    held = await way.refused(
        lambda: api.create(inputs=inputs, model="claude-opus-5", output_behavior=into),
        anthropic.ConflictError, 409, "conflict_error",
    )
    way.same(held.attempts, 1, "attempts at a store that is held")
    way.same(held.response.headers.get("x-should-retry"), "false", "x-should-retry")
    seen = await until(lambda: api.retrieve(dream.id), lambda item: item.status in FINAL, "an end")
    done = seen[-1]
    way.same((done.status, done.error), ("completed", None), "how it ended")
    way.same([item.memory_store_id for item in done.outputs], [store.id], "the output is the input")
    written = await every(beta.memory_stores.memory_versions.list(store.id, session_id=done.session_id))
    way.expect(written, "the dream's writes can be told by its session")
    await way.refused(
        lambda: api.create(
            inputs=inputs, model="claude-opus-5",
            output_behavior={"type": "update_existing", "memory_store_id": "memstore_01other"},
        ),
        anthropic.BadRequestError, 400, "invalid_request_error",
    )


async def cancel(way, beta, store, sessions):
    api = beta.dreams
    inputs = [
        {"type": "memory_store", "memory_store_id": store.id}, {"type": "sessions", "session_ids": sessions},
    ]
    dream = await go(api.create(inputs=inputs, model="claude-opus-5"))
    stopped = await go(api.cancel(dream.id))
    way.same((stopped.status, bool(stopped.ended_at)), ("canceled", True), "a canceled dream")
    way.same((await go(api.cancel(dream.id))).status, "canceled", "canceling twice")
    way.expect(dream.id in [item.id for item in await every(api.list(statuses=["canceled", "failed"]))], "by statuses")
    way.expect(dream.id not in [item.id for item in await every(api.list(statuses=["completed"]))], "by another")

    lost = await go(beta.memory_stores.create(name="To be lost"))
    doomed = await go(api.create(
        inputs=[
            {"type": "memory_store", "memory_store_id": lost.id}, {"type": "sessions", "session_ids": sessions},
        ],
        model="claude-opus-5",
    ))
    await go(beta.memory_stores.delete(lost.id))
    seen = await until(lambda: api.retrieve(doomed.id), lambda item: item.status in FINAL, "an end")
    way.same((seen[-1].status, seen[-1].error.type), ("failed", "input_memory_store_unavailable"), "a lost input")
    way.expect(seen[-1].error.message, "a failure says why")


async def rules(way, beta, store, sessions):
    api = beta.dreams
    bad = (anthropic.BadRequestError, 400, "invalid_request_error")
    memory = {"type": "memory_store", "memory_store_id": store.id}
    of = lambda *ids: {"type": "sessions", "session_ids": list(ids)}
    for inputs in (
        [], [memory], [of(sessions[0])], [memory, memory], [memory, of()], [memory, of(sessions[0], sessions[0])],
        [memory, of(*[f"sesn_{number:030}" for number in range(101)])], [memory, of(sessions[0]), of(sessions[1])],
    ):
        await way.refused(lambda inputs=inputs: api.create(inputs=inputs, model="claude-opus-5"), *bad)
    good = [memory, of(sessions[0])]
    await way.refused(lambda: api.create(inputs=good, model="claude-opus-5", instructions=""), *bad)
    await way.refused(lambda: api.create(inputs=good, model="claude-opus-5", instructions="x" * 4097), *bad)
    await way.refused(lambda: api.create(inputs=good, model=""), *bad)
    await way.refused(lambda: api.create(inputs=good, model={"id": "claude-opus-5", "speed": "fast"}), *bad)
    unknown = await way.refused(
        lambda: api.create(inputs=good, model="claude-opus-5", extra_body={"title": "x"}), *bad
    )
    way.expect("title" in unknown.body["error"]["message"], "an unknown field is named")
    await way.refused(lambda: api.retrieve("drm_01nothing"), anthropic.NotFoundError, 404, "not_found_error")


async def many(way, beta, sessions):
    api = beta.dreams
    store = await go(beta.memory_stores.create(name="Dreamt of often"))
    inputs = [
        {"type": "memory_store", "memory_store_id": store.id}, {"type": "sessions", "session_ids": sessions},
    ]
    made = [await go(api.create(inputs=inputs, model="claude-opus-5")) for _ in range(MANY)]
    before = made[0].created_at - timedelta(microseconds=1)
    listed = await every(api.list(limit=100, created_at_gt=before))
    way.same([item.id for item in listed], [item.id for item in reversed(made)], "dreams, newest first")
    way.same(len(await every(api.list(limit=100, created_at_gt=before, created_at_lt=made[100].created_at))), 100, "up to")
    way.same(await every(api.list(created_at_gt=datetime.now(timezone.utc) + timedelta(hours=1))), [], "from the future")
    ends = await until(
        lambda: api.list(limit=100, created_at_gt=before, statuses=["pending", "running"]),
        lambda page: not page.data, "the end of all dreams", 120,
    )
    way.expect(ends, "all ended")
    ended = await every(api.list(limit=100, created_at_gt=before, statuses=["completed"]))
    way.same(len(ended), MANY, "all completed")
