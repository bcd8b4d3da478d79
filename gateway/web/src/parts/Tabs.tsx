import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Choice } from "./Select.tsx";
import "./tabs.css";

interface TabsProps {
  label: string;
  tabs: readonly Choice[];
  value: string;
  onChange: (value: string) => void;
  children: ComponentChildren;
}

const STEPS: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1 };

/** Tabs over the panel of the chosen one. The caller keeps the choice, usually in the URL. */
export function Tabs({ label, tabs, value, onChange, children }: TabsProps) {
  const id = useId();
  const move = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    const at = tabs.findIndex((tab) => tab.value === value);
    const next = step === undefined ? undefined : tabs[(at + step + tabs.length) % tabs.length];
    if (next) {
      event.preventDefault();
      onChange(next.value);
      document.getElementById(`${id}-${next.value}`)?.focus();
    }
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} onKeyDown={move}>
        {tabs.map((tab) => (
          <button
            key={tab.value}
            type="button"
            role="tab"
            id={`${id}-${tab.value}`}
            aria-selected={tab.value === value}
            aria-controls={`${id}-panel`}
            tabIndex={tab.value === value ? 0 : -1}
            onClick={() => onChange(tab.value)}
          >
            {tab.label}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${value}`} class="tabs-panel">
        {children}
      </div>
    </>
  );
}
