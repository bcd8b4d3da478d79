// Runs in the audio thread and hands each block of samples from the microphone to the page.

declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

class Capture extends AudioWorkletProcessor {
  process([channels]: Float32Array[][]): boolean {
    const [samples] = channels ?? [];
    if (samples) {
      // The browser uses the block again, so the page gets a copy.
      this.port.postMessage(samples.slice());
    }
    return true;
  }
}

registerProcessor("capture", Capture);
