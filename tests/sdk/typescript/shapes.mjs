// Reads the SDK's declarations and writes, as JSON on stdout, what every method answers.
//
//   node shapes.mjs PACKAGE_FOLDER RESOURCE...
//
// `methods` maps `beta.dreams.create` to its answer: one value, a page of items, or a stream of events.
// `types` maps each named type to its fields, and tells a field that may be absent from one that may be null.

import path from 'node:path';
import { createRequire } from 'node:module';

const [folder, ...resources] = process.argv.slice(2);
const ts = createRequire(path.join(path.resolve(folder), 'package.json'))('typescript');

const entry = path.join(path.resolve(folder), 'node_modules/@anthropic-ai/sdk/index.d.mts');
const program = ts.createProgram([entry], {
  strict: true,
  skipLibCheck: true,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
});
const checker = program.getTypeChecker();

/** @type {Record<string, any>} */
const types = {};

function nameOf(type) {
  const symbol = type.aliasSymbol ?? type.symbol;
  return symbol && !symbol.name.startsWith('__') ? symbol.name : undefined;
}

function shape(type) {
  const flags = type.flags;
  if (flags & ts.TypeFlags.Null) return { kind: 'null' };
  if (flags & ts.TypeFlags.BooleanLiteral) return { kind: 'literal', value: checker.typeToString(type) === 'true' };
  if (type.isStringLiteral() || type.isNumberLiteral()) return { kind: 'literal', value: type.value };
  if (flags & ts.TypeFlags.String) return { kind: 'string' };
  if (flags & ts.TypeFlags.Number) return { kind: 'number' };
  if (flags & ts.TypeFlags.Boolean) return { kind: 'boolean' };
  if (flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return { kind: 'any' };
  if (type.isUnion()) {
    const of = type.types.filter((part) => !(part.flags & ts.TypeFlags.Undefined)).map(shape);
    return of.length === 1 ? of[0] : { kind: 'union', of };
  }
  // `(string & {})` is how an open list of words is written.
  if (type.isIntersection()) return shape(type.types.find((part) => part.flags & ts.TypeFlags.String) ?? type.types[0]);
  if (checker.isArrayType(type)) return { kind: 'array', of: shape(checker.getTypeArguments(type)[0]) };
  const index = checker.getIndexInfoOfType(type, ts.IndexKind.String);
  if (index && type.getProperties().length === 0) return { kind: 'map', of: shape(index.type) };
  const name = nameOf(type) ?? 'anonymous';
  const known = Object.keys(types).find((key) => types[key].type === type);
  if (known) return { kind: 'ref', name: known };
  const key = name in types ? `${name}-${Object.keys(types).length}` : name;
  const fields = {};
  types[key] = { type, fields };
  for (const property of type.getProperties()) {
    const of = checker.getTypeOfSymbol(property);
    fields[property.name] = { optional: Boolean(property.flags & ts.SymbolFlags.Optional), is: shape(of) };
  }
  return { kind: 'ref', name: key };
}

function answer(returned) {
  const name = returned.aliasSymbol?.name ?? returned.symbol?.name;
  const of = returned.aliasTypeArguments ?? checker.getTypeArguments(returned);
  if (name === 'APIPromise') {
    const stream = of[0].symbol?.name === 'Stream';
    return stream
      ? { kind: 'stream', of: shape(checker.getTypeArguments(of[0])[0]) }
      : { kind: 'one', of: shape(of[0]) };
  }
  if (name === 'PagePromise') return { kind: 'page', page: of[0].symbol.name, of: shape(of[1]) };
  return undefined;
}

const source = program.getSourceFile(entry);
const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source));
const client = checker.getDeclaredTypeOfSymbol(
  (() => {
    const symbol = exported.find((one) => one.name === 'Anthropic');
    return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  })(),
);

const methods = {};
for (const resource of resources) {
  const type = resource.split('.').reduce((type, part) => {
    const property = type.getProperty(part);
    if (!property) throw new Error(`the SDK has no ${resource}`);
    return checker.getTypeOfSymbol(property);
  }, client);
  for (const property of type.getProperties()) {
    if (!(property.flags & ts.SymbolFlags.Method) || property.name.startsWith('_')) continue;
    const signatures = checker.getTypeOfSymbol(property).getCallSignatures();
    const told = signatures.map((one) => answer(one.getReturnType())).find(Boolean);
    if (told) methods[`${resource}.${property.name}`] = told;
  }
}
for (const type of Object.values(types)) delete type.type;
process.stdout.write(`${JSON.stringify({ methods, types }, null, 1)}\n`);
