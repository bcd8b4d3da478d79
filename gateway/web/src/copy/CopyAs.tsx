// "Copy as": the call whose result a screen shows, for use elsewhere.

import type { DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { copy } from "../parts/Copy.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { announce } from "../parts/Status.tsx";
import { copyTexts } from "../strings/copy.ts";
import type { CopiedCall, CopyOptions } from "./copyAs.ts";
import "./copyAs.css";

type Language = CopiedCall["language"];

interface CopyAsProps<Method extends DescMethod> extends Omit<CopyOptions, "baseUrl"> {
  method: Method;
  request: MessageInitShape<Method["input"]>;
}

const STEPS: Record<string, (at: number, count: number) => number> = {
  ArrowDown: (at, count) => (at + 1) % count,
  ArrowUp: (at, count) => (at - 1 + count) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

/** A button with a menu of languages. It copies the call in the chosen one. */
export function CopyAs<Method extends DescMethod>({ method, request, ...options }: CopyAsProps<Method>) {
  const isOpen = useSignal(false);
  const refused = useSignal<{ language: Language; text: string } | undefined>(undefined);
  const id = useId();
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const items = () => [...(root.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
  const languages: Language[] = ["curl", ...upload(options), "python", ...(options.cli ? (["cli"] as const) : [])];

  useEffect(() => {
    if (isOpen.value) {
      items()[0]?.focus();
    }
  }, [isOpen.value]);

  const close = () => {
    isOpen.value = false;
    button.current?.focus();
  };

  const choose = async (language: Language) => {
    close();
    try {
      const { copyAs } = await loadTexts();
      const calls = copyAs(method, request, { baseUrl: location.origin, ...options });
      const text = calls.find((call) => call.language === language)?.text ?? "";
      if (await copy(text)) {
        announce(copyTexts.copied(copyTexts.languages[language]));
      } else {
        refused.value = { language, text };
      }
    } catch {
      announce(copyTexts.failed);
    }
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (event.key === "Escape" && isOpen.value) {
      event.stopPropagation();
      close();
    } else if (step && (isOpen.value || event.key === "ArrowDown")) {
      event.preventDefault();
      if (!isOpen.value) {
        isOpen.value = true;
        return;
      }
      const all = items();
      all[step(all.indexOf(document.activeElement as HTMLElement), all.length)]?.focus();
    }
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys are those of the button and of the menu in it
    <div
      ref={root}
      class="copy-as"
      onKeyDown={onKeyDown}
      onFocusOut={(event) => {
        if (!root.current?.contains(event.relatedTarget as Node | null)) {
          isOpen.value = false;
        }
      }}
    >
      <button
        ref={button}
        type="button"
        class="button button-plain"
        aria-haspopup="menu"
        aria-expanded={isOpen.value}
        aria-controls={isOpen.value ? id : undefined}
        onPointerEnter={() => void loadTexts().catch(() => undefined)}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        {copyTexts.button}
        <span aria-hidden="true">▾</span>
      </button>
      {isOpen.value && (
        <div class="copy-as-menu" id={id} role="menu" aria-label={copyTexts.button} ref={keepInView}>
          {languages.map((language) => (
            <button key={language} type="button" role="menuitem" tabIndex={-1} onClick={() => choose(language)}>
              {copyTexts.languages[language]}
            </button>
          ))}
        </div>
      )}
      {refused.value && (
        <Dialog
          title={copyTexts.refusedTitle(copyTexts.languages[refused.value.language])}
          onClose={() => {
            refused.value = undefined;
          }}
        >
          <p>{copyTexts.refused}</p>
          <textarea
            class="copy-as-text"
            aria-label={copyTexts.text}
            readOnly
            rows={12}
            value={refused.value.text}
            ref={(field) => field?.select()}
          />
        </Dialog>
      )}
    </div>
  );
}

// The texts need the descriptors of options and code for JSON, which no screen needs at first.
function loadTexts() {
  return import("./copyAs.ts");
}

// grpcurl can't send a recording.
function upload(options: Omit<CopyOptions, "baseUrl">): Language[] {
  return options.upload ? [] : ["grpcurl"];
}

/** Opens the menu to the other side if it would leave the window. */
function keepInView(menu: HTMLElement | null): void {
  if (menu && menu.getBoundingClientRect().right > document.documentElement.clientWidth) {
    menu.classList.add("copy-as-menu-end");
  }
}
