// Runs in the audio thread and hands the samples of the microphone to the page.

declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

// The audio thread has blocks of 128 samples. The page gets them 23 times a second at 48 kHz, as often as a meter moves.
const SAMPLES = 2048;

class Capture extends AudioWorkletProcessor {
  private collected = new Float32Array(SAMPLES);
  private count = 0;

  process([channels]: Float32Array[][]): boolean {
    for (const sample of channels?.[0] ?? []) {
      this.collected[this.count++] = sample;
      if (this.count === SAMPLES) {
        this.port.postMessage(this.collected, [this.collected.buffer]);
        this.collected = new Float32Array(SAMPLES);
        this.count = 0;
      }
    }
    return true;
  }
}

registerProcessor("capture", Capture);
