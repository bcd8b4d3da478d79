import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { useSignal } from "@preact/signals";
import { AuthService } from "../../../gen/voicearena/auth/v1/auth_service_pb.js";
import { serverNow } from "../../format/clock.ts";
import { Button } from "../../parts/Button.tsx";
import { Dialog } from "../../parts/Dialog.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { Field } from "../../parts/Field.tsx";
import { Select } from "../../parts/Select.tsx";
import { useAction } from "../../rpc/action.ts";
import { call } from "../../rpc/client.ts";
import { texts } from "../../strings/console.ts";
import { SCOPES } from "./scopes.ts";

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = "90";
const { keys } = texts;

interface CreateKeyProps {
  onClose: () => void;
  onCreated: (name: string, key: string) => void;
}

export function CreateKey({ onClose, onCreated }: CreateKeyProps) {
  const name = useSignal("");
  const scopes = useSignal<string[]>(SCOPES.filter((scope) => scope.endsWith(":read")));
  const days = useSignal(DEFAULT_DAYS);
  // Without a request_id: a repeat would return the key's description and not the key.
  const create = useAction(async () => {
    const expiresAt = days.value === "" ? undefined : timestampFromMs(serverNow() + Number(days.value) * DAY_MS);
    const request = { name: name.value, scopes: scopes.value, expiresAt };
    const response = await call(AuthService.method.createApiKey, request);
    onCreated(name.value, response.key);
  });
  return (
    <Dialog title={keys.create} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          create.run();
        }}
      >
        <Field
          label={keys.name}
          hint={keys.nameHint}
          required
          maxLength={100}
          value={name.value}
          error={create.error?.violation("name")}
          onInput={(text) => {
            name.value = text;
          }}
        />
        <fieldset class="scopes">
          <legend>{keys.scopes}</legend>
          <p class="field-hint">{keys.scopesHint}</p>
          {SCOPES.map((scope) => (
            <label key={scope} class="choice">
              <input
                type="checkbox"
                checked={scopes.value.includes(scope)}
                onChange={(event) => {
                  const isChosen = event.currentTarget.checked;
                  scopes.value = SCOPES.filter((each) => (each === scope ? isChosen : scopes.value.includes(each)));
                }}
              />
              {scope}
            </label>
          ))}
        </fieldset>
        <Select
          label={keys.expiry}
          value={days.value}
          choices={keys.expiries}
          onChange={(value) => {
            days.value = value;
          }}
        />
        {create.error && <Failure error={create.error} />}
        <p class="actions">
          <Button kind="main" type="submit" busy={create.busy} disabled={scopes.value.length === 0}>
            {keys.create}
          </Button>
        </p>
      </form>
    </Dialog>
  );
}
