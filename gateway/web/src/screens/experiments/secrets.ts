// The secrets of webhooks, which the server shows once: in the response that created the experiment. The next screen
// shows them, so they are kept in memory until the person has stored them.

import { signal } from "@preact/signals";
import type { Experiment } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";

const secrets = signal<ReadonlyMap<string, string>>(new Map());

export const webhookSecrets = {
  of(experimentId: string): string | undefined {
    return secrets.value.get(experimentId);
  },
  remember({ id, webhookSecret }: Experiment): void {
    if (webhookSecret !== "") {
      secrets.value = new Map([...secrets.peek(), [id, webhookSecret]]);
    }
  },
  forget(experimentId: string): void {
    secrets.value = new Map([...secrets.peek()].filter(([id]) => id !== experimentId));
  },
};
