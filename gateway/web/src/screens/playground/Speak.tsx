import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Voice } from "../../../gen/voicearena/tts/v1/tts_pb.js";
import { TtsService } from "../../../gen/voicearena/tts/v1/tts_service_pb.js";
import { apiKey } from "../../app/keys.ts";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { count } from "../../format/number.ts";
import { Button } from "../../parts/Button.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { Field } from "../../parts/Field.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { NeedsKey } from "../../parts/NeedsKey.tsx";
import { Select } from "../../parts/Select.tsx";
import { ApiError } from "../../rpc/errors.ts";
import { useQuery } from "../../rpc/query.ts";
import { playground } from "../../strings/playground.ts";
import { voiceName } from "../../words/voice.ts";
import { Prepared } from "./Prepared.tsx";
import { Spoken, type SpokenState } from "./Spoken.tsx";
import { speak } from "./speech.ts";
import { chosenVoices, listVoices, MAX_VOICES, MIN_VOICES } from "./voices.ts";

const text = playground.speak;
const MAX_CHARACTERS = 5000;
const LETTERS = "ABCD";

interface SpeakProps {
  text: string;
  voices: string;
  change: (change: { text?: string; voices?: string }) => void;
}

/** A text by 2 to 4 voices side by side. Without a key, clips that the arena has made. */
export function Speak(props: SpeakProps) {
  return apiKey.value === undefined ? (
    <>
      <NeedsKey text={text.withoutText} />
      <Prepared />
    </>
  ) : (
    <WithVoices {...props} />
  );
}

function WithVoices(props: SpeakProps) {
  const voices = useQuery(listVoices, []);
  return (
    <Loaded query={voices} loading={<Loading lines={10} />}>
      {(found) =>
        found.length === 0 ? (
          <Empty title={text.noVoices} text={text.noVoicesText} command={text.noVoicesCommand} />
        ) : (
          <Form {...props} available={found} />
        )
      }
    </Loaded>
  );
}

function Form({ text: named, voices, change, available }: SpeakProps & { available: readonly Voice[] }) {
  const written = useSignal(named || text.example);
  const spoken = useSignal<ReadonlyMap<string, SpokenState>>(new Map());
  const running = useRef(new AbortController());
  useEffect(() => () => running.current.abort(), []);
  const chosen = chosenVoices(voices, available);
  const choose = (keys: readonly string[]) => change({ voices: keys.join(",") });
  const byKey = new Map(available.map((voice) => [voiceName(voice), voice]));
  const first = byKey.get(chosen[0] ?? "");

  const set = (key: string, state: SpokenState) => {
    spoken.value = new Map(spoken.peek()).set(key, state);
  };
  const speakOne = async (key: string, said: string, signal: AbortSignal) => {
    const voice = byKey.get(key);
    if (!voice) {
      return;
    }
    set(key, { phase: "speaking" });
    try {
      const speech = await speak({ text: said, provider: voice.provider, voiceId: voice.voiceId }, signal);
      set(key, speech ? { phase: "done", speech, text: said } : { phase: "silent" });
    } catch (error) {
      if (!signal.aborted) {
        set(key, { phase: "failed", error: ApiError.from(error) });
      }
    }
  };
  const start = () => {
    running.current.abort();
    running.current = new AbortController();
    const { signal } = running.current;
    change({ text: written.value, voices: chosen.join(",") });
    spoken.value = new Map();
    for (const key of new Set(chosen)) {
      void speakOne(key, written.value, signal);
    }
  };
  const isSpeaking = [...spoken.value.values()].some((state) => state.phase === "speaking");

  return (
    <form
      class="playground-form"
      onSubmit={(event) => {
        event.preventDefault();
        start();
      }}
    >
      <Field
        label={text.text}
        value={written.value}
        lines={3}
        maxLength={MAX_CHARACTERS}
        required
        hint={text.textHint(count(MAX_CHARACTERS))}
        onInput={(value) => {
          written.value = value;
        }}
      />
      <div class="playground-voices">
        {chosen.map((key, index) => {
          const letter = LETTERS[index] ?? "";
          const state = spoken.value.get(key);
          return (
            <div key={index} class="playground-voice">
              <Select
                label={text.voice(letter)}
                value={key}
                choices={available.map((voice) => ({ value: voiceName(voice), label: labelOf(voice) }))}
                onChange={(value) => choose(chosen.map((one, at) => (at === index ? value : one)))}
              />
              <Spoken
                state={state}
                name={text.voice(letter)}
                onRetry={() => void speakOne(key, written.value, running.current.signal)}
              />
              {chosen.length > MIN_VOICES && (
                <Button kind="quiet" onClick={() => choose(chosen.filter((_, at) => at !== index))}>
                  {text.remove(text.voice(letter))}
                </Button>
              )}
            </div>
          );
        })}
      </div>
      <p class="actions">
        <Button kind="main" type="submit" busy={isSpeaking} disabled={written.value.trim() === ""}>
          {text.start}
        </Button>
        {chosen.length < Math.min(MAX_VOICES, available.length) && (
          <Button
            onClick={() =>
              choose([
                ...chosen,
                available.map(voiceName).find((key) => !chosen.includes(key)) ?? (chosen[0] as string),
              ])
            }
          >
            {text.add}
          </Button>
        )}
        {first && (
          <CopyAs
            method={TtsService.method.synthesizeSpeech}
            request={{ text: written.value, provider: first.provider, voiceId: first.voiceId }}
            cli={["say", written.value, "--voice", voiceName(first)]}
            saveAs="speech.wav"
          />
        )}
      </p>
    </form>
  );
}

function labelOf(voice: Voice): string {
  const language = voice.languages[0] ? ` (${voice.languages[0]})` : "";
  return `${voice.provider} · ${voice.displayName || voice.voiceId}${language}`;
}
