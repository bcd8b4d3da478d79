// Registering, and who the key belongs to.

import { useSignal } from "@preact/signals";
import { AuthService } from "../../../gen/voicearena/auth/v1/auth_service_pb.js";
import { apiKey, asksForKey, forgetApiKey, setApiKey } from "../../app/keys.ts";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { When } from "../../format/Measured.tsx";
import { Button } from "../../parts/Button.tsx";
import { Command } from "../../parts/Copy.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { Field } from "../../parts/Field.tsx";
import { Section } from "../../parts/Page.tsx";
import { useAction } from "../../rpc/action.ts";
import { call } from "../../rpc/client.ts";
import { useQuery } from "../../rpc/query.ts";
import { randomHex } from "../../rpc/trace.ts";
import { texts } from "../../strings/console.ts";
import { en } from "../../strings/en.ts";
import { Secret } from "./Secret.tsx";
import "./console.css";

const { account } = texts;
const ID_CHARACTERS = 36;

export function Account() {
  const issued = useSignal<string | undefined>(undefined);
  return (
    <>
      {apiKey.value ? (
        <Owner credential={apiKey.value} />
      ) : (
        <Register
          onIssued={(key) => {
            issued.value = key;
          }}
        />
      )}
      {issued.value && (
        <Secret
          title={account.newKey}
          secret={issued.value}
          text={account.inUse}
          onClose={() => {
            issued.value = undefined;
          }}
        />
      )}
    </>
  );
}

function Register({ onIssued }: { onIssued: (key: string) => void }) {
  const name = useSignal("");
  const email = useSignal("");
  // The same for each attempt, so that a registration whose response was lost can be repeated.
  const requestId = useSignal(randomHex(16));
  const register = useAction(async () => {
    const request = { name: name.value, email: email.value, requestId: requestId.value };
    const developer = await call(AuthService.method.registerDeveloper, request, { credential: null });
    setApiKey(developer.apiKey, "session");
    onIssued(developer.apiKey);
  });
  const change = (field: typeof name) => (text: string) => {
    field.value = text;
    requestId.value = randomHex(16);
  };
  const isOfField = register.error?.violation("name") || register.error?.violation("email");
  return (
    <Section title={account.register}>
      <p>{account.registerLead}</p>
      <form
        class="console-form"
        onSubmit={(event) => {
          event.preventDefault();
          register.run();
        }}
      >
        <Field
          label={account.name}
          autocomplete="name"
          required
          maxLength={200}
          value={name.value}
          error={register.error?.violation("name")}
          onInput={change(name)}
        />
        <Field
          label={account.email}
          type="email"
          autocomplete="email"
          hint={account.emailHint}
          required
          maxLength={254}
          value={email.value}
          error={register.error?.violation("email")}
          onInput={change(email)}
        />
        {register.error && !isOfField && <Failure error={register.error} />}
        <p class="actions">
          <Button kind="main" type="submit" busy={register.busy}>
            {account.register}
          </Button>
          <Button
            onClick={() => {
              asksForKey.value = true;
            }}
          >
            {account.haveKey}
          </Button>
          <CopyAs
            method={AuthService.method.registerDeveloper}
            request={{ name: name.value || account.nameExample, email: email.value || account.emailExample }}
            cli={[
              "register",
              "--name",
              name.value || account.nameExample,
              "--email",
              email.value || account.emailExample,
            ]}
          />
        </p>
      </form>
    </Section>
  );
}

function Owner({ credential }: { credential: string }) {
  const developer = useQuery((signal) => call(AuthService.method.getCurrentDeveloper, {}, { signal }), []);
  const owner = developer.value;
  return (
    <>
      <Section
        title={texts.tabs.account}
        actions={<CopyAs method={AuthService.method.getCurrentDeveloper} request={{}} />}
      >
        {developer.error && <Failure error={developer.error} onRetry={developer.reload} />}
        {(owner || developer.loading) && (
          <dl class="facts" aria-busy={developer.loading}>
            <dt>{account.name}</dt>
            <dd dir="auto">{owner ? owner.name : "…"}</dd>
            <dt>{account.email}</dt>
            <dd>{owner ? owner.email : "…"}</dd>
            <dt>{account.id}</dt>
            <dd>{owner ? <code>{owner.id}</code> : <Waiting />}</dd>
            <dt>{account.since}</dt>
            <dd>{owner ? <When at={owner.createdAt} /> : "…"}</dd>
            <dt>{account.key}</dt>
            <dd>
              <code>{credential.slice(0, 8)}…</code>
            </dd>
          </dl>
        )}
        <p class="actions">
          <Button onClick={forgetApiKey}>{account.forget}</Button>
          <Button
            onClick={() => {
              asksForKey.value = true;
            }}
          >
            {en.key.enter}
          </Button>
        </p>
      </Section>
      <Section title={account.next}>
        <p>{account.nextText}</p>
        <Command text={`arena --url ${location.origin} login`} />
      </Section>
    </>
  );
}

/** Takes the place of an id that is loading, so that nothing moves when it comes. */
function Waiting() {
  return <code class="facts-waiting">{"0".repeat(ID_CHARACTERS)}</code>;
}
