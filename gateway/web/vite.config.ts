import { defineConfig } from "vitest/config";

// Addresses of the gateway that the development server passes on.
const API = "^/(voicearena\\.|api/|audio/|share/)";

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
  },
  server: { proxy: { [API]: process.env.ARENA_URL ?? "http://localhost:8080" } },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node", css: true },
});
