import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { type Experiment, Experiment_Status } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { ExperimentService } from "../../../gen/voicearena/experiments/v1/experiment_service_pb.js";
import { Button } from "../../parts/Button.tsx";
import { Confirm } from "../../parts/Confirm.tsx";
import { Dialog } from "../../parts/Dialog.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { Field } from "../../parts/Field.tsx";
import { announce } from "../../parts/Status.tsx";
import { useAction } from "../../rpc/action.ts";
import { call } from "../../rpc/client.ts";
import { randomHex } from "../../rpc/trace.ts";
import { experiments } from "../../strings/experiments.ts";
import { hasEnded } from "./names.ts";
import { webhookSecrets } from "./secrets.ts";

const text = experiments.detail;
const { method } = ExperimentService;

interface ActionsProps {
  experiment: Experiment;
  onChange: (experiment: Experiment) => void;
}

/** What can be done with an experiment in its status. */
export function Actions({ experiment, onChange }: ActionsProps) {
  const { id, status, failedTrials } = experiment;
  const { route } = useLocation();
  const asked = useSignal<"cancel" | "remove" | "clone" | undefined>(undefined);
  const close = () => {
    asked.value = undefined;
  };
  const run = useAction(async () => {
    onChange(await call(method.runExperiment, { id }));
    announce(text.started);
  });
  const retry = useAction(async () => {
    onChange(await call(method.retryExperiment, { id }));
    announce(text.retried);
  });
  const cancel = useAction(async () => {
    onChange(await call(method.cancelExperiment, { id }));
    announce(text.cancelled);
  });
  const remove = useAction(async () => {
    await call(method.deleteExperiment, { id });
    announce(text.removed);
    route("/experiments");
  });
  const error = run.error ?? retry.error;
  return (
    <>
      {status === Experiment_Status.created && (
        <Button kind="main" busy={run.busy} onClick={() => run.run()}>
          {text.run}
        </Button>
      )}
      {status === Experiment_Status.completed && failedTrials > 0 && (
        <Button busy={retry.busy} onClick={() => retry.run()}>
          {text.retry(failedTrials)}
        </Button>
      )}
      {!hasEnded(status) && (
        <Button
          onClick={() => {
            asked.value = "cancel";
          }}
        >
          {text.cancel}
        </Button>
      )}
      <Button
        onClick={() => {
          asked.value = "clone";
        }}
      >
        {text.clone}
      </Button>
      {status !== Experiment_Status.running && (
        <Button
          kind="danger"
          onClick={() => {
            asked.value = "remove";
          }}
        >
          {text.remove}
        </Button>
      )}
      {error && <Failure error={error} />}
      {asked.value === "cancel" && (
        <Confirm title={text.cancelTitle} text={text.cancelText} verb={text.cancel} action={cancel} onClose={close} />
      )}
      {asked.value === "remove" && (
        <Confirm
          title={text.removeTitle}
          text={text.removeText(experiment.totalTrials)}
          verb={text.remove}
          action={remove}
          onClose={close}
        />
      )}
      {asked.value === "clone" && <Clone experiment={experiment} onClose={close} />}
    </>
  );
}

function Clone({ experiment, onClose }: { experiment: Experiment; onClose: () => void }) {
  const { route } = useLocation();
  const name = useSignal(text.copyOf(experiment.name));
  const requestId = useRef(randomHex(16));
  const clone = useAction(async () => {
    const request = { id: experiment.id, name: name.peek().trim(), requestId: requestId.current };
    const copy = await call(method.cloneExperiment, request);
    webhookSecrets.remember(copy);
    onClose();
    announce(text.cloned);
    route(`/experiments/${copy.id}`);
  });
  return (
    <Dialog title={text.cloneTitle} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          clone.run();
        }}
      >
        <p>{text.cloneText}</p>
        <Field
          label={text.cloneName}
          value={name.value}
          required
          maxLength={200}
          onInput={(value) => {
            name.value = value;
            // Another request needs another id.
            requestId.current = randomHex(16);
          }}
          error={clone.error?.violation("name")}
        />
        {clone.error && <Failure error={clone.error} />}
        <p class="actions">
          <Button kind="main" type="submit" busy={clone.busy}>
            {text.clone}
          </Button>
        </p>
      </form>
    </Dialog>
  );
}
