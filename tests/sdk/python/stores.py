"""Memory stores, memories and their versions."""

import hashlib
from datetime import datetime, timedelta, timezone

import anthropic
from common import every, go

MANY = 260


def sha(content):
    """Returns the hash that the API gives a content."""
    return hashlib.sha256(content.encode()).hexdigest()


async def run(way):
    """Drives every call of the three resources."""
    api = way.client.beta.memory_stores
    await stores(way, api)
    store = await go(api.create(name="Field notes", description="of the team"))
    await memories(way, api, store.id)
    await versions(way, api, store.id)
    await many(way, api)
    archived = await go(api.archive(store.id))
    way.expect(archived.archived_at, "an archived store without a time")
    again = await go(api.archive(store.id))
    way.same(again.archived_at, archived.archived_at, "archiving twice")
    bad = (anthropic.BadRequestError, 400, "invalid_request_error")
    await way.refused(lambda: api.update(store.id, name="Other"), *bad)
    await way.refused(lambda: api.memories.create(store.id, path="/late.md", content="x"), *bad)
    kept = [item for item in await every(api.memories.list(store.id)) if item.type == "memory"]
    way.expect(kept, "an archived store can be read")
    gone = await go(api.memories.delete(kept[0].id, memory_store_id=store.id))
    way.same((gone.id, gone.type), (kept[0].id, "memory_deleted"), "a delete in an archived store")
    deleted = await go(api.delete(store.id))
    way.same((deleted.id, deleted.type), (store.id, "memory_store_deleted"), "the deleted store")
    await way.refused(lambda: api.retrieve(store.id), anthropic.NotFoundError, 404, "not_found_error")


async def stores(way, api):
    store = await go(api.create(name="Field notes"))
    way.expect(store.id.startswith("memstore_"), store.id)
    way.same((store.description, store.metadata, store.archived_at), ("", {}, None), "a bare store")
    way.same((await go(api.retrieve(store.id))).to_dict(), store.to_dict(), "the same store")
    full = await go(api.create(name="Other", description="d", metadata={"team": "a", "tier": "b"}))
    way.same(full.metadata, {"team": "a", "tier": "b"}, "metadata")
    changed = await go(api.update(full.id, name="Third", description="", metadata={"team": None, "new": "c"}))
    way.same((changed.name, changed.description), ("Third", ""), "an update")
    way.same(changed.metadata, {"tier": "b", "new": "c"}, "a metadata patch")
    way.expect(changed.updated_at >= full.updated_at, "an update moves updated_at")
    ids = [item.id for item in await every(api.list(limit=100))]
    way.expect(ids.index(full.id) < ids.index(store.id), "newest first")
    await go(api.archive(full.id))
    way.expect(full.id not in [item.id for item in await every(api.list())], "archived stores are hidden")
    way.expect(full.id in [item.id for item in await every(api.list(include_archived=True))], "but shown when asked")
    now = datetime.now(timezone.utc)
    late = await every(api.list(created_at_gte=now + timedelta(hours=1)))
    way.same(late, [], "no store from the future")
    early = await every(api.list(created_at_lte=(now + timedelta(hours=1)).isoformat(), created_at_gte=store.created_at))
    way.expect(store.id in [item.id for item in early], "a bound includes its moment")


async def memories(way, api, store):
    memories = api.memories
    bad = (anthropic.BadRequestError, 400, "invalid_request_error")
    first = await go(memories.create(store, path="/tone.md", content="Be brief.\n"))
    way.same((first.content, first.content_sha256), (None, sha("Be brief.\n")), "a create answers the basic view")
    way.same(first.content_size_bytes, 10, "its size")
    whole = await go(memories.create(store, path="/people/ana.md", content="Ünïcode ✓", view="full"))
    way.same((whole.content, whole.content_size_bytes), ("Ünïcode ✓", len("Ünïcode ✓".encode())), "a full view")
    read = await go(memories.retrieve(first.id, memory_store_id=store))
    way.same(read.content, "Be brief.\n", "a retrieve answers the full view")
    way.same((await go(memories.retrieve(first.id, memory_store_id=store, view="basic"))).content, None, "a basic view")
    empty = await go(memories.create(store, path="/empty.md", content="", view="full"))
    way.same(empty.content, "", "empty text is text")

    held = await way.refused(
        lambda: memories.create(store, path="/tone.md", content="x"),
        anthropic.ConflictError, 409, "memory_path_conflict_error",
    )
    way.same(held.attempts, 1, "attempts at a conflict that is not to be tried again")
    way.same(held.body["error"]["conflicting_memory_id"], first.id, "what is in the way")
    under = await way.refused(
        lambda: memories.create(store, path="/tone.md/more.md", content="x"),
        anthropic.ConflictError, 409, "memory_path_conflict_error",
    )
    way.same(under.body["error"]["conflicting_path"], "/tone.md", "a memory is no folder")
    await way.refused(
        lambda: memories.create(store, path="/people", content="x"),
        anthropic.ConflictError, 409, "memory_path_conflict_error",
    )
    for path in ("tone.md", "/a//b", "/a/../b", "/a/", "/" + "x/" * 20 + "y"):
        await way.refused(lambda path=path: memories.create(store, path=path, content="x"), *bad)
    await way.refused(lambda: memories.create(store, path="/big.md", content="x" * 102_401), *bad)
    big = await go(memories.create(store, path="/big.md", content="x" * 102_400))
    way.same(big.content_size_bytes, 102_400, "the largest memory")

    edited = await go(memories.update(
        first.id, memory_store_id=store, content="Be kind.\n",
        precondition={"type": "content_sha256", "content_sha256": first.content_sha256},
    ))
    way.same(edited.content_sha256, sha("Be kind.\n"), "an edit")
    way.expect(edited.memory_version_id != first.memory_version_id, "an edit makes a version")
    lost = await way.refused(
        lambda: memories.update(
            first.id, memory_store_id=store, content="Be slow.\n",
            precondition={"type": "content_sha256", "content_sha256": first.content_sha256},
        ),
        anthropic.ConflictError, 409, "memory_precondition_failed_error",
    )
    way.same(lost.attempts, 1, "attempts at a lost precondition")
    same = await go(memories.update(
        first.id, memory_store_id=store, content="Be kind.\n",
        precondition={"type": "content_sha256", "content_sha256": "0" * 64},
    ))
    way.same(same.memory_version_id, edited.memory_version_id, "a change that changes nothing")
    moved = await go(memories.update(first.id, memory_store_id=store, path="/style/tone.md", view="full"))
    way.same((moved.id, moved.path, moved.content), (first.id, "/style/tone.md", "Be kind.\n"), "a rename")
    await way.refused(lambda: memories.update(first.id, memory_store_id=store), *bad)

    paths = [item.path for item in await every(memories.list(store))]
    way.same(sorted(paths), ["/big.md", "/empty.md", "/people/ana.md", "/style/tone.md"], "a whole listing")
    tree = await every(memories.list(store, depth=1))
    way.same(
        sorted((item.type, item.path) for item in tree),
        [("memory", "/big.md"), ("memory", "/empty.md"), ("memory_prefix", "/people/"), ("memory_prefix", "/style/")],
        "a listing of one level",
    )
    part = await every(memories.list(store, path_prefix="/people/", view="full"))
    way.same([(item.path, item.content) for item in part], [("/people/ana.md", "Ünïcode ✓")], "a part")
    await way.refused(lambda: memories.list(store, depth=2), *bad)
    await way.refused(lambda: memories.list(store, path_prefix="/people"), *bad)
    await way.refused(lambda: memories.list(store, limit=101), *bad)

    await way.refused(
        lambda: memories.delete(big.id, memory_store_id=store, expected_content_sha256="0" * 64),
        anthropic.ConflictError, 409, "memory_precondition_failed_error",
    )
    gone = await go(memories.delete(big.id, memory_store_id=store, expected_content_sha256=big.content_sha256))
    way.same(gone.type, "memory_deleted", "a delete")
    await way.refused(
        lambda: memories.retrieve(big.id, memory_store_id=store), anthropic.NotFoundError, 404, "not_found_error"
    )


async def versions(way, api, store):
    versions = api.memory_versions
    found = await every(versions.list(store))
    way.same(
        sorted(item.operation for item in found), ["created"] * 4 + ["deleted"] + ["modified"] * 2, "every change"
    )
    way.expect(found == sorted(found, key=lambda item: item.created_at, reverse=True), "newest first")
    way.expect(all(item.content is None for item in found), "a listing has the basic view")
    actors = {item.created_by.type for item in found}
    way.same(actors, {"api_actor"}, "who wrote them")
    key = found[0].created_by.api_key_id
    way.expect(key.startswith("apikey_"), key)
    way.same(len(await every(versions.list(store, api_key_id=key))), 7, "by key")
    way.same(await every(versions.list(store, api_key_id="apikey_other")), [], "by another key")
    way.same(await every(versions.list(store, session_id="sesn_other")), [], "by session")
    way.same(await every(versions.list(store, service_account_id="svac_other")), [], "by service account")
    way.same([item.path for item in await every(versions.list(store, operation="deleted"))], ["/big.md"], "by operation")
    tone = next(item.memory_id for item in found if item.path == "/style/tone.md")
    of_one = await every(versions.list(store, memory_id=tone, view="full"))
    way.same([item.content for item in of_one], ["Be kind.\n", "Be kind.\n", "Be brief.\n"], "the past of one memory")
    oldest = of_one[-1]
    way.same(len(await every(versions.list(store, created_at_lte=oldest.created_at))), 1, "up to a moment")
    way.same(len(await every(versions.list(store, created_at_gte=oldest.created_at))), 7, "from a moment")
    read = await go(versions.retrieve(oldest.id, memory_store_id=store))
    way.same((read.content, read.path), ("Be brief.\n", "/tone.md"), "a version has its text")
    basic = await go(versions.retrieve(oldest.id, memory_store_id=store, view="basic"))
    way.same((basic.content, basic.content_sha256), (None, sha("Be brief.\n")), "its basic view")
    await way.refused(
        lambda: versions.redact(of_one[0].id, memory_store_id=store),
        anthropic.BadRequestError, 400, "invalid_request_error",
    )
    blank = await go(versions.redact(oldest.id, memory_store_id=store))
    way.same((blank.path, blank.content, blank.content_sha256, blank.content_size_bytes), (None,) * 4, "redacted")
    way.expect(blank.redacted_at and blank.redacted_by.type == "api_actor", "who redacted it, and when")
    way.same(blank.created_by, oldest.created_by, "who wrote it stays")


async def many(way, api):
    store = await go(api.create(name="Many"))
    memory = None
    for number in range(MANY):
        memory = await go(api.memories.create(store.id, path=f"/many/{number:04}.md", content=f"note {number}"))
    for limit in (100, 7):
        paths = [item.path for item in await every(api.memories.list(store.id, limit=limit))]
        way.same(len(paths), MANY, f"memories in pages of {limit}")
        way.same(len(set(paths)), MANY, "none twice")
    before = way.wire.requests
    full = await every(api.memories.list(store.id, limit=100, view="full"))
    way.same(len({item.content for item in full}), MANY, "texts")
    way.same(way.wire.requests - before, MANY // 20, "requests, a full page holding 20")
    way.same(len(await every(api.memory_versions.list(store.id))), MANY, "versions")
    for number in range(MANY):
        await go(api.memories.update(memory.id, memory_store_id=store.id, content=f"take {number}"))
    way.same(len(await every(api.memory_versions.list(store.id, memory_id=memory.id))), MANY + 1, "of one memory")
    made = [await go(api.create(name=f"Store {number}")) for number in range(MANY)]
    listed = await every(api.list(created_at_gte=made[0].created_at))
    way.same([item.id for item in listed], [item.id for item in reversed(made)], "stores, newest first")
