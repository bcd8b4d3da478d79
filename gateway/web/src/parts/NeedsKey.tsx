import { asksForKey } from "../app/keys.ts";
import { en } from "../strings/en.ts";
import { Button } from "./Button.tsx";
import { Empty } from "./Empty.tsx";

/** Stands in place of what only the owner of an API key can see. */
export function NeedsKey({ text = en.key.neededText }: { text?: string }) {
  return (
    <Empty
      title={en.key.needed}
      text={text}
      action={
        <>
          <Button
            kind="main"
            onClick={() => {
              asksForKey.value = true;
            }}
          >
            {en.key.enter}
          </Button>
          <a class="button" href="/console">
            {en.key.register}
          </a>
        </>
      }
    />
  );
}
