// @ts-check
// Drives everything with the TypeScript SDK: `main.mjs [PART...]`.

import fs from 'node:fs';
import { createHash } from 'node:crypto';
import Anthropic from '@anthropic-ai/sdk';
import { VERSION } from '@anthropic-ai/sdk/version';
import { Judge } from './judge.mjs';

const MANY = 260;
const judge = new Judge(JSON.parse(fs.readFileSync(String(process.env.DREAMRUN_SHAPES), 'utf8')));
const bare = new Anthropic({ fetch: judge.fetch });
const client = judge.watch(bare);
const { beta } = client;
let checks = 0;
let errors = 0;

/** @param {unknown} fact @param {string} told */
function expect(fact, told) {
  checks += 1;
  if (!fact) throw new Error(told);
}

/** Writes a value with its keys in order. @param {unknown} value */
function sorted(value) {
  return JSON.stringify(value, (_, part) =>
    part && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** @param {unknown} left @param {unknown} right @param {string} told */
function same(left, right, told) {
  const [a, b] = [sorted(left), sorted(right)];
  expect(a === b, `${told}: ${a} is not ${b}`);
}

/**
 * Makes a call that must fail with one of the SDK's classes, and returns the error and its attempts.
 * @param {() => PromiseLike<unknown>} call @param {any} kind @param {number} status @param {string} word
 */
async function refused(call, kind, status, word) {
  const before = judge.requests;
  try {
    await call();
  } catch (error) {
    if (!(error instanceof Anthropic.APIError)) throw error;
    errors += 1;
    expect(error.constructor === kind, `${error.constructor.name} is not ${kind.name}: ${error.message}`);
    same([error.status, error.type], [status, word], 'status and type');
    expect(error.requestID?.startsWith('req_'), `request id ${error.requestID}`);
    const body = /** @type {any} */ (error.error);
    same(body.request_id, error.requestID, 'the request id of header and body');
    return { error, body: body.error, attempts: judge.requests - before };
  }
  throw new Error(`a call passed that must fail with ${status} ${word}`);
}

/** @template T @param {AsyncIterable<T>} listing @returns {Promise<T[]>} */
async function every(listing) {
  const items = [];
  for await (const item of listing) items.push(item);
  return items;
}

const bad = /** @type {const} */ ([Anthropic.BadRequestError, 400, 'invalid_request_error']);
const lost = /** @type {const} */ ([Anthropic.NotFoundError, 404, 'not_found_error']);
const sha = (/** @type {string} */ text) => createHash('sha256').update(text).digest('hex');
/** @param {string} words @returns {{type: 'user.message', content: {type: 'text', text: string}[]}} */
const said = (words) => ({ type: 'user.message', content: [{ type: 'text', text: words }] });
const ids = (/** @type {{id: string}[]} */ items) => items.map((item) => item.id);

async function stores() {
  const api = beta.memoryStores;
  const store = await api.create({ name: 'Notes', metadata: { team: 'a' } });
  same([store.description, store.metadata, store.archived_at], ['', { team: 'a' }, null], 'a store');
  same((await api.retrieve(store.id)).id, store.id, 'the same store');
  same((await api.update(store.id, { metadata: { team: null, tier: 'b' } })).metadata, { tier: 'b' }, 'a patch');
  const first = await api.memories.create(store.id, { path: '/tone.md', content: 'Be brief.', view: 'full' });
  same([first.content, first.content_sha256], ['Be brief.', sha('Be brief.')], 'a memory');
  const taken = await refused(
    () => api.memories.create(store.id, { path: '/tone.md/x', content: '' }),
    Anthropic.ConflictError, 409, 'memory_path_conflict_error',
  );
  same([taken.attempts, taken.body.conflicting_path], [1, '/tone.md'], 'one attempt at a conflict');
  const at = { memory_store_id: store.id };
  const stale = await refused(
    () => api.memories.update(first.id, {
      ...at, content: 'x', precondition: { type: 'content_sha256', content_sha256: sha('y') },
    }),
    Anthropic.ConflictError, 409, 'memory_precondition_failed_error',
  );
  same(stale.attempts, 1, 'one attempt at a lost precondition');
  const moved = await api.memories.update(first.id, { ...at, path: '/style/tone.md' });
  same([moved.id, moved.path, moved.content], [first.id, '/style/tone.md', null], 'a rename');
  same((await api.memories.retrieve(first.id, at)).content, 'Be brief.', 'a memory has its text');
  const level = await every(api.memories.list(store.id, { depth: 1 }));
  same(level, [{ path: '/style/', type: 'memory_prefix' }], 'one level');
  const past = await every(api.memoryVersions.list(store.id, { memory_id: first.id, view: 'full' }));
  same(past.map((item) => [item.operation, item.path]), [['modified', '/style/tone.md'], ['created', '/tone.md']], 'past');
  const oldest = past[1];
  same((await api.memoryVersions.retrieve(oldest.id, at)).content, 'Be brief.', 'a version');
  const blank = await api.memoryVersions.redact(oldest.id, at);
  same([blank.path, blank.content, blank.redacted_by?.type], [null, null, 'api_actor'], 'a redaction');
  for (let number = 0; number < MANY; number += 1) {
    await api.memories.create(store.id, { path: `/many/${number}.md`, content: `note ${number}` });
  }
  const all = await every(api.memories.list(store.id, { limit: 100 }));
  same(new Set(all.map((item) => item.path)).size, MANY + 1, 'memories in pages');
  same((await every(api.memoryVersions.list(store.id))).length, MANY + 2, 'versions in pages');
  const before = judge.requests;
  await every(api.memories.list(store.id, { view: 'full', limit: 100 }));
  same(judge.requests - before, Math.ceil((MANY + 1) / 20), 'full pages hold 20');
  same((await api.memories.delete(first.id, { ...at, expected_content_sha256: sha('Be brief.') })).type, 'memory_deleted', 'gone');
  await refused(() => api.memories.retrieve(first.id, at), ...lost);
  const made = [];
  for (let number = 0; number < MANY; number += 1) made.push(await api.create({ name: `s${number}` }));
  same(ids(await every(api.list({ 'created_at[gte]': made[0].created_at }))), ids(made).reverse(), 'stores in pages');
  same((await api.archive(store.id)).archived_at !== null, true, 'an archived store');
  await refused(() => api.update(store.id, { name: 'x' }), ...bad);
  same((await api.delete(store.id)).type, 'memory_store_deleted', 'a deleted store');
  await refused(() => api.retrieve(store.id), ...lost);
}

async function agents() {
  const api = beta.agents;
  const agent = await api.create({
    name: 'Support', model: { id: 'claude-sonnet-5', effort: 'high' }, system: 'Help.',
    tools: [{ type: 'agent_toolset_20260401' }],
  });
  same([agent.version, agent.model.id, agent.model.effort], [1, 'claude-sonnet-5', { type: 'high' }], 'an agent');
  const second = await api.update(agent.id, { version: 1, system: 'Help more.' });
  same(second.version, 2, 'an update');
  const old = await refused(() => api.update(agent.id, { version: 1, system: 'x' }), Anthropic.ConflictError, 409, 'conflict_error');
  same(old.attempts, 1, 'one attempt at an old version');
  same((await api.retrieve(agent.id, { version: 1 })).system, 'Help.', 'an earlier version');
  for (let number = 0; number < MANY; number += 1) await api.update(agent.id, { description: `take ${number}` });
  same((await every(api.versions.list(agent.id, { limit: 100 }))).length, MANY + 2, 'versions in pages');
  same((await api.archive(agent.id)).archived_at !== null, true, 'an archived agent');
  expect(!ids(await every(api.list())).includes(agent.id), 'archived agents are hidden');
  expect(ids(await every(api.list({ include_archived: true }))).includes(agent.id), 'but shown when asked');

  const environments = beta.environments;
  const plain = await environments.create({ name: 'plain', description: 'd' });
  const own = await environments.create({ name: 'own', config: { type: 'self_hosted' } });
  same((await environments.retrieve(own.id)).config, { type: 'self_hosted' }, 'an environment');
  same((await environments.update(plain.id, { name: 'other' })).name, 'other', 'an update');
  same((await environments.archive(plain.id)).archived_at !== null, true, 'an archived environment');
  same((await environments.delete(own.id)).type, 'environment_deleted', 'a deleted one');
  expect(!ids(await every(environments.list())).includes(own.id), 'is gone');

  for (const api of /** @type {const} */ ([beta.models, client.models])) {
    const found = await every(/** @type {AsyncIterable<{id: string}>} */ (api.list({ limit: 2 })));
    expect(ids(found).includes('claude-opus-5'), 'a model');
    same((await api.retrieve(found[0].id)).id, found[0].id, 'the same model');
    await refused(() => api.retrieve('claude-nothing'), ...lost);
  }
}

async function sessions() {
  const agent = await beta.agents.create({ name: 'Support', model: 'claude-opus-5' });
  const environment = await beta.environments.create({ name: 'plain' });
  const store = await beta.memoryStores.create({ name: 'Notes' });
  const api = beta.sessions;
  const base = { agent: agent.id, environment_id: environment.id };
  const session = await api.create({
    ...base, title: 'A title', metadata: { ticket: '7' },
    resources: [{ type: 'memory_store', memory_store_id: store.id, access: 'read_only' }],
  });
  same([session.status, session.title, session.agent.id], ['idle', 'A title', agent.id], 'a session');
  same(ids(await every(api.list({ memory_store_id: store.id }))), [session.id], 'by store');
  same((await api.retrieve(session.id)).id, session.id, 'the same session');
  same((await api.update(session.id, { title: 'Another' })).title, 'Another', 'an update');
  const mine = await beta.agents.create({ name: 'Filtered', model: 'claude-opus-5' });
  const made = [];
  for (let number = 0; number < MANY; number += 1) made.push(await api.create({ ...base, agent: mine.id }));
  same(ids(await every(api.list({ agent_id: mine.id, order: 'asc' }))), ids(made), 'sessions in pages');
  const late = await every(api.list({ agent_id: mine.id, statuses: ['idle'], 'created_at[gt]': made[249].created_at, limit: 3 }));
  same(ids(late), ids(made.slice(250)).reverse(), 'after a moment');
  const page = await api.list({ agent_id: mine.id, limit: 10 });
  const next = await page.getNextPage();
  const back = await api.list({ agent_id: mine.id, limit: 10, page: String(next.prev_page) });
  same(ids(back.data), ids(page.data), 'a page back');

  const file = await api.resources.add(session.id, { type: 'file', file_id: 'file_01x' });
  const repository = await api.create({
    ...base, resources: [{ type: 'github_repository', url: 'https://github.com/example/tools', authorization_token: 'hidden' }],
  });
  const [cloned] = await every(api.resources.list(repository.id));
  expect(cloned.type === 'github_repository', 'a repository');
  if (cloned.type === 'github_repository') {
    await api.resources.update(cloned.id, { session_id: repository.id, authorization_token: 'other' });
  }
  same((await every(api.resources.list(session.id))).length, 2, 'what a session can use');
  await api.resources.retrieve(file.id, { session_id: session.id });
  same((await api.resources.delete(file.id, { session_id: session.id })).type, 'session_resource_deleted', 'a delete');

  await api.events.send(session.id, { events: [said('Before.')] });
  const stream = await api.events.stream(session.id);
  const sent = await api.events.send(session.id, { events: [said('How are refunds made?')] });
  const seen = [];
  for await (const event of stream) {
    seen.push(event);
    if (event.type === 'session.status_idle') break;
  }
  same(seen.filter((event) => event.type === 'user.message').map((event) => event.id), ids(sent.data ?? []), 'the stream');
  const history = await every(api.events.list(session.id, { limit: 3 }));
  expect(seen.every((event) => 'id' in event && ids(history).includes(event.id)), 'is in the history');
  for (let number = 0; number < 6; number += 1) {
    await api.events.send(session.id, { events: Array.from({ length: 50 }, (_, n) => said(`${number}.${n}`)) });
  }
  const words = await every(api.events.list(session.id, { types: ['user.message'], limit: 100 }));
  same(words.length, 302, 'events in pages');
  await refused(() => api.events.send(session.id, { events: [] }), ...bad);

  const [thread] = await every(api.threads.list(session.id));
  const within = { session_id: session.id };
  same((await api.threads.retrieve(thread.id, within)).parent_thread_id, null, 'the primary thread');
  expect((await every(api.threads.events.list(thread.id, within))).length > 300, 'its events');
  const there = await api.threads.events.stream(thread.id, within);
  await api.events.send(session.id, { events: [said('Once more.')] });
  for await (const event of there) if (event.type === 'session.status_idle') break;
  await Promise.resolve(api.threads.archive(thread.id, within)).catch((/** @type {Error} */ error) => {
    expect(error instanceof Anthropic.BadRequestError, `${error}`);
  });
  const end = await api.events.stream(repository.id);
  same((await api.delete(repository.id)).type, 'session_deleted', 'a deleted session');
  /** @type {string | undefined} */
  let last;
  for await (const event of end) last = event.type;
  same(last, 'session.deleted', 'ends its stream');
  same((await api.archive(session.id)).status, 'terminated', 'an archived session');
}

async function deployments() {
  const agent = await beta.agents.create({ name: 'Nightly', model: 'claude-opus-5' });
  const environment = await beta.environments.create({ name: 'plain' });
  const store = await beta.memoryStores.create({ name: 'Nightly' });
  const api = beta.deployments;
  const base = { agent: agent.id, environment_id: environment.id, initial_events: [said('Go.')] };
  const deployment = await api.create({
    ...base, name: 'nightly', resources: [{ type: 'memory_store', memory_store_id: store.id }],
    schedule: { type: 'cron', expression: '0 3 * * *', timezone: 'UTC' },
  });
  same((await api.retrieve(deployment.id)).name, 'nightly', 'a deployment');
  same((await api.update(deployment.id, { schedule: null })).schedule, null, 'an update');
  same((await api.pause(deployment.id)).paused_reason, { type: 'manual' }, 'paused');
  same((await api.unpause(deployment.id)).status, 'active', 'active again');
  const run = await api.run(deployment.id);
  same((await beta.sessions.retrieve(String(run.session_id))).deployment_id, deployment.id, 'its session');
  await beta.memoryStores.archive(store.id);
  const failed = await api.run(deployment.id);
  same([failed.session_id, failed.error?.type], [null, 'memory_store_archived_error'], 'a run without its store');
  same((await beta.deploymentRuns.retrieve(run.id)).id, run.id, 'a run');
  const wrong = await every(beta.deploymentRuns.list({ deployment_id: deployment.id, has_error: true }));
  same(ids(wrong), [failed.id], 'failed runs');
  same((await api.archive(deployment.id)).archived_at !== null, true, 'an archived deployment');
  const made = [];
  for (let number = 0; number < MANY; number += 1) made.push(await api.create({ ...base, name: `d${number}` }));
  same(ids(await every(api.list({ agent_id: agent.id, limit: 100 }))), ids(made).reverse(), 'deployments in pages');
  const runs = [];
  for (let number = 0; number < MANY; number += 1) runs.push(await api.run(made[0].id));
  same(ids(await every(beta.deploymentRuns.list({ deployment_id: made[0].id, limit: 100 }))), ids(runs).reverse(), 'runs');
}

async function dreams() {
  const api = beta.dreams;
  const known = ids(await every(beta.sessions.list({ order: 'asc', limit: 100 }))).slice(0, 10);
  const agent = await beta.agents.create({ name: 'Support', model: 'claude-opus-5' });
  const environment = await beta.environments.create({ name: 'plain' });
  const own = await beta.sessions.create({ agent: agent.id, environment_id: environment.id });
  await beta.sessions.events.send(own.id, { events: [said('Please always give the date as day, month, year.')] });
  const store = await beta.memoryStores.create({ name: 'Support memory' });
  await beta.memoryStores.memories.create(store.id, { path: '/tone.md', content: '- Be brief.\n- Be brief.\n' });
  /** @type {import('@anthropic-ai/sdk/resources/beta').DreamCreateParams['inputs']} */
  const inputs = [
    { type: 'memory_store', memory_store_id: store.id },
    { type: 'sessions', session_ids: [...known, own.id] },
  ];
  /** @param {string} id */
  const end = async (id) => {
    const deadline = Date.now() + 60_000;
    const statuses = new Set();
    for (;;) {
      const dream = await api.retrieve(id);
      statuses.add(dream.status);
      if (dream.ended_at) return { dream, statuses };
      if (Date.now() > deadline) throw new Error(`dream ${id} does not end`);
    }
  };
  const made = await api.create({ inputs, model: 'claude-opus-5', instructions: 'Keep every number.' });
  same([made.status, made.outputs, made.session_id], ['pending', [], null], 'a new dream');
  const { dream, statuses } = await end(made.id);
  same(dream.status, 'completed', `how it ended, ${JSON.stringify(dream.error)}`);
  expect(statuses.has('running'), `running is seen: ${[...statuses]}`);
  expect(dream.outputs[0].memory_store_id !== store.id, 'a new store');
  const worker = await every(beta.sessions.events.list(String(dream.session_id)));
  expect(worker.some((event) => event.type === 'agent.tool_use'), 'what the worker did');
  await refused(() => api.cancel(made.id), ...bad);
  same((await api.archive(made.id)).archived_at !== null, true, 'an archived dream');
  const into = { type: /** @type {const} */ ('update_existing'), memory_store_id: store.id };
  const there = await api.create({ inputs, model: { id: 'claude-sonnet-5' }, output_behavior: into });
  const held = await refused(
    () => api.create({ inputs, model: 'claude-opus-5', output_behavior: into }), Anthropic.ConflictError, 409, 'conflict_error',
  );
  same(held.attempts, 1, 'one attempt at a store that is held');
  same((await end(there.id)).dream.outputs, [{ memory_store_id: store.id, type: 'memory_store' }], 'in place');
  const third = await api.create({ inputs, model: 'claude-opus-5' });
  same((await api.cancel(third.id)).status, 'canceled', 'canceled');
  const listed = await every(api.list({ statuses: ['canceled', 'completed'], include_archived: true, limit: 1 }));
  same(ids(listed), ids([third, there, made]), 'dreams in pages of one');
  await refused(() => api.create({ inputs: [inputs[0]], model: 'claude-opus-5' }), ...bad);
  await refused(() => api.retrieve('drm_01nothing'), ...lost);
}

/** Drives a server that was told to fail: every model asked for has a status for a name. @param {string} url */
async function faults(url) {
  const of = (/** @type {number} */ maxRetries) => judge.watch(bare.withOptions({ baseURL: url, maxRetries }));
  const table = /** @type {const} */ ([
    [400, Anthropic.BadRequestError, 'invalid_request_error', 1],
    [401, Anthropic.AuthenticationError, 'authentication_error', 1],
    [403, Anthropic.PermissionDeniedError, 'permission_error', 1],
    [404, Anthropic.NotFoundError, 'not_found_error', 1],
    [429, Anthropic.RateLimitError, 'rate_limit_error', 3],
    [500, Anthropic.InternalServerError, 'api_error', 3],
    [502, Anthropic.InternalServerError, 'api_error', 3],
  ]);
  for (const [status, kind, word, attempts] of table) {
    const once = await refused(() => of(0).beta.models.retrieve(`fail-${status}`), kind, status, word);
    same(once.attempts, 1, `attempts at a ${status} with retries off`);
    const again = await refused(() => of(2).beta.models.retrieve(`fail-${status}`), kind, status, word);
    same(again.attempts, attempts, `attempts at a ${status}`);
  }
}

async function refusals() {
  const wrong = judge.watch(bare.withOptions({ apiKey: 'sk-ant-wrong' }));
  await refused(() => wrong.beta.dreams.list(), Anthropic.AuthenticationError, 401, 'authentication_error');
  await refused(() => beta.dreams.list({}, { headers: { 'anthropic-beta': null } }), ...lost);
  await refused(() => beta.memoryStores.list({ betas: ['managed-agents-2026-04-01'] }), ...bad);
  await refused(() => beta.dreams.list({ betas: ['nothing-2026-01-01'] }), ...bad);
}

/** @type {Record<string, () => Promise<void>>} */
const parts = { dreams, stores, agents, sessions, deployments, refusals };
const only = process.argv.slice(2);
for (const [name, part] of Object.entries(parts)) {
  if (only.length && !only.includes(name)) continue;
  const began = Date.now();
  await part();
  process.stderr.write(`  ${name}: ${((Date.now() - began) / 1000).toFixed(1)} s\n`);
}
if (process.env.DREAMRUN_FAULTY_URL) await faults(process.env.DREAMRUN_FAULTY_URL);
const missing = judge.missing();
if (missing.length && !only.length) throw new Error(`never called: ${missing.join(', ')}`);
const calls = [...judge.calls.values()].reduce((sum, count) => sum + count, 0);
process.stdout.write(`${JSON.stringify({
  program: `TypeScript ${VERSION}`, methods: judge.calls.size, of: Object.keys(judge.methods).length,
  calls, requests: judge.requests, answers: judge.answers, types: Object.keys(judge.types).length, errors, checks, notes: [],
})}\n`);
