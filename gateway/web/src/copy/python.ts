// Python source that builds a message with the stubs that `make gen` writes.

import { type DescEnum, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { withVisibleEscapes } from "./shell.ts";

const MAX_LINE_CHARACTERS = 100;
const INDENT = "    ";

/** Collects the modules that a piece of source needs. */
export class Imports {
  readonly #modules = new Map<string, Set<string>>();

  /** Returns the name of a module, such as `battle_pb2` for `voicearena/elo/v1/battle`. */
  module(file: string, suffix = "_pb2"): string {
    const path = file.split("/");
    const name = `${path.pop()}${suffix}`;
    const folder = path.join(".");
    this.#modules.set(folder, (this.#modules.get(folder) ?? new Set()).add(name));
    return name;
  }

  /** Returns the import statements. */
  statements(): string[] {
    return [...this.#modules]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([folder, names]) => `from ${folder} import ${[...names].sort().join(", ")}`);
  }
}

/** Returns an expression that builds a message. `column` is where its line begins. */
export function messageSource(message: ReflectMessage, imports: Imports, column = ""): string {
  const name = className(message.desc, imports);
  const inner = column + INDENT;
  const items = message.sortedFields
    .filter((field) => message.isSet(field))
    .map((field) => `${field.name}=${fieldSource(message, field, imports, inner)}`);
  return wrapped(`${name}(`, items, ")", column);
}

/** Returns a Python string literal. */
export function stringLiteral(value: string): string {
  return withVisibleEscapes(JSON.stringify(value));
}

function fieldSource(message: ReflectMessage, field: DescField, imports: Imports, column: string): string {
  const value = message.get(field);
  const inner = column + INDENT;
  switch (field.fieldKind) {
    case "message":
      return messageSource(value as ReflectMessage, imports, column);
    case "enum":
      return enumSource(field.enum, value as number, imports);
    case "scalar":
      return scalarSource(field.scalar, value);
    case "list": {
      const items = [...(value as Iterable<unknown>)].map((item) => itemSource(field, item, imports, inner));
      return wrapped("[", items, "]", column);
    }
    case "map": {
      const entries = [...(value as Iterable<[string | number | bigint | boolean, unknown]>)];
      const items = entries.map(
        ([key, item]) => `${scalarSource(field.mapKey, key)}: ${itemSource(field, item, imports, inner)}`,
      );
      return wrapped("{", items, "}", column);
    }
  }
}

function itemSource(
  field: Extract<DescField, { fieldKind: "list" | "map" }>,
  item: unknown,
  imports: Imports,
  column: string,
): string {
  if (field.message) {
    const message = "desc" in (item as object) ? item : reflect(field.message, item as Message);
    return messageSource(message as ReflectMessage, imports, column);
  }
  return field.enum ? enumSource(field.enum, item as number, imports) : scalarSource(field.scalar, item);
}

function enumSource(desc: DescEnum, number: number, imports: Imports): string {
  const value = desc.value[number];
  // A newer server may know values that these stubs do not know.
  if (!value) {
    return String(number);
  }
  const owner = desc.parent ? className(desc.parent, imports) : imports.module(desc.file.name);
  return `${owner}.${value.name}`;
}

function scalarSource(type: ScalarType | undefined, value: unknown): string {
  if (type === ScalarType.BYTES) {
    return `bytes.fromhex("${[...(value as Uint8Array)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}")`;
  }
  if (typeof value === "string") {
    return stringLiteral(value);
  }
  if (typeof value === "boolean") {
    return value ? "True" : "False";
  }
  return typeof value === "number" && !Number.isFinite(value) ? `float("${value}")` : String(value);
}

function className(desc: DescMessage, imports: Imports): string {
  return `${desc.parent ? className(desc.parent, imports) : imports.module(desc.file.name)}.${desc.name}`;
}

function wrapped(open: string, items: readonly string[], close: string, column: string): string {
  const line = `${open}${items.join(", ")}${close}`;
  if (items.length === 0 || (column.length + line.length <= MAX_LINE_CHARACTERS && !line.includes("\n"))) {
    return line;
  }
  return [open, ...items.map((item) => `${column}${INDENT}${item},`), `${column}${close}`].join("\n");
}
