import { useId } from "preact/hooks";
import { Button } from "../../parts/Button.tsx";
import { experiments } from "../../strings/experiments.ts";
import type { EstimatedVoice } from "./estimate.ts";

const text = experiments.form;
export const MIN_VOICES = 2;
export const MAX_VOICES = 4;

interface VoiceChoiceProps {
  voices: ReadonlyMap<string, EstimatedVoice>;
  /** The names of the chosen voices, empty for one that is still to be chosen. */
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
  /** What is wrong with a voice, by its place. */
  fault: (place: number) => string | undefined;
}

/** Two to four voices, each from a list by provider. */
export function VoiceChoice({ voices, chosen, onChange, fault }: VoiceChoiceProps) {
  const id = useId();
  const providers = new Map<string, EstimatedVoice[]>();
  for (const voice of voices.values()) {
    providers.set(voice.provider, [...(providers.get(voice.provider) ?? []), voice]);
  }
  return (
    <fieldset class="voice-choice">
      <legend>{text.voices}</legend>
      {chosen.map((name, place) => {
        const wrong = fault(place);
        return (
          <div class="field" key={place}>
            <label for={`${id}-${place}`}>{text.voice(place + 1)}</label>
            <div class="voice-choice-row">
              <select
                id={`${id}-${place}`}
                value={name}
                aria-invalid={wrong ? true : undefined}
                aria-describedby={wrong ? `${id}-${place}-error` : undefined}
                onChange={(event) => onChange(chosen.with(place, event.currentTarget.value))}
              >
                <option value="">{text.choose}</option>
                {name !== "" && !voices.has(name) && <option value={name}>{name}</option>}
                {[...providers].map(([provider, those]) => (
                  <optgroup key={provider} label={provider}>
                    {those.map((voice) => (
                      <option key={voice.name} value={voice.name}>
                        {voice.name}
                      </option>
                    ))}
                  </optgroup>
                ))}
              </select>
              {chosen.length > MIN_VOICES && (
                <Button
                  kind="quiet"
                  aria-label={text.removeVoice(place + 1)}
                  onClick={() => onChange(chosen.filter((_, other) => other !== place))}
                >
                  ✕
                </Button>
              )}
            </div>
            {wrong && (
              <p class="field-error" id={`${id}-${place}-error`}>
                {wrong}
              </p>
            )}
          </div>
        );
      })}
      {chosen.length < MAX_VOICES && (
        <p class="actions">
          <Button onClick={() => onChange([...chosen, ""])}>{text.addVoice}</Button>
        </p>
      )}
    </fieldset>
  );
}
