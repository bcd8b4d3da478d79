import { defineConfig } from "vitest/config";

// Addresses of the gateway that the development server passes on.
const API = "^/(voicearena\\.|api/)";

// Chunks of what is used together. Many small ones compress worse, by 5 kB over what the first screen needs.
const PROTOBUF_JSON =
  "extensions|from-json|to-json|codegenv2/extension|reflect/(error|reflect|reflect-check|scalar)|wkt/(any|json|timestamp|google/protobuf/(?!any|descriptor|timestamp).*)";
const CHUNKS: Record<string, RegExp[]> = {
  // What every screen needs. Reflection and JSON are for "Copy as" and for demo data.
  base: [
    RegExp(`/node_modules/@bufbuild/protobuf/dist/esm/(?!(${PROTOBUF_JSON})\\.js)`),
    /\/node_modules\/(preact|preact-iso|@preact)\//,
    /\/gen\/(google\/api\/|voicearena\/(auth|gateway)\/v1\/options_pb)/,
    /\/src\/rpc\/(backoff|client|errors|frames|gateway|live|query|reachable|trace)\.ts$/,
    /\/src\/(app\/(keys|stored|title|url_state)|strings\/(copy|en)|format\/(clock|locale|number))\.ts$/,
    /\/src\/(copy\/CopyAs|parts\/(Button|Copy|Dialog|Empty|Failure|Loading|Page|Select|Status))\.tsx$/,
  ],
  scenario_choice: [/\/src\/(scenario_choice\/\w+|strings\/scenario_choice)\.tsx?$/],
  elo: [/\/gen\/voicearena\/(elo\/v1\/(battle|elo)|tts\/v1\/tts)_pb\.js$/],
  listening: [
    /\/src\/(comparison\/(?!checks)\w+|strings\/(audio|comparison)|format\/duration)\.tsx?$/,
    /\/src\/audio\/(failure|fetch_sound|heard|only_one|pair|player|player_state|setup|volume)\.ts$/,
    /\/src\/audio\/(PairPlayer|PlayButton|Seekbar|Volume)\.tsx$/,
  ],
};

const CHUNK_GROUPS = Object.entries(CHUNKS).map(([name, files]) => ({
  name,
  test: (file: string) => files.some((pattern) => pattern.test(file)),
}));

export default defineConfig({
  build: {
    target: "es2022",
    // Browsers that know light-dark(), so that it is not rewritten.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    manifest: true,
    // The Content-Security-Policy allows no data: scripts and styles, and every file has its own cache entry.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 200,
    rolldownOptions: {
      output: { codeSplitting: { groups: CHUNK_GROUPS } },
    },
  },
  server: { proxy: { [API]: process.env.ARENA_URL ?? "http://localhost:8080" } },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node", css: true },
});
