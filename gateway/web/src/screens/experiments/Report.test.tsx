// @vitest-environment jsdom
import { create } from "@bufbuild/protobuf";
import { render } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ExperimentSchema, Experiment_Status as Status } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { type CallOptions, type Transport, transport } from "../../rpc/client.ts";
import { ApiError, Code } from "../../rpc/errors.ts";
import { Report } from "./Report.tsx";

type Stream = (
  method: unknown,
  request: { id: string; audio?: boolean },
  options: CallOptions,
) => AsyncIterable<{ contentType: string; data: Uint8Array }>;

const stream = vi.fn<Stream>();
const saved: { name: string; file: Blob }[] = [];
const before = transport.peek();

beforeEach(() => {
  transport.value = { ...before, stream: stream as unknown as Transport["stream"] };
  let file = new Blob();
  URL.createObjectURL = (made) => {
    file = made as Blob;
    return "blob:report";
  };
  HTMLAnchorElement.prototype.click = function (this: HTMLAnchorElement) {
    saved.push({ name: this.download, file });
  };
  show(Status.completed);
});

afterEach(() => {
  render(null, document.body);
  transport.value = before;
  stream.mockReset();
  saved.length = 0;
});

function show(status: Status): void {
  render(<Report experiment={create(ExperimentSchema, { id: "exp_1", status })} />, document.body);
}

const button = (label: string) =>
  [...document.querySelectorAll("button")].find((each) => each.textContent?.includes(label));

test("the report is saved under the name of its experiment, with the audio or without", async () => {
  stream.mockImplementation(async function* () {
    yield { contentType: "text/html", data: new TextEncoder().encode("<html>") };
  });
  button("Download")?.click();
  await vi.waitFor(() => expect(saved).toHaveLength(1));
  expect([saved[0]?.name, saved[0]?.file.type]).toEqual(["exp_1.html", "text/html"]);
  document.querySelector("input")?.click();
  await vi.waitFor(() => expect(button("Download")?.getAttribute("aria-busy")).not.toBe("true"));
  button("Download")?.click();
  await vi.waitFor(() => expect(saved).toHaveLength(2));
  expect(stream.mock.calls.map(([, request]) => request.audio)).toEqual([true, false]);
});

test("the size of what has arrived is shown, and the download can be cancelled", async () => {
  stream.mockImplementation(async function* (_method, _request, { signal }) {
    yield { contentType: "text/html", data: new Uint8Array(61_000_000) };
    await new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new ApiError(Code.CANCELLED, "cancelled")));
    });
  });
  button("Download")?.click();
  await vi.waitFor(() => expect(document.querySelector(".experiment-received")?.textContent).toBe("61 MB received"));
  button("Cancel")?.click();
  await vi.waitFor(() => expect(button("Cancel")).toBeUndefined());
  expect([document.querySelector("[role=alert]"), saved]).toEqual([null, []]);
});

test("a report that is too large for a browser names the command that writes it", async () => {
  stream.mockImplementation(() => {
    throw new ApiError(Code.INVALID_ARGUMENT, "max_audio_mb: must be at least 300", {
      violations: [{ field: "max_audio_mb", description: "must be at least 300" }],
    });
  });
  button("Download")?.click();
  await vi.waitFor(() =>
    expect(document.querySelector("[role=alert]")?.textContent).toContain(
      "arena experiment report exp_1 --max-megabytes 4096",
    ),
  );
});

test("an experiment that has not ended has no report yet", () => {
  show(Status.running);
  expect(button("Download")).toBeUndefined();
  expect(document.body.textContent).toContain("when the experiment is completed");
});
