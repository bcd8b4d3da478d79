// Asks for an API key, tries it, and stores it for the tab or for the browser. Its own chunk, because it needs a service.

import { useSignal } from "@preact/signals";
import { AuthService } from "../../gen/voicearena/auth/v1/auth_service_pb.js";
import { Button } from "../parts/Button.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { Failure } from "../parts/Failure.tsx";
import { Field } from "../parts/Field.tsx";
import { announce } from "../parts/Status.tsx";
import { useAction } from "../rpc/action.ts";
import { call } from "../rpc/client.ts";
import { en } from "../strings/en.ts";
import { apiKey, asksForKey, forgetApiKey, setApiKey } from "./keys.ts";
import type { Place } from "./stored.ts";

function close() {
  asksForKey.value = false;
}

export function KeyDialog() {
  const key = useSignal("");
  const place = useSignal<Place>("session");
  const use = useAction(async () => {
    const credential = key.value.trim();
    const developer = await call(AuthService.method.getCurrentDeveloper, {}, { credential });
    setApiKey(credential, place.value);
    announce(en.key.signedIn(developer.name));
    close();
  });
  return (
    <Dialog title={en.key.title} onClose={close}>
      {apiKey.value && (
        <p>
          {en.key.stored(apiKey.value.slice(0, 8))}{" "}
          <Button
            kind="quiet"
            onClick={() => {
              forgetApiKey();
              announce(en.key.forgotten);
              close();
            }}
          >
            {en.key.forget}
          </Button>
        </p>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          use.run();
        }}
      >
        <Field
          label={en.key.label}
          hint={en.key.hint}
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          value={key.value}
          onInput={(text) => {
            key.value = text;
          }}
        />
        <fieldset>
          <legend>{en.key.where}</legend>
          {(["session", "browser"] as const).map((choice) => (
            <label key={choice} class="choice">
              <input
                type="radio"
                name="place"
                checked={place.value === choice}
                onChange={() => {
                  place.value = choice;
                }}
              />
              {en.key.places[choice]}
            </label>
          ))}
        </fieldset>
        {use.error && <Failure error={use.error} />}
        <p class="actions">
          <Button kind="main" type="submit" busy={use.busy}>
            {en.key.use}
          </Button>
          <a class="button" href="/console" onClick={close}>
            {en.key.register}
          </a>
        </p>
      </form>
    </Dialog>
  );
}
