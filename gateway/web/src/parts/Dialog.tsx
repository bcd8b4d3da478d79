import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { en } from "../strings/en.ts";
import { Button } from "./Button.tsx";
import "./dialog.css";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** A modal dialog. It is open while it is rendered; Escape and Close call `onClose`. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    const opener = document.activeElement;
    shown?.showModal();
    // Otherwise the Close button has it, because it comes first.
    shown?.querySelector<HTMLElement>("input, select, textarea")?.focus();
    return () => {
      shown?.close();
      // What opened it can be gone with the dialog before, or with a row that was deleted.
      const back = opener?.isConnected && opener !== document.body ? opener : document.querySelector("main h1");
      if (back instanceof HTMLElement) {
        back.focus();
      }
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div class="dialog-head">
        <h2 id={id}>{title}</h2>
        <Button kind="quiet" onClick={onClose}>
          {en.parts.close}
        </Button>
      </div>
      {children}
    </dialog>
  );
}
