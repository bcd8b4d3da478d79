import type { Action } from "../rpc/action.ts";
import { en } from "../strings/en.ts";
import { Button } from "./Button.tsx";
import { Dialog } from "./Dialog.tsx";
import { Failure } from "./Failure.tsx";

interface ConfirmProps {
  title: string;
  /** What is lost. */
  text: string;
  /** The verb on the button: "Revoke". */
  verb: string;
  action: Action<[]>;
  onClose: () => void;
}

/** Asks before something that can't be undone. It closes when the action has succeeded. */
export function Confirm({ title, text, verb, action, onClose }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      {action.error && <Failure error={action.error} />}
      <p class="actions">
        <Button
          kind="danger"
          busy={action.busy}
          onClick={async () => {
            if (await action.run()) {
              onClose();
            }
          }}
        >
          {verb}
        </Button>
        <Button onClick={onClose}>{en.parts.keep}</Button>
      </p>
    </Dialog>
  );
}
