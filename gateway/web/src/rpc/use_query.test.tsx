// @vitest-environment jsdom
import { render } from "preact";
import { afterEach, expect, test, vi } from "vitest";
import { apiKey } from "../app/keys.ts";
import { transport } from "./client.ts";
import { ApiError, Code } from "./errors.ts";
import { type Query, useQuery } from "./query.ts";

let query: Query<string>;
let answers: ((value: string | Error) => void)[] = [];
let signals: AbortSignal[] = [];

function Shown({ id, keep = false }: { id: string; keep?: boolean }) {
  query = useQuery(
    (signal) => {
      signals.push(signal);
      return new Promise((resolve, reject) => {
        answers.push((value) => (value instanceof Error ? reject(value) : resolve(value)));
      });
    },
    [id, 1n],
    { keep },
  );
  return null;
}

function show(id: string, keep = false): void {
  render(<Shown id={id} keep={keep} />, document.body);
}

function loads(count: number): Promise<void> {
  return vi.waitFor(() => expect(answers.length).toBe(count));
}

function state(expected: Partial<Query<string>>): Promise<void> {
  return vi.waitFor(() => expect(query).toMatchObject(expected));
}

afterEach(() => {
  render(null, document.body);
  answers = [];
  signals = [];
  apiKey.value = undefined;
});

test("a value does not stand under other inputs, neither while they load nor after their failure", async () => {
  show("1");
  await loads(1);
  await state({ value: undefined, loading: true });
  answers[0]?.("a");
  await state({ value: "a", loading: false });
  show("2");
  await loads(2);
  await state({ value: undefined, loading: true });
  answers[1]?.(new ApiError(Code.INTERNAL, "broken"));
  await vi.waitFor(() => expect(query.error?.message).toBe("broken"));
  expect(query.value).toBeUndefined();
  show("1");
  await state({ value: undefined, error: undefined, loading: true });
});

test("on request, the old value stays while another one is loaded, but not with another key", async () => {
  show("1", true);
  await loads(1);
  answers[0]?.("a");
  await state({ value: "a", loading: false });
  show("2", true);
  await loads(2);
  await state({ value: "a", loading: true });
  answers[1]?.("b");
  await state({ value: "b", loading: false });
  apiKey.value = "kc_2";
  await loads(3);
  await state({ value: undefined, loading: true });
});

test("a value stays while it is loaded again over another transport", async () => {
  show("1");
  await loads(1);
  answers[0]?.("a");
  await state({ value: "a", loading: false });
  transport.value = { ...transport.value };
  await loads(2);
  await state({ value: "a", loading: true });
});

test("a value that is set for inputs that have changed is dropped", async () => {
  show("1");
  await loads(1);
  const { set } = query;
  show("2");
  await loads(2);
  set("a");
  answers[1]?.("b");
  await state({ value: "b", loading: false });
  query.set("c");
  await state({ value: "c" });
  set("a");
  await state({ value: "c" });
});

test("an answer that comes too late is dropped", async () => {
  show("1");
  await loads(1);
  show("2");
  await loads(2);
  expect(signals[0]?.aborted).toBe(true);
  answers[1]?.("b");
  await state({ value: "b" });
  answers[0]?.("a");
  await Promise.resolve();
  await state({ value: "b", loading: false });
});

test("an error leaves the value, and a reload that succeeds removes the error", async () => {
  show("1");
  await loads(1);
  answers[0]?.("a");
  await state({ value: "a", loading: false });
  query.reload();
  await loads(2);
  answers[1]?.(new ApiError(Code.NOT_FOUND, "gone"));
  await vi.waitFor(() => expect(query.error?.message).toBe("gone"));
  expect(query.value).toBe("a");
  query.reload();
  await loads(3);
  answers[2]?.("c");
  await state({ value: "c", error: undefined, loading: false });
});

test("another key or another transport loads again", async () => {
  show("1");
  await loads(1);
  apiKey.value = "kc_1";
  await loads(2);
  transport.value = { ...transport.value };
  await loads(3);
});
