// Prints the texts of calls for tests that run them. stdin is a JSON array of
// `{stub, service, method, request, options}`, where `stub` is a path under gen/ and `request` is JSON.
//
//   node src/copy/printCalls.ts <calls.json

import { text } from "node:stream/consumers";
import { type DescMethod, type DescService, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { type CopyOptions, copyAs } from "./copyAs.ts";

interface WantedCall {
  readonly stub: string;
  readonly service: string;
  readonly method: string;
  readonly request: JsonValue;
  readonly options: CopyOptions;
}

const wanted = JSON.parse(await text(process.stdin)) as WantedCall[];
const printed = [];
for (const { stub, service, method, request, options } of wanted) {
  const module = (await import(new URL(`../../gen/${stub}`, import.meta.url).href)) as Record<string, DescService>;
  const found = module[service]?.methods.find((each) => each.name === method) as DescMethod;
  const texts = copyAs(found, fromJson(found.input, request), options);
  printed.push(Object.fromEntries(texts.map((each) => [each.language, each.text])));
}
process.stdout.write(`${JSON.stringify(printed)}\n`);
