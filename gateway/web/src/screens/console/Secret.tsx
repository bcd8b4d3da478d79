import { Button } from "../../parts/Button.tsx";
import { Command } from "../../parts/Copy.tsx";
import { Dialog } from "../../parts/Dialog.tsx";
import { texts } from "../../strings/console.ts";

interface SecretProps {
  title: string;
  secret: string;
  text?: string;
  onClose: () => void;
}

/** Shows a key or secret that can't be shown again. */
export function Secret({ title, secret, text, onClose }: SecretProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <Command text={secret} />
      <p>{texts.once}</p>
      {text && <p>{text}</p>}
      <p class="actions">
        <Button kind="main" onClick={onClose}>
          {texts.account.done}
        </Button>
      </p>
    </Dialog>
  );
}
