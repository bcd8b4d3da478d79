// Levels in dB relative to full scale (dBFS).

/** A level at or under this is shown as nothing. */
export const FLOOR_DB = -60;

/** Returns the level of the loudest sample, FLOOR_DB for silence. */
export function peakDb(block: Float32Array): number {
  let peak = 0;
  for (const sample of block) {
    peak = Math.max(peak, Math.abs(sample));
  }
  return peak > 0 ? Math.max(FLOOR_DB, 20 * Math.log10(peak)) : FLOOR_DB;
}

/** Returns how much of a meter a level fills, 0 to 1. */
export function meterShare(db: number): number {
  return Math.min(Math.max((db - FLOOR_DB) / -FLOOR_DB, 0), 1);
}
