import type { Scenario } from "../../../gen/voicearena/elo/v1/scenario_pb.js";
import { ScenarioService } from "../../../gen/voicearena/elo/v1/scenario_service_pb.js";
import { Button } from "../../parts/Button.tsx";
import { Dialog } from "../../parts/Dialog.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { announce } from "../../parts/Status.tsx";
import { useAction } from "../../rpc/action.ts";
import { call } from "../../rpc/client.ts";
import { scenarioStrings as text } from "../../strings/scenarios.ts";

interface ArchiveDialogProps {
  scenario: Scenario;
  onClose: () => void;
  onDone: () => void;
}

/** Asks whether a scenario is to be archived, and archives it. */
export function ArchiveDialog({ scenario, onClose, onDone }: ArchiveDialogProps) {
  const archive = useAction(async () => {
    await call(ScenarioService.method.archiveScenario, { id: scenario.id });
    announce(text.isArchived(scenario.name));
    onClose();
    onDone();
  });
  return (
    <Dialog title={text.archiveTitle} onClose={onClose}>
      <p class="scenario-name" dir="auto">
        {scenario.name}
      </p>
      <p>{text.archiveText}</p>
      {archive.error && <Failure error={archive.error} />}
      <p class="actions">
        <Button kind="danger" busy={archive.busy} onClick={() => archive.run()}>
          {text.archiveNow}
        </Button>
        <Button onClick={onClose}>{text.keep}</Button>
      </p>
    </Dialog>
  );
}
