// @ts-check
// What an answer must be: exactly the type that the SDK's declarations give the called method.
//
// Declarations are gone at run time, so `shapes.mjs` has read them before. The judge wraps `fetch`, which sees
// every answer as it came, and the client's resources, which say what method was called.

/** @typedef {{kind: string, value?: unknown, of?: any, name?: string}} Shape */

/** Says what is wrong with a value; nothing if it is exactly of a shape. */
export class Judge {
  /** @param {{methods: Record<string, any>, types: Record<string, any>}} shapes */
  constructor(shapes) {
    this.methods = shapes.methods;
    this.types = shapes.types;
    this.answers = 0;
    this.requests = 0;
    /** @type {Map<string, number>} */
    this.calls = new Map();
    /** @type {{kind: string, page?: string, of: Shape} | undefined} */
    this.expected = undefined;
    this.called = '';
  }

  /** Returns a client whose method calls say what they expect. @template T @param {T} client @returns {T} */
  watch(client, path = '') {
    const judge = this;
    return new Proxy(/** @type {any} */ (client), {
      get(target, key) {
        const value = Reflect.get(target, key, target);
        if (typeof key !== 'string') return value;
        const at = path ? `${path}.${key}` : key;
        if (typeof value === 'function') {
          const method = judge.methods[at];
          if (!method) return value.bind(target);
          return (/** @type {any[]} */ ...args) => {
            judge.calls.set(at, (judge.calls.get(at) ?? 0) + 1);
            judge.expected = method;
            judge.called = at;
            const answer = value.apply(target, args);
            return method.kind === 'stream' ? judge.stream(answer, method, at) : answer;
          };
        }
        const isResource = Object.keys(judge.methods).some((name) => name.startsWith(`${at}.`));
        return value && typeof value === 'object' && isResource ? judge.watch(value, at) : value;
      },
    });
  }

  /** @param {Promise<any>} opening @param {any} method @param {string} at */
  async stream(opening, method, at) {
    const stream = await opening;
    const judge = this;
    return {
      controller: stream.controller,
      async *[Symbol.asyncIterator]() {
        for await (const event of stream) {
          judge.must(event, method.of, at);
          yield event;
        }
      },
    };
  }

  /** Stands in for `fetch`. @type {typeof fetch} */
  fetch = async (input, init) => {
    this.requests += 1;
    const { expected, called } = this;
    const response = await fetch(input, init);
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    if (response.ok && isJson && expected && expected.kind !== 'stream') {
      this.must(await response.clone().json(), page(expected), called);
    }
    return response;
  };

  /** Throws unless a value is exactly of a shape. @param {unknown} value @param {any} shape @param {string} at */
  must(value, shape, at) {
    this.answers += 1;
    const wrong = this.wrong(value, shape, at);
    if (wrong) throw new Error(`${wrong}\n${JSON.stringify(value).slice(0, 2000)}`);
  }

  /** @param {any} value @param {any} shape @param {string} at @returns {string | undefined} */
  wrong(value, shape, at) {
    switch (shape.kind) {
      case 'any':
        return undefined;
      case 'null':
        return value === null ? undefined : `${at} is not null`;
      case 'literal':
        return value === shape.value ? undefined : `${at} is not ${JSON.stringify(shape.value)}`;
      case 'string':
      case 'number':
      case 'boolean':
        return typeof value === shape.kind ? undefined : `${at} is no ${shape.kind} but ${JSON.stringify(value)}`;
      case 'array':
        if (!Array.isArray(value)) return `${at} is no list`;
        return first(value, (item, place) => this.wrong(item, shape.of, `${at}[${place}]`));
      case 'map':
        if (!isObject(value)) return `${at} is no object`;
        return first(Object.entries(value), ([key, item]) => this.wrong(item, shape.of, `${at}.${key}`));
      case 'union':
        return this.wrongOfAll(value, shape.of, at);
      case 'page':
        return this.object(value, shape.fields, at);
      default:
        return this.object(value, this.types[shape.name].fields, `${at}<${shape.name}>`);
    }
  }

  /** @param {any} value @param {any[]} shapes @param {string} at */
  wrongOfAll(value, shapes, at) {
    const told = shapes.map((shape) => this.wrong(value, shape, at));
    if (told.includes(undefined)) return undefined;
    // Of a union of objects, the one with the value's `type` has the most to say.
    const typed = shapes.findIndex(
      (shape) => shape.kind === 'ref' && this.types[shape.name].fields.type?.is.value === value?.type,
    );
    return typed < 0 ? `${at} is none of ${shapes.length} shapes: ${told[0]}` : told[typed];
  }

  /** @param {any} value @param {Record<string, any>} fields @param {string} at */
  object(value, fields, at) {
    if (!isObject(value)) return `${at} is no object`;
    // The one field that only the beta type of a model declares, whose request is the same.
    const shared = at.includes('<ModelInfo>') ? 'allowed_fallback_models' : undefined;
    const unknown = Object.keys(value).find((key) => !(key in fields) && key !== shared);
    if (unknown) return `${at} has a field ${unknown} that is not declared`;
    return first(Object.entries(fields), ([key, field]) => {
      if (key in value) return this.wrong(value[key], field.is, `${at}.${key}`);
      return field.optional ? undefined : `${at} lacks ${key}`;
    });
  }

  /** Returns the methods that nothing called. */
  missing() {
    return Object.keys(this.methods).filter((name) => !this.calls.has(name));
  }
}

/** @param {any} value */
function isObject(value) {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** @template T @param {T[]} items @param {(item: T, place: number) => string | undefined} ask */
function first(items, ask) {
  for (const [place, item] of items.entries()) {
    const told = ask(item, place);
    if (told) return told;
  }
  return undefined;
}

/** @param {any} expected */
function page(expected) {
  if (expected.kind !== 'page') return expected.of;
  const always = (/** @type {any} */ is) => ({ optional: false, is });
  const word = { kind: 'union', of: [{ kind: 'string' }, { kind: 'null' }] };
  const data = always({ kind: 'array', of: expected.of });
  if (expected.page === 'Page') {
    const fields = { data, has_more: always({ kind: 'boolean' }), first_id: always(word), last_id: always(word) };
    return { kind: 'page', fields };
  }
  const both = expected.page === 'BidirectionalPageCursor' ? { prev_page: always(word) } : {};
  return { kind: 'page', fields: { data, next_page: always(word), ...both } };
}
