// Checks docs/asyncapi.yaml against AsyncAPI's own schema, and messages against the schemas in it.
//
//     node asyncapi.mjs FILE < messages.json
//
// On stdin: [[name of a message, payload], …]. On stdout: {"names", "examples", "problems", "unused"}: the messages of the
// document and its examples, what is wrong with it or with a payload, and properties that none of the payloads has.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import Ajv from "ajv";
import { load } from "js-yaml";

const document = load(await readFile(process.argv[2], "utf8"));
const { messages, schemas } = document.components;
const problems = [];
const ajv = new Ajv({ allErrors: true, strict: false, formats: { binary: true } });

// Formats of the specification itself (addresses, mail) are not checked.
const specification = createRequire(import.meta.url)("@asyncapi/specs/schemas/3.0.0-without-$id.json");
const isAsyncApi = new Ajv({ strict: false, validateFormats: false }).compile(specification);
if (!isAsyncApi(document)) problems.push(`not AsyncAPI 3.0: ${ajv.errorsText(isAsyncApi.errors)}`);

/** Every reference points to something. */
function checkReferences(value) {
  if (typeof value !== "object" || value === null) return;
  if (typeof value.$ref === "string") {
    const steps = value.$ref.split("/").slice(1);
    if (steps.reduce((at, step) => at?.[step], document) === undefined) problems.push(`nothing is at ${value.$ref}`);
  }
  Object.values(value).forEach(checkReferences);
}
checkReferences(document);

/** Notes the properties of a schema by their paths, and refuses others: a receiver may ignore them, the document has to know them. */
function close(schema, path, properties) {
  if (Array.isArray(schema)) {
    for (const item of schema) close(item, path, properties);
  } else if (typeof schema === "object" && schema !== null) {
    if (schema.properties) schema.additionalProperties ??= false;
    for (const [name, inner] of Object.entries(schema.properties ?? {})) {
      properties.add(`${path}.${name}`);
      close(inner, `${path}.${name}`, properties);
    }
    for (const inner of [schema.items, schema.anyOf]) close(inner, path, properties);
  }
}

/** Takes away the properties that a payload has. */
function use(value, path, properties) {
  if (Array.isArray(value)) {
    for (const item of value) use(item, path, properties);
  } else if (typeof value === "object" && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      properties.delete(`${path}.${name}`);
      use(inner, `${path}.${name}`, properties);
    }
  }
}

const properties = new Set();
for (const [name, { payload }] of Object.entries(messages)) close(payload, name, properties);
for (const schema of Object.values(schemas)) close(schema, "", new Set());
ajv.addSchema(document, "document");
const validators = Object.fromEntries(
  Object.keys(messages).map((name) => [name, ajv.compile({ $ref: `document#/components/messages/${name}/payload` })]),
);
const examples = Object.entries(messages).flatMap(([name, { examples = [] }]) => examples.map(({ payload }) => [name, payload]));
for (const [name, payload] of [...JSON.parse(await text(process.stdin)), ...examples]) {
  const validate = validators[name];
  if (!validate) problems.push(`${name}: there is no such message`);
  else if (!validate(payload)) problems.push(`${name}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(payload)}`);
  use(payload, name, properties);
}
const names = Object.keys(messages);
console.log(JSON.stringify({ names, examples, problems, unused: [...properties] }));
