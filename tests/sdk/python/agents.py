"""Agents and their versions, environments, models."""

from datetime import datetime, timedelta, timezone

import anthropic
from common import every, go

MANY = 260


async def run(way):
    """Drives every call of the resources."""
    await agents(way, way.client.beta.agents)
    await environments(way, way.client.beta.environments)
    await models(way)


async def agents(way, api):
    bad = (anthropic.BadRequestError, 400, "invalid_request_error")
    bare = await go(api.create(name="Support", model="claude-opus-5"))
    way.expect(bare.id.startswith("agent_"), bare.id)
    way.same((bare.version, bare.model.id, bare.tools, bare.system), (1, "claude-opus-5", [], None), "a bare agent")
    way.same(bare.to_dict()["execution_identity"], {"type": "service_account"}, "as whom it acts")
    full = await go(api.create(
        name="Research", description="reads papers", system="Be careful.",
        model={"id": "claude-sonnet-5", "effort": "high", "speed": "standard"},
        tools=[
            {
                "type": "agent_toolset_20260401",
                "configs": [{"name": "bash", "enabled": False, "permission_policy": {"type": "always_ask"}}],
                "default_config": {"enabled": True, "permission_policy": {"type": "always_allow"}},
            },
            {
                "type": "custom", "name": "lookup", "description": "looks up",
                "input_schema": {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
            },
        ],
        metadata={"team": "a"},
    ))
    way.same((full.model.effort.type, full.model.speed), ("high", "standard"), "a model with its effort")
    way.same([tool.type for tool in full.tools], ["agent_toolset_20260401", "custom"], "tools")
    way.same((await go(api.retrieve(full.id))).to_dict(), full.to_dict(), "the same agent")

    second = await go(api.update(full.id, version=1, system="Be bold.", metadata={"team": None, "tier": "b"}))
    way.same((second.version, second.system, second.metadata), (2, "Be bold.", {"tier": "b"}), "an update")
    same = await go(api.update(full.id, system="Be bold."))
    way.same(same.version, 2, "a change that changes nothing")
    old = await way.refused(
        lambda: api.update(full.id, version=1, system="x"), anthropic.ConflictError, 409, "conflict_error"
    )
    way.same(old.attempts, 1, "attempts at an old version")
    way.same((await go(api.retrieve(full.id, version=1))).system, "Be careful.", "an earlier version")
    past = await every(api.versions.list(full.id, limit=1))
    way.same([item.version for item in past], [2, 1], "every version, newest first")
    await way.refused(lambda: api.create(name="", model="claude-opus-5"), *bad)
    await way.refused(lambda: api.retrieve("agent_01nothing"), anthropic.NotFoundError, 404, "not_found_error")

    archived = await go(api.archive(bare.id))
    way.expect(archived.archived_at, "an archived agent without a time")
    way.same((await go(api.archive(bare.id))).archived_at, archived.archived_at, "archiving twice")
    await way.refused(lambda: api.update(bare.id, system="x"), *bad)
    way.expect(bare.id not in [item.id for item in await every(api.list())], "archived agents are hidden")
    way.expect(bare.id in [item.id for item in await every(api.list(include_archived=True))], "but shown when asked")

    made = [await go(api.create(name=f"Agent {number}", model="claude-opus-5")) for number in range(MANY)]
    now = datetime.now(timezone.utc)
    bounds = {"created_at_gte": made[0].created_at, "created_at_lte": now + timedelta(hours=1)}
    listed = await every(api.list(limit=100, **bounds))
    way.same([item.id for item in listed], [item.id for item in reversed(made)], "agents, newest first")
    for number in range(MANY):
        await go(api.update(made[0].id, description=f"take {number}"))
    way.same(len(await every(api.versions.list(made[0].id, limit=100))), MANY + 1, "versions of one agent")


async def environments(way, api):
    bare = await go(api.create(name="plain"))
    way.expect(bare.id.startswith("env_"), bare.id)
    way.same(bare.config.type, "cloud", "what an environment is by default")
    full = await go(api.create(
        name="closed", description="no network", metadata={"team": "a"},
        config={
            "type": "cloud",
            "networking": {"type": "limited", "allowed_hosts": ["example.com"]},
            "packages": {"pip": ["ruff"]},
        },
    ))
    way.same(full.config.networking.allowed_hosts, ["example.com"], "hosts")
    way.same((full.config.networking.allow_mcp_servers, full.config.packages.pip), (False, ["ruff"]), "the rest")
    way.same((await go(api.retrieve(full.id))).to_dict(), full.to_dict(), "the same environment")
    own = await go(api.create(name="own", config={"type": "self_hosted"}))
    way.same(own.config.type, "self_hosted", "one of the caller's own")
    changed = await go(api.update(full.id, name="shut", metadata={"team": "", "tier": "b"}))
    way.same((changed.name, changed.metadata), ("shut", {"tier": "b"}), "an update; empty text deletes")
    archived = await go(api.archive(bare.id))
    way.expect(archived.archived_at, "an archived environment without a time")
    way.expect(bare.id not in [item.id for item in await every(api.list())], "archived ones are hidden")
    way.expect(bare.id in [item.id for item in await every(api.list(include_archived=True))], "but shown when asked")
    gone = await go(api.delete(own.id))
    way.same((gone.id, gone.type), (own.id, "environment_deleted"), "a delete")
    await way.refused(lambda: api.retrieve(own.id), anthropic.NotFoundError, 404, "not_found_error")
    made = {(await go(api.create(name=f"env {number}"))).id for number in range(MANY)}
    listed = [item.id for item in await every(api.list(limit=100))]
    way.expect(made <= set(listed) and len(listed) == len(set(listed)), "environments in pages")


async def models(way):
    for api in (way.client.beta.models, way.client.models):
        found = await every(api.list())
        ids = [item.id for item in found]
        way.expect("claude-opus-5" in ids and len(set(ids)) == len(ids), f"models {ids}")
        way.expect(found == sorted(found, key=lambda item: item.created_at, reverse=True), "newest first")
        way.same([item.id for item in await every(api.list(limit=2))], ids, "in pages of two")
        page = await go(api.list(limit=2, after_id=ids[1]))
        way.same([item.id for item in page.data], ids[2:4], "after one")
        page = await go(api.list(limit=2, before_id=ids[2]))
        way.same([item.id for item in page.data], ids[:2], "before one")
        one = await go(api.retrieve(ids[0]))
        way.same(one.to_dict(), found[0].to_dict(), "the same model")
        await way.refused(lambda: api.retrieve("claude-nothing"), anthropic.NotFoundError, 404, "not_found_error")
