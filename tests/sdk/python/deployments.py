"""Deployments and their runs."""

from datetime import datetime, timedelta, timezone

import anthropic
from common import every, go, said

MANY = 260


async def run(way):
    """Drives every call of the resources."""
    beta = way.client.beta
    agent = await go(beta.agents.create(name="Nightly", model="claude-opus-5"))
    environment = await go(beta.environments.create(name="plain"))
    store = await go(beta.memory_stores.create(name="Nightly memory"))
    other = await go(beta.memory_stores.create(name="Nightly memory, dreamt"))
    made = await life(way, beta, agent, environment, store, other)
    await runs(way, beta, made, other)
    await many(way, beta, agent, environment)


async def life(way, beta, agent, environment, store, other):
    api = beta.deployments
    bad = (anthropic.BadRequestError, 400, "invalid_request_error")
    bare = await go(api.create(
        name="bare", agent=agent.id, environment_id=environment.id, initial_events=[said("Go.")]
    ))
    way.expect(bare.id.startswith("depl_"), bare.id)
    way.same((bare.agent.id, bare.agent.version, bare.status), (agent.id, 1, "active"), "a bare deployment")
    way.same((bare.resources, bare.schedule, bare.vault_ids, bare.description), ([], None, [], None), "and the rest")
    full = await go(api.create(
        name="full", agent={"type": "agent", "id": agent.id, "version": 1}, environment_id=environment.id,
        description="every night", metadata={"team": "a"}, initial_events=[said("Go.")],
        resources=[{"type": "memory_store", "memory_store_id": store.id, "instructions": "Look."}],
        schedule={"type": "cron", "expression": "0 3 * * *", "timezone": "Europe/Berlin"},
        budget={"type": "limit", "max_list_cost": {"amount": "100", "currency": "USD"}},
    ))
    way.same((full.schedule.expression, full.budget.max_list_cost.amount), ("0 3 * * *", "100"), "a schedule")
    way.same(full.resources[0].instructions, "Look.", "what was sent")
    way.same((await go(api.retrieve(full.id))).to_dict(), full.to_dict(), "the same deployment")

    swapped = await go(api.update(
        full.id, resources=[{"type": "memory_store", "memory_store_id": other.id, "instructions": "Look."}],
        schedule=None, metadata={"team": None, "tier": "b"}, description="",
    ))
    way.same([item.memory_store_id for item in swapped.resources], [other.id], "another store")
    way.same((swapped.schedule, swapped.metadata, swapped.name), (None, {"tier": "b"}, "full"), "the rest of an update")
    await way.refused(lambda: api.create(
        name="", agent=agent.id, environment_id=environment.id, initial_events=[said("Go.")]), *bad)
    await way.refused(lambda: api.create(
        name="none", agent=agent.id, environment_id=environment.id, initial_events=[]), *bad)
    await way.refused(lambda: api.retrieve("depl_01nothing"), anthropic.NotFoundError, 404, "not_found_error")

    paused = await go(api.pause(full.id))
    way.same((paused.status, paused.paused_reason.type), ("paused", "manual"), "paused")
    way.expect(full.id in [item.id for item in await every(api.list(status="paused"))], "by status")
    way.expect(full.id not in [item.id for item in await every(api.list(status="active"))], "by another status")
    await way.refused(lambda: api.list(status="active", include_archived=True), *bad)
    active = await go(api.unpause(full.id))
    way.same((active.status, active.paused_reason), ("active", None), "active again")
    now = datetime.now(timezone.utc)
    mine = await every(api.list(
        agent_id=agent.id, created_at_gte=bare.created_at, created_at_lte=now + timedelta(hours=1)
    ))
    way.same({item.id for item in mine}, {bare.id, full.id}, "by agent")
    way.same(await every(api.list(agent_id="agent_01nothing")), [], "by another agent")
    archived = await go(api.archive(bare.id))
    way.expect(archived.archived_at, "an archived deployment without a time")
    way.expect(bare.id not in [item.id for item in await every(api.list())], "archived ones are hidden")
    way.expect(bare.id in [item.id for item in await every(api.list(include_archived=True))], "but shown when asked")
    return full


async def runs(way, beta, deployment, store):
    api = beta.deployment_runs
    first = await go(beta.deployments.run(deployment.id))
    way.expect(first.id.startswith("drun_") and first.session_id and first.error is None, first)
    way.same((first.trigger_context.type, first.deployment_id), ("manual", deployment.id), "a run")
    session = await go(beta.sessions.retrieve(first.session_id))
    way.same(session.deployment_id, deployment.id, "its session")
    way.same([item.memory_store_id for item in session.resources], [store.id], "with its store")
    way.same([item.id for item in await every(beta.sessions.list(deployment_id=deployment.id))], [session.id], "found")
    way.same((await go(api.retrieve(first.id))).to_dict(), first.to_dict(), "the same run")

    await go(beta.memory_stores.archive(store.id))
    second = await go(beta.deployments.run(deployment.id))
    way.same((second.session_id, second.error.type), (None, "memory_store_archived_error"), "a run without its store")
    stuck = await go(beta.deployments.retrieve(deployment.id))
    way.same((stuck.status, stuck.paused_reason.type), ("paused", "error"), "what cannot heal pauses")
    way.same(stuck.paused_reason.error.type, "memory_store_archived_error", "and says why")
    third = await go(beta.deployments.run(deployment.id))
    way.expect(third.error, "a paused one can be run by hand")
    both = await every(api.list(deployment_id=deployment.id, limit=1))
    way.same([item.id for item in both], [third.id, second.id, first.id], "runs, newest first")
    failed = await every(api.list(deployment_id=deployment.id, has_error=True))
    way.same([item.id for item in failed], [third.id, second.id], "failed ones")
    way.same(len(await every(api.list(deployment_id=deployment.id, has_error=False))), 1, "the others")
    way.same(len(await every(api.list(deployment_id=deployment.id, trigger_type="manual"))), 3, "by trigger")
    way.same(await every(api.list(deployment_id=deployment.id, trigger_type="schedule")), [], "by another trigger")
    way.same(await every(api.list(deployment_id="depl_01nothing")), [], "of an unknown deployment")
    for bound, count in (("gt", 1), ("gte", 2), ("lt", 1), ("lte", 2)):
        found = await every(api.list(deployment_id=deployment.id, **{f"created_at_{bound}": second.created_at}))
        way.same(len(found), count, f"created_at_{bound}")


async def many(way, beta, agent, environment):
    made = [
        await go(beta.deployments.create(
            name=f"d{number}", agent=agent.id, environment_id=environment.id, initial_events=[said("Go.")]
        ))
        for number in range(MANY)
    ]
    listed = await every(beta.deployments.list(limit=100, created_at_gte=made[0].created_at))
    way.same([item.id for item in listed], [item.id for item in reversed(made)], "deployments, newest first")
    began = [await go(beta.deployments.run(made[0].id)) for _ in range(MANY)]
    found = await every(beta.deployment_runs.list(deployment_id=made[0].id, limit=100))
    way.same([item.id for item in found], [item.id for item in reversed(began)], "runs in pages")
