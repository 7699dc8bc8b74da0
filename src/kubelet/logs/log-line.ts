/** One record of a CRI log file. upstream: pkg/kubelet/kuberuntime/logs/logs.go parseCRILog */

export interface LogRecord {
  /** As written: RFC 3339 with nanoseconds. */
  readonly time: Buffer;
  readonly stream: "stdout" | "stderr";
  /** A piece of a line that goes on in the next record. */
  readonly isPartial: boolean;
  readonly text: Buffer;
}

const blank = 0x20;

/** `line` without its newline. Undefined when it is no record. */
export function parseLogLine(line: Buffer): LogRecord | undefined {
  const afterTime = line.indexOf(blank);
  const afterStream = line.indexOf(blank, afterTime + 1);
  if (afterTime <= 0 || afterStream < 0) return undefined;
  const found = line.indexOf(blank, afterStream + 1);
  const afterTag = found < 0 ? line.length : found;
  const stream = line.toString("latin1", afterTime + 1, afterStream);
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  const tag = line.toString("latin1", afterStream + 1, afterTag).split(":")[0];
  return {
    time: line.subarray(0, afterTime),
    stream,
    isPartial: tag === "P",
    text: line.subarray(afterTag + 1),
  };
}
