import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ServiceStatusSchema } from "../../../gen/voicearena/mesh/v1/mesh_pb.js";
import { providersOf, summaryOf, trialsOf } from "./mesh_status.ts";

function service(status: MessageInitShape<typeof ServiceStatusSchema>) {
  return create(ServiceStatusSchema, { name: "tts", serving: true, ...status });
}

test("a service is the sum of its processes, and a shared stream counts once", () => {
  const stream = { stream: "VOICEARENA_TTS", consumer: "shared", waiting: 7 };
  const processes = [
    { serving: true, version: "1.2.0", uptimeSeconds: 90, outboxAgeSeconds: 0, deadLetters: 1, streams: [stream] },
    { serving: true, version: "1.2.0", uptimeSeconds: 30, outboxAgeSeconds: 4, deadLetters: 2, streams: [stream] },
  ];
  expect(summaryOf(service({ processes }))).toEqual({
    name: "tts",
    state: "serving",
    faults: [],
    processes: 2,
    versions: ["1.2.0"],
    uptimeSeconds: 30,
    eventsWaiting: 7,
    outboxAgeSeconds: 4,
    deadLetters: 3,
  });
});

test("a service that does not serve has a fault, or is starting", () => {
  const faults = [{ name: "database", reason: "connection refused" }];
  const faulty = summaryOf(service({ serving: false, processes: [{ faults }, { faults }] }));
  expect([faulty.state, faulty.faults]).toEqual(["faulty", ["database: connection refused"]]);
  expect(summaryOf(service({ serving: false, processes: [{}] })).state).toBe("starting");
});

test("a service without an outbox has no age of one", () => {
  expect(summaryOf(service({ processes: [{ serving: true }] })).outboxAgeSeconds).toBeUndefined();
});

test("a provider is listed once, with the requests of all processes", () => {
  const processes = [
    { providers: [{ id: "espeak", inUse: 1, limit: 4, waiting: 0 }] },
    { providers: [{ id: "espeak", inUse: 2, limit: 4, waiting: 3 }] },
  ];
  const [espeak, ...others] = providersOf([service({ processes })]);
  expect(others).toEqual([]);
  expect(espeak).toMatchObject({ id: "espeak", inUse: 3, limit: 4, waiting: 3 });
});

test("trials are those of the whole mesh, so they are not added up", () => {
  const trials = [{ provider: "espeak", pending: 5 }];
  const found = trialsOf([service({ processes: [{ trials }, { trials }] })]);
  expect(found.map((each) => [each.provider, each.pending])).toEqual([["espeak", 5]]);
});
