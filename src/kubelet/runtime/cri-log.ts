/**
 * Lines of a container's log file: "2026-01-01T00:00:00.000000000Z stdout F text".
 * P marks a piece of a line that goes on in the next one, F the end of a line.
 * upstream: pkg/kubelet/kuberuntime/logs
 */
import { toRfc3339Nano } from "#base/clock.ts";

export type LogStream = "stdout" | "stderr";

/** Longer lines are cut into pieces of this many bytes, as containerd does. */
export const logPieceMaxBytes = 16 * 1024;

export function criLogLine(nanos: bigint, stream: LogStream, isPartial: boolean, text: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`${toRfc3339Nano(nanos)} ${stream} ${isPartial ? "P" : "F"} `),
    text,
    Buffer.from("\n"),
  ]);
}

/** Cuts one stream's output into log lines. */
export class LogLines {
  readonly #stream: LogStream;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: LogStream) {
    this.#stream = stream;
  }

  push(chunk: Buffer, nanos: bigint): Buffer[] {
    const lines: Buffer[] = [];
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const end = data.subarray(0, logPieceMaxBytes).indexOf(10);
      if (end >= 0) {
        lines.push(criLogLine(nanos, this.#stream, false, data.subarray(0, end)));
        data = data.subarray(end + 1);
      } else if (data.length >= logPieceMaxBytes) {
        lines.push(criLogLine(nanos, this.#stream, true, data.subarray(0, logPieceMaxBytes)));
        data = data.subarray(logPieceMaxBytes);
      } else {
        break;
      }
    }
    this.#rest = Buffer.from(data);
    return lines;
  }

  /** The last line, when the output didn't end with a newline. */
  end(nanos: bigint): Buffer[] {
    if (this.#rest.length === 0) return [];
    const line = criLogLine(nanos, this.#stream, false, this.#rest);
    this.#rest = Buffer.alloc(0);
    return [line];
  }
}
