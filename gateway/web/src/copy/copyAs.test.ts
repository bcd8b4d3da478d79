import { spawnSync } from "node:child_process";
import type { DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { Battle_Winner } from "../../gen/voicearena/elo/v1/battle_pb.js";
import { BattleService } from "../../gen/voicearena/elo/v1/battle_service_pb.js";
import { EloService } from "../../gen/voicearena/elo/v1/elo_service_pb.js";
import { Leaderboard_Board } from "../../gen/voicearena/elo/v1/leaderboard_pb.js";
import { LeaderboardService } from "../../gen/voicearena/elo/v1/leaderboard_service_pb.js";
import { ScenarioService } from "../../gen/voicearena/elo/v1/scenario_service_pb.js";
import { Experiment_EvalMode } from "../../gen/voicearena/experiments/v1/experiment_pb.js";
import {
  ExperimentService,
  ExportExperimentRequest_Format,
} from "../../gen/voicearena/experiments/v1/experiment_service_pb.js";
import { EvaluationService } from "../../gen/voicearena/scoring/v1/evaluation_service_pb.js";
import { type CopyOptions, copyAs } from "./copyAs.ts";
import { shellWord } from "./shell.ts";

const LOCAL = { baseUrl: "http://localhost:8080" };
// An apostrophe, an override of the reading direction, Hebrew, an emoji, a line break and what shells replace.
const HOSTILE_NAME = 'it\'s \u202e שלום 😀\n"$HOME" `id` \\ !!';

function texts<Method extends DescMethod>(
  method: Method,
  request: MessageInitShape<Method["input"]>,
  options: CopyOptions = LOCAL,
): Record<string, string> {
  return Object.fromEntries(copyAs(method, request, options).map(({ language, text }) => [language, text]));
}

// What a shell passes on to a program.
function argumentsOf(command: string): string[] {
  const script = `show() { for word; do printf '%s\\0' "$word"; done; }\n${command.replace(/^\w+/, "show")}`;
  const { stdout } = spawnSync("sh", ["-c", script], { env: { ARENA_API_KEY: "kc_secret" }, encoding: "utf8" });
  return stdout.split("\0").slice(0, -1);
}

describe("a read without a key", () => {
  const board = LeaderboardService.method.getLeaderboard;
  const copied = texts(
    board,
    { board: Leaderboard_Board.human, category: "customer service" },
    { ...LOCAL, cli: ["leaderboard", "--board", "human", "--category", "customer service"] },
  );

  test("has its fields in the query, and enums in lower case", () => {
    expect(copied.curl).toBe(
      "curl -s 'http://localhost:8080/api/v1/leaderboard?board=human&category=customer%20service'",
    );
  });

  test("has the same fields as JSON for grpcurl", () => {
    expect(copied.grpcurl).toBe(
      `grpcurl -plaintext -d '{"board":"human","category":"customer service"}' localhost:8080 ` +
        "voicearena.elo.v1.LeaderboardService/GetLeaderboard",
    );
  });

  test("is a Python script with the generated stubs", () => {
    expect(copied.python).toBe(`import grpc
from voicearena.elo.v1 import leaderboard_pb2, leaderboard_service_pb2, leaderboard_service_pb2_grpc

with grpc.insecure_channel("localhost:8080") as channel:
    service = leaderboard_service_pb2_grpc.LeaderboardServiceStub(channel)
    request = leaderboard_service_pb2.GetLeaderboardRequest(
        board=leaderboard_pb2.Leaderboard.human,
        category="customer service",
    )
    print(service.GetLeaderboard(request, timeout=10))`);
  });

  test("has the command that the screen gives", () => {
    expect(copied.cli).toBe("arena leaderboard --board human --category 'customer service'");
    expect(texts(board, {})).not.toHaveProperty("cli");
  });

  test("has no query if it has no fields", () => {
    expect(texts(board, {}).curl).toBe("curl -s http://localhost:8080/api/v1/leaderboard");
    expect(texts(board, {}).grpcurl).toBe(
      "grpcurl -plaintext localhost:8080 voicearena.elo.v1.LeaderboardService/GetLeaderboard",
    );
  });
});

describe("a call with a key", () => {
  const create = texts(ExperimentService.method.createExperiment, {
    name: HOSTILE_NAME,
    scenario: "general",
    evalMode: Experiment_EvalMode.automated,
    models: [{ provider: "espeak", voiceId: "en-us" }],
    prompts: ["Hello"],
  });

  test("names the variable that holds the key", () => {
    for (const text of [create.curl, create.grpcurl]) {
      expect(text).toContain('-H "Authorization: Bearer $ARENA_API_KEY"');
    }
    expect(create.python).toContain(
      `metadata = [("authorization", f"Bearer {os.environ['ARENA_API_KEY']}")]\n    print(service.CreateExperiment(`,
    );
  });

  test("sends JSON that a shell does not change", () => {
    const sent = argumentsOf(create.curl ?? "");
    expect(sent.slice(0, 6)).toEqual([
      "-s",
      "-X",
      "POST",
      "http://localhost:8080/api/v1/experiments",
      "-H",
      "Authorization: Bearer kc_secret",
    ]);
    expect(JSON.parse(sent.at(-1) ?? "")).toEqual({
      name: HOSTILE_NAME,
      scenario: "general",
      eval_mode: "automated",
      models: [{ provider: "espeak", voice_id: "en-us" }],
      prompts: ["Hello"],
    });
    expect(JSON.parse(argumentsOf(create.grpcurl ?? "")[4] ?? "")).toEqual(JSON.parse(sent.at(-1) ?? ""));
  });

  test("shows characters that change the reading direction as escapes", () => {
    for (const text of [create.curl, create.grpcurl, create.python]) {
      expect(text).toContain("\\u202e שלום 😀\\n");
      expect(text).not.toContain("\u202e");
    }
  });

  test("names a voter's session otherwise than a key", () => {
    const vote = texts(
      BattleService.method.voteInBattle,
      { id: "bat_1", winner: Battle_Winner.both_bad },
      { ...LOCAL, needs: "voter" },
    );
    expect(vote.curl).toBe(
      'curl -s -X POST http://localhost:8080/api/v1/battles/bat_1/vote -H "Authorization: Bearer $ARENA_VOTER" ' +
        `-H 'Content-Type: application/json' -d '{"winner":"both_bad"}'`,
    );
  });

  test("sends only the fields that a change names", () => {
    expect(texts(ScenarioService.method.updateScenario, { id: "scn_1", name: "New" }).curl).toBe(
      'curl -s -X PATCH http://localhost:8080/api/v1/scenarios/scn_1 -H "Authorization: Bearer $ARENA_API_KEY" ' +
        `-H 'Content-Type: application/json' -d '{"name":"New"}'`,
    );
    expect(texts(ExperimentService.method.deleteExperiment, { id: "exp_1" }).curl).toBe(
      'curl -s -X DELETE http://localhost:8080/api/v1/experiments/exp_1 -H "Authorization: Bearer $ARENA_API_KEY"',
    );
  });
});

test("a parameter in the path is escaped", () => {
  expect(texts(EloService.method.getVoiceModel, { id: "a/b c?d" }).curl).toBe(
    "curl -s http://localhost:8080/api/v1/models/a%2Fb%20c%3Fd",
  );
});

test("a stream is followed", () => {
  const watch = texts(BattleService.method.watchBattle, { id: "bat_1" });
  expect(watch.curl).toBe("curl -sN http://localhost:8080/api/v1/battles/bat_1/stream");
  expect(watch.python).toContain(
    "    for message in service.WatchBattle(request):\n        print(message, flush=True)",
  );
});

test("a file is saved, in the folder of the shell", () => {
  const options = { ...LOCAL, saveAs: "../trials.csv" };
  const file = texts(
    ExperimentService.method.exportExperiment,
    { id: "exp_1", format: ExportExperimentRequest_Format.csv },
    options,
  );
  expect(file.curl).toBe(
    "curl -sSf 'http://localhost:8080/api/v1/experiments/exp_1/export?format=csv' " +
      '-H "Authorization: Bearer $ARENA_API_KEY" -o __trials.csv',
  );
  expect(file.python).toContain('    with open("__trials.csv", "wb") as file:\n        for piece in service.Export');
});

describe("an upload", () => {
  const upload = texts(
    EvaluationService.method.createEvaluation,
    { referenceText: "@etc", names: ["Ann", "<Bob"] },
    { ...LOCAL, upload: "hello, you.wav", cli: ["evaluate", "hello, you.wav"] },
  );

  test("is a form of which only the recording is read from a file", () => {
    expect(upload.curl).toBe(
      'curl -s http://localhost:8080/api/v1/evaluations -H "Authorization: Bearer $ARENA_API_KEY" ' +
        `-F 'audio=@"hello, you.wav"' --form-string reference_text=@etc --form-string names=Ann ` +
        "--form-string 'names=<Bob'",
    );
  });

  test("is a stream of pieces in Python, and not offered for grpcurl", () => {
    expect(upload.python).toContain(`    def pieces():
        yield evaluation_service_pb2.UploadEvaluationRequest(request=request)
        with open("hello, you.wav", "rb") as file:
            while piece := file.read(65536):
                yield evaluation_service_pb2.UploadEvaluationRequest(audio=piece)

    print(service.UploadEvaluation(pieces(), metadata=metadata, timeout=60))`);
    expect(Object.keys(upload)).toEqual(["curl", "python", "cli"]);
  });
});

test("another address is that of every text", () => {
  const copied = texts(
    LeaderboardService.method.getExportKey,
    {},
    {
      baseUrl: "https://arena.example.com",
      cli: ["leaderboard"],
    },
  );
  expect(copied.curl).toBe("curl -s https://arena.example.com/api/v1/leaderboard/export-key");
  expect(copied.grpcurl).toMatch(/^grpcurl arena\.example\.com:443 /);
  expect(copied.python).toContain('grpc.secure_channel("arena.example.com:443", grpc.ssl_channel_credentials())');
  expect(copied.cli).toBe("arena --url https://arena.example.com leaderboard");
});

test.each([HOSTILE_NAME, "'", "", "-x", "a b", "%s\\n", "\u001b[201~rm -rf ~", "a\tb\rc", "\u2066RTL\u2069", "$(id)"])(
  "a shell passes on %j unchanged",
  (word) => {
    expect(argumentsOf(`show ${shellWord(word)}`)).toEqual([word]);
  },
);

test("a word with control characters is written without them", () => {
  expect(shellWord("\u001b[201~a b")).toBe(`"$(printf '\\033\\133201\\176a b')"`);
});
