import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { en } from "../strings/en.ts";
import "./field.css";

interface FieldProps {
  type?: "text" | "password" | "email" | "url" | "search" | "number" | "date" | "datetime-local";
  required?: boolean;
  disabled?: boolean;
  autocomplete?: "off" | "name" | "email" | "url";
  spellcheck?: boolean;
  placeholder?: string;
  maxLength?: number;
  min?: string | number;
  max?: string | number;
  step?: string | number;
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: string;
  /** What is wrong with the value, for example `error.violation("name")`. */
  error?: string;
  /** The height in lines. More than one makes it a text area. */
  lines?: number;
}

/** A labelled input of text. */
export function Field({ label, value, onInput, hint, error, lines = 1, type = "text", required, ...rest }: FieldProps) {
  const id = useId();
  const describedBy = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
  const common = {
    id,
    value,
    required,
    "aria-describedby": describedBy,
    "aria-invalid": error ? true : undefined,
  };
  return (
    <div class="field">
      <label for={id}>
        {label}
        {required && <span class="field-required"> ({en.parts.required})</span>}
      </label>
      {lines > 1 ? (
        <textarea
          {...common}
          rows={lines}
          maxLength={rest.maxLength}
          dir="auto"
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      ) : (
        <input
          dir="auto"
          {...({ ...rest, ...common, type } as JSX.IntrinsicElements["input"])}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
      {hint && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}
