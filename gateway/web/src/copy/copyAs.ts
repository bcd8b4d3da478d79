// The same call as curl, grpcurl, Python and the command line, so that what a screen shows can be had elsewhere.

import { create, type DescMethod, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { Imports, messageSource, stringLiteral } from "./python.ts";
import { isPublic, jsonCall, jsonFields, parameters, uploadOf } from "./route.ts";
import { shellWord, withVisibleEscapes } from "./shell.ts";

/** The environment variables that stand for credentials, which are never copied themselves. `arena` reads the first. */
export const CREDENTIALS = { key: "ARENA_API_KEY", voter: "ARENA_VOTER" } as const;

const DEFAULT_URL = "http://localhost:8080";
const MAX_JSON_LINE_CHARACTERS = 100;
const CALL_SECONDS = 10;
const UPLOAD_SECONDS = 60;
const PIECE_BYTES = 65_536;

/** What the call of a screen needs besides its request. */
export interface CopyOptions {
  /** The address of the gateway. */
  readonly baseUrl: string;
  /** Who calls. An RPC that is not public always needs a key. */
  readonly needs?: keyof typeof CREDENTIALS | undefined;
  /** The words of the `arena` command that shows the same, without `arena`. */
  readonly cli?: readonly string[] | undefined;
  /** The name of the recording that is uploaded. */
  readonly upload?: string | undefined;
  /** The name of the file that a call which returns a file is saved as. */
  readonly saveAs?: string | undefined;
}

/** A call in one language. */
export interface CopiedCall {
  readonly language: "curl" | "grpcurl" | "python" | "cli";
  readonly text: string;
}

/** Returns a call in each language that has it. */
export function copyAs<Method extends DescMethod>(
  method: Method,
  request: MessageInitShape<Method["input"]>,
  options: CopyOptions,
): CopiedCall[] {
  const message = create(method.input, request as MessageInitShape<DescMethod["input"]>);
  const needs = options.needs ?? (isPublic(method) ? undefined : "key");
  const call = { method, message, options, variable: needs && CREDENTIALS[needs], url: new URL(options.baseUrl) };
  const texts = { curl: curl(call), grpcurl: grpcurl(call), python: python(call), cli: cli(call) };
  return (Object.keys(texts) as CopiedCall["language"][]).flatMap((language) => {
    const text = texts[language];
    return text === undefined ? [] : [{ language, text }];
  });
}

interface Call {
  readonly method: DescMethod;
  readonly message: Message;
  readonly options: CopyOptions;
  readonly variable: string | undefined;
  readonly url: URL;
}

function curl({ method, message, options, variable, url }: Call): string | undefined {
  const json = jsonCall(method, message);
  if (!json) {
    return undefined;
  }
  const file = returnsFile(method);
  const words = ["curl", file ? "-sSf" : method.methodKind === "server_streaming" ? "-sN" : "-s"];
  if (json.verb !== "GET" && !options.upload) {
    words.push("-X", json.verb);
  }
  words.push(shellWord(url.origin + json.path), ...header(variable));
  if (options.upload) {
    // --form-string takes a value as it is. -F would read a file if the value began with @ or <.
    words.push("-F", shellWord(`audio=@${formFileName(options.upload)}`));
    words.push(
      ...parameters(json.body ?? {}).flatMap(([name, value]) => ["--form-string", shellWord(`${name}=${value}`)]),
    );
  } else if (json.body) {
    words.push("-H", "'Content-Type: application/json'", "-d", jsonWord(json.body));
  }
  if (file) {
    words.push("-o", shellWord(fileName(options.saveAs ?? method.name)));
  }
  return words.join(" ");
}

function grpcurl({ method, message, options, variable, url }: Call): string | undefined {
  // A recording would have to be written into the JSON as base64.
  if (options.upload) {
    return undefined;
  }
  const fields = jsonFields(method, message);
  const words = ["grpcurl", ...(url.protocol === "https:" ? [] : ["-plaintext"]), ...header(variable)];
  if (Object.keys(fields).length > 0) {
    words.push("-d", jsonWord(fields));
  }
  words.push(shellWord(address(url)), `${method.parent.typeName}/${method.name}`);
  return words.join(" ");
}

function python({ method, message, options, variable, url }: Call): string | undefined {
  const upload = options.upload ? uploadOf(method) : undefined;
  if (options.upload && !upload) {
    return undefined;
  }
  const imports = new Imports();
  const stub = `${imports.module(method.parent.file.name, "_pb2_grpc")}.${method.parent.name}Stub`;
  const request = messageSource(reflect(method.input, message), imports, "    ");
  const seconds = upload ? UPLOAD_SECONDS : CALL_SECONDS;
  const timeout = method.methodKind === "server_streaming" ? "" : `, timeout=${seconds}`;
  const rest = `${variable ? ", metadata=metadata" : ""}${timeout}`;
  const call = `service.${(upload ?? method).name}(${upload ? "pieces()" : "request"}${rest})`;
  const channel =
    url.protocol === "https:"
      ? `grpc.secure_channel(${stringLiteral(address(url))}, grpc.ssl_channel_credentials())`
      : `grpc.insecure_channel(${stringLiteral(address(url))})`;
  const body = [`with ${channel} as channel:`, `    service = ${stub}(channel)`, `    request = ${request}`];
  if (variable) {
    body.push(`    metadata = [("authorization", f"Bearer {os.environ['${variable}']}")]`);
  }
  if (upload) {
    const piece = `${imports.module(upload.input.file.name)}.${upload.input.name}`;
    body.push(
      "",
      "    def pieces():",
      `        yield ${piece}(request=request)`,
      `        with open(${stringLiteral(options.upload ?? "")}, "rb") as file:`,
      `            while piece := file.read(${PIECE_BYTES}):`,
      `                yield ${piece}(audio=piece)`,
      "",
      `    print(${call})`,
    );
  } else if (returnsFile(method)) {
    body.push(
      `    with open(${stringLiteral(fileName(options.saveAs ?? method.name))}, "wb") as file:`,
      `        for piece in ${call}:`,
      "            file.write(piece.data)",
    );
  } else if (method.methodKind === "server_streaming") {
    body.push(`    for message in ${call}:`, "        print(message, flush=True)");
  } else {
    body.push(`    print(${call})`);
  }
  const head = [...(variable ? ["import os", ""] : []), "import grpc", ...imports.statements(), ""];
  return [...head, ...body].join("\n");
}

function cli({ options, url }: Call): string | undefined {
  if (!options.cli) {
    return undefined;
  }
  const where = url.origin === DEFAULT_URL ? [] : ["--url", url.origin];
  return ["arena", ...where, ...options.cli].map(shellWord).join(" ");
}

function header(variable: string | undefined): string[] {
  return variable ? ["-H", `"Authorization: Bearer $${variable}"`] : [];
}

function jsonWord(fields: object): string {
  const line = JSON.stringify(fields);
  return shellWord(
    withVisibleEscapes(line.length > MAX_JSON_LINE_CHARACTERS ? JSON.stringify(fields, undefined, 2) : line),
  );
}

function address(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === "https:" ? "443" : "80")}`;
}

function returnsFile(method: DescMethod): boolean {
  return method.output.typeName === "google.api.HttpBody";
}

// Saved files stay in the folder of the shell, and their names are not options.
function fileName(name: string): string {
  return name.replace(/^[.-]+|[/\\]/g, "_");
}

// curl ends the name of a file in a form at a comma or semicolon unless it is in double quotes.
function formFileName(name: string): string {
  return /[,;"\\]/.test(name) ? `"${name.replace(/["\\]/g, "\\$&")}"` : name;
}
