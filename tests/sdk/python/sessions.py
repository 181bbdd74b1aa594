"""Sessions, their resources, events, streams and threads."""

from datetime import timedelta

import anthropic
from common import every, go, said, text

MANY = 260


async def run(way):
    """Drives every call of the resources."""
    beta = way.client.beta
    await imported(way, beta)
    agent = await go(beta.agents.create(name="Support", model="claude-opus-5", system="Help."))
    environment = await go(beta.environments.create(name="plain"))
    store = await go(beta.memory_stores.create(name="Team Notes!", description="of the team"))
    await life(way, beta, agent, environment, store)
    await filters(way, beta, agent, environment, store)
    await resources(way, beta, agent, environment, store)
    await events(way, beta, agent, environment)
    await streams(way, beta, agent, environment)
    await threads(way, beta, agent, environment)


async def imported(way, beta):
    """Reads what was imported when the server started: transcripts in three formats, as the API's own events."""
    kinds = set()
    oldest = await go(beta.sessions.list(order="asc", limit=36))
    for session in oldest.data:
        kinds |= {event.type for event in await every(beta.sessions.events.list(session.id, limit=100))}
    way.expect({"user.message", "agent.message", "agent.tool_use", "agent.tool_result"} <= kinds, f"only {kinds}")


async def life(way, beta, agent, environment, store):
    api = beta.sessions
    bad = (anthropic.BadRequestError, 400, "invalid_request_error")
    bare = await go(api.create(agent=agent.id, environment_id=environment.id))
    way.expect(bare.id.startswith("sesn_"), bare.id)
    way.same((bare.status, bare.agent.id, bare.agent.version), ("idle", agent.id, 1), "a bare session")
    way.same((bare.title, bare.metadata, bare.resources, bare.outcome_evaluations), (None, {}, [], []), "and the rest")
    way.same((await go(api.retrieve(bare.id))).to_dict(), bare.to_dict(), "the same session")
    pinned = await go(api.create(
        agent={"type": "agent", "id": agent.id, "version": 1}, environment_id=environment.id,
        title="A title", metadata={"ticket": "7"}, vault_ids=[],
        budget={"type": "limit", "max_list_cost": {"amount": "2500", "currency": "USD"}},
        resources=[{
            "type": "memory_store", "memory_store_id": store.id, "access": "read_only", "instructions": "Look here.",
        }],
    ))
    way.same(pinned.budget.max_list_cost.amount, "2500", "a budget")
    mounted = pinned.resources[0]
    way.same(
        (mounted.type, mounted.memory_store_id, mounted.access, mounted.instructions, mounted.name),
        ("memory_store", store.id, "read_only", "Look here.", "Team Notes!"), "a store as it is attached",
    )
    way.expect(mounted.mount_path.startswith("/mnt/memory/team-notes"), mounted.mount_path)
    other = await go(api.create(
        agent={"type": "agent_with_overrides", "id": agent.id, "system": "Be quick."}, environment_id=environment.id,
    ))
    way.same(other.agent.system, "Be quick.", "an override")
    nine = [
        {"type": "memory_store", "memory_store_id": (await go(beta.memory_stores.create(name=f"S{n}"))).id}
        for n in range(9)
    ]
    refused = await way.refused(
        lambda: api.create(agent=agent.id, environment_id=environment.id, resources=nine), *bad
    )
    way.expect("8 memory_store" in refused.body["error"]["message"], "what is wrong with nine stores")
    await way.refused(lambda: api.create(agent="agent_01nothing", environment_id=environment.id),
                      anthropic.NotFoundError, 404, "not_found_error")
    changed = await go(api.update(pinned.id, title="Another", metadata={"ticket": None, "kind": "x"}))
    way.same((changed.title, changed.metadata), ("Another", {"kind": "x"}), "an update")
    archived = await go(api.archive(pinned.id))
    way.same((archived.status, bool(archived.archived_at)), ("terminated", True), "an archived session")
    way.same((await go(api.archive(pinned.id))).archived_at, archived.archived_at, "archiving twice")
    gone = await go(api.delete(other.id))
    way.same((gone.id, gone.type), (other.id, "session_deleted"), "a delete")
    await way.refused(lambda: api.retrieve(other.id), anthropic.NotFoundError, 404, "not_found_error")


async def filters(way, beta, agent, environment, store):
    api = beta.sessions
    mine = await go(beta.agents.create(name="Filtered", model="claude-opus-5"))
    attached = [{"type": "memory_store", "memory_store_id": store.id}]
    made = []
    for number in range(MANY):
        kept = attached if number % 2 else []
        made.append(await go(api.create(agent=mine.id, environment_id=environment.id, resources=kept)))
    ids = [item.id for item in made]
    way.same([item.id for item in await every(api.list(agent_id=mine.id, limit=100))], ids[::-1], "newest first")
    way.same([item.id for item in await every(api.list(agent_id=mine.id, order="asc"))], ids, "oldest first")
    way.same(len(await every(api.list(agent_id=mine.id, agent_version=1, limit=250))), MANY, "by version")
    way.same(await every(api.list(agent_id=mine.id, agent_version=2)), [], "by another version")
    way.same(
        [item.id for item in await every(api.list(agent_id=mine.id, memory_store_id=store.id, limit=50))],
        ids[1::2][::-1], "by store",
    )
    way.same(len(await every(api.list(agent_id=mine.id, statuses=["idle", "running"], limit=250))), MANY, "by statuses")
    way.same(await every(api.list(agent_id=mine.id, statuses=["terminated"])), [], "by another status")
    way.same(await every(api.list(agent_id=mine.id, deployment_id="depl_01nothing")), [], "by deployment")
    at = made[100].created_at
    for bound, among in (
        ("created_at_gt", ids[101:]), ("created_at_gte", ids[100:]),
        ("created_at_lt", ids[:100]), ("created_at_lte", ids[:101]),
    ):
        found = await every(api.list(agent_id=mine.id, limit=250, order="asc", **{bound: at}))
        way.same([item.id for item in found], among, bound)
    await go(api.archive(ids[0]))
    way.same(len(await every(api.list(agent_id=mine.id, limit=250))), MANY - 1, "archived ones are hidden")
    way.same(len(await every(api.list(agent_id=mine.id, limit=250, include_archived=True))), MANY, "but shown when asked")
    first = await go(api.list(agent_id=mine.id, limit=10))
    way.same(first.prev_page, None, "nothing before the first page")
    second = await go(first.get_next_page())
    way.same([item.id for item in second.data], ids[::-1][10:20], "the second page")
    back = await go(api.list(agent_id=mine.id, limit=10, page=second.prev_page))
    way.same([item.id for item in back.data], [item.id for item in first.data], "a page back")
    await way.refused(
        lambda: api.list(agent_id=mine.id, order="asc", page=first.next_page),
        anthropic.BadRequestError, 400, "invalid_request_error",
    )
    await way.refused(lambda: api.list(page="page_nonsense"), anthropic.BadRequestError, 400, "invalid_request_error")


async def resources(way, beta, agent, environment, store):
    session = await go(beta.sessions.create(
        agent=agent.id, environment_id=environment.id,
        resources=[
            {"type": "memory_store", "memory_store_id": store.id},
            {
                "type": "github_repository", "url": "https://github.com/example/tools", "authorization_token": "hidden",
                "checkout": {"type": "branch", "name": "main"},
            },
        ],
    ))
    api = beta.sessions.resources
    added = await go(api.add(session.id, type="file", file_id="file_01example"))
    way.expect(added.id.startswith("sesrsc_") and added.mount_path.endswith("file_01example"), added)
    found = await every(api.list(session.id))
    way.same(
        sorted(item.type for item in found), ["file", "github_repository", "memory_store"], "what a session can use"
    )
    way.expect("hidden" not in repr(found), "a token is never answered")
    way.same((await go(api.retrieve(added.id, session_id=session.id))).file_id, "file_01example", "one resource")
    repository = next(item for item in found if item.type == "github_repository")
    way.same(repository.mount_path, "/workspace/tools", "where a repository goes")
    renewed = await go(api.update(repository.id, session_id=session.id, authorization_token="other"))
    way.same(renewed.id, repository.id, "a new token")
    gone = await go(api.delete(added.id, session_id=session.id))
    way.same((gone.id, gone.type), (added.id, "session_resource_deleted"), "a delete")
    await way.refused(
        lambda: api.add(session.id, type="memory_store", file_id="x"),
        anthropic.BadRequestError, 400, "invalid_request_error",
    )


async def events(way, beta, agent, environment):
    api = beta.sessions.events
    bad = (anthropic.BadRequestError, 400, "invalid_request_error")
    session = await go(beta.sessions.create(
        agent=agent.id, environment_id=environment.id, initial_events=[said("The first word.")],
    ))
    sent = await go(api.send(session.id, events=[said("How are refunds made?")]))
    way.same([item.type for item in sent.data], ["user.message"], "what was taken")
    way.expect(sent.data[0].id.startswith("sevt_"), sent.data[0].id)
    outcome = await go(api.send(session.id, events=[{
        "type": "user.define_outcome", "description": "A list", "rubric": {"type": "text", "content": "It is short."},
    }]))
    way.expect(outcome.data[0].outcome_id.startswith("outc_"), "an outcome has an id")
    await go(api.send(session.id, events=[{"type": "user.interrupt"}]))
    await way.refused(lambda: api.send(session.id, events=[]), *bad)
    await way.refused(lambda: api.send(session.id, events=[{"type": "user.nothing"}]), *bad)
    await way.refused(lambda: api.send(session.id, events=[{"type": "user.message"}]), *bad)
    await way.refused(lambda: api.send(session.id, events=[{"type": "agent.thinking"}]), *bad)
    await way.refused(
        lambda: api.send(session.id, events=[{"type": "user.message", "content": [{"type": "redacted"}]}]), *bad
    )
    found = await every(api.list(session.id))
    kinds = [item.type for item in found]
    way.expect(kinds.count("user.message") == 2 and "session.status_idle" in kinds, f"the history {kinds}")
    way.expect("user.define_outcome" in kinds and "user.interrupt" in kinds, f"the history {kinds}")
    at = kinds.index("session.status_idle")
    way.expect("session.usage" in kinds[:at], "usage comes before idle")
    way.same(found[at].stop_reason.type, "end_turn", "why it is idle")
    way.same(
        [item.id for item in await every(api.list(session.id, order="desc", limit=2))],
        [item.id for item in reversed(found)], "backwards, in pages of two",
    )
    mine = await every(api.list(session.id, types=["user.message", "user.interrupt"]))
    way.same({item.type for item in mine}, {"user.message", "user.interrupt"}, "by types")
    moment = found[at].processed_at
    for bound, holds in (
        ("created_at_gt", lambda t: t > moment), ("created_at_gte", lambda t: t >= moment),
        ("created_at_lt", lambda t: t < moment), ("created_at_lte", lambda t: t <= moment),
    ):
        part = await every(api.list(session.id, **{bound: moment}))
        among = [item.id for item in found if item.processed_at and holds(item.processed_at)]
        way.same([item.id for item in part if item.processed_at], among, bound)
    for number in range(6):
        await go(api.send(session.id, events=[said(f"Word {number}.{n}") for n in range(50)]))
    whole = await every(api.list(session.id, limit=100))
    way.expect(len(whole) >= 300 and len({item.id for item in whole}) == len(whole), "a long history in pages")
    one = await go(api.list(session.id, limit=1000))
    way.same([item.id for item in one.data], [item.id for item in whole], "in one page")


async def streams(way, beta, agent, environment):
    api = beta.sessions.events
    session = await go(beta.sessions.create(agent=agent.id, environment_id=environment.id))
    await go(api.send(session.id, events=[said("Before the stream.")]))
    stream = await go(api.stream(session.id, event_deltas=["agent.message"]))
    sent = await go(api.send(session.id, events=[said("While it is open.")]))
    seen = await read(stream, "session.status_idle")
    way.same([item.id for item in seen if item.type == "user.message"], [sent.data[0].id], "only what came after")
    way.expect("session.status_running" in [item.type for item in seen], "the turn begins")
    history = {item.id for item in await every(api.list(session.id))}
    way.expect({item.id for item in seen} <= history, "a stream tells what the history holds")
    await way.refused(
        lambda: api.stream(session.id, event_deltas=["agent.nothing"]),
        anthropic.BadRequestError, 400, "invalid_request_error",
    )
    stream = await go(api.stream(session.id))
    await go(beta.sessions.delete(session.id))
    seen = await read(stream, None)
    way.same(seen[-1].type, "session.deleted", "a stream ends with its session")


async def read(stream, last):
    """Reads a stream until an event of a type, or to its end."""
    seen = []
    if hasattr(stream, "__aiter__"):
        async for event in stream:
            seen.append(event)
            if event.type == last:
                break
        await stream.close()
    else:
        for event in stream:
            seen.append(event)
            if event.type == last:
                break
        stream.close()
    return seen


async def threads(way, beta, agent, environment):
    session = await go(beta.sessions.create(agent=agent.id, environment_id=environment.id))
    await go(beta.sessions.events.send(session.id, events=[said("A word.")]))
    api = beta.sessions.threads
    found = await every(api.list(session.id))
    way.same([item.parent_thread_id for item in found], [None], "the primary thread alone")
    thread = found[0]
    way.expect(thread.id.startswith("sthr_"), thread.id)
    way.same((await go(api.retrieve(thread.id, session_id=session.id))).id, thread.id, "the same thread")
    if not way.is_old:
        way.same(len(await every(api.list(session.id, statuses=["idle"]))), 1, "by status")
    said_there = await every(api.events.list(thread.id, session_id=session.id))
    way.expect("user.message" in [item.type for item in said_there], "what was said in it")
    stream = await go(api.events.stream(thread.id, session_id=session.id))
    await go(beta.sessions.events.send(session.id, events=[said("Another.")]))
    seen = await read(stream, "session.status_idle")
    way.expect("user.message" in [item.type for item in seen], "its stream")
    try:
        await go(api.archive(thread.id, session_id=session.id))
    except anthropic.BadRequestError:
        way.notes.append("the primary thread cannot be archived by itself")
