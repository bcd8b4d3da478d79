import { day } from "../format/time.ts";
import { Command } from "../parts/Copy.tsx";
import { demoTexts } from "../strings/demo.ts";
import "./demo.css";

/** Says that demo data is shown, and how to start a backend. */
export function DemoBanner({ capturedAt }: { capturedAt: string }) {
  return (
    <div class="demo-banner">
      <p>
        <strong>{demoTexts.title}.</strong> {demoTexts.text(day(new Date(capturedAt)))}
      </p>
      <Command text={demoTexts.command} />
    </div>
  );
}
