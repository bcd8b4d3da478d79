import { useSignal } from "@preact/signals";
import { useCallback, useId, useRef } from "preact/hooks";
import { RecorderPanel } from "../../audio/RecorderPanel.tsx";
import { bytes } from "../../format/number.ts";
import { Button } from "../../parts/Button.tsx";
import { playground } from "../../strings/playground.ts";
import { notAudio } from "./file_check.ts";

const text = playground.evaluate;

export interface Chosen {
  readonly file: Blob;
  readonly name: string;
}

/** A recording that is dropped, chosen or recorded. `onChoose` gets undefined while there is none. */
export function Source({ chosen, onChoose }: { chosen: Chosen | undefined; onChoose: (chosen?: Chosen) => void }) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const isOver = useSignal(false);
  const complaint = useSignal("");
  const note = useSignal("");

  const take = async (files: readonly File[]) => {
    const [file] = files;
    complaint.value = "";
    note.value = "";
    if (!file) {
      complaint.value = text.none;
      return;
    }
    const wrong = await problemOf(file);
    if (wrong) {
      complaint.value = wrong;
      onChoose(undefined);
      return;
    }
    note.value = files.length > 1 ? text.several(file.name) : "";
    onChoose({ file, name: file.name });
  };
  const onRecorded = useCallback(
    (file: Blob | undefined) => {
      if (file) {
        complaint.value = "";
        note.value = "";
        onChoose({ file, name: text.recordingName });
      }
    },
    [onChoose],
  );

  return (
    <div class="playground-sources">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the button in it does the same by keyboard */}
      <div
        class="drop"
        data-over={isOver.value}
        onDragOver={(event) => {
          event.preventDefault();
          isOver.value = true;
        }}
        onDragLeave={() => {
          isOver.value = false;
        }}
        onDrop={(event) => {
          event.preventDefault();
          isOver.value = false;
          void take([...(event.dataTransfer?.files ?? [])]);
        }}
      >
        <p class="drop-title">{text.drop}</p>
        <Button onClick={() => input.current?.click()}>{text.choose}</Button>
        <input
          ref={input}
          id={id}
          class="visually-hidden"
          type="file"
          accept="audio/*,video/mp4,video/webm,.wav,.flac,.mp3,.ogg,.opus,.m4a,.aac,.aiff"
          aria-label={text.choose}
          tabIndex={-1}
          onChange={(event) => {
            void take([...(event.currentTarget.files ?? [])]);
            // Otherwise the same file can't be chosen again.
            event.currentTarget.value = "";
          }}
        />
        <p class="field-hint">{text.formats}</p>
      </div>
      <div class="playground-record">
        <h2>{text.record}</h2>
        <RecorderPanel onRecorded={onRecorded} />
      </div>
      {complaint.value && (
        <p class="field-error playground-chosen" role="alert">
          {complaint.value}
        </p>
      )}
      {chosen && (
        <p class="playground-chosen" role="status">
          <bdi>{text.chosen(chosen.name, bytes(chosen.file.size))}</bdi> {note.value}
        </p>
      )}
    </div>
  );
}

async function problemOf(file: File): Promise<string> {
  if (file.size === 0) {
    return text.empty(file.name);
  }
  try {
    const kind = await notAudio(file);
    return kind ? text.notAudio(file.name, text.kinds[kind]) : "";
  } catch {
    // A folder can't be read as a file.
    return text.notAudio(file.name, text.kinds.folder);
  }
}
