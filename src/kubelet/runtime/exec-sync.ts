/** An exec whose output is wanted whole: probes and hooks. */
import type { Clock } from "#base/clock.ts";
import { RuntimeError, type ExecOutput, type Session } from "./runtime.ts";

/** What a probe prints beyond this is dropped. */
const outputBytesMax = 16 * 1024 * 1024;

/** Waits for the end; kills the process when `timeoutMs` (0: never) is over and throws "deadline". */
export async function collectExec(
  session: Session,
  { command, timeoutMs }: { readonly command: readonly string[]; readonly timeoutMs: number },
  clock: Clock,
): Promise<ExecOutput> {
  const late = Promise.withResolvers<"late">();
  const cancel =
    timeoutMs > 0
      ? clock.after(timeoutMs, () => {
          late.resolve("late");
        })
      : undefined;
  const whole = Promise.all([collect(session.stdout), collect(session.stderr), session.exit]);
  const result = await Promise.race([whole, late.promise]);
  cancel?.();
  if (result === "late") {
    session.close();
    throw new RuntimeError("deadline", `command ${JSON.stringify(command)} timed out after ${timeoutMs} ms`);
  }
  const [stdout, stderr, exitCode] = result;
  return { stdout, stderr, exitCode };
}

async function collect(stream: NodeJS.ReadableStream | undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  if (stream === undefined) return Buffer.alloc(0);
  for await (const chunk of stream) {
    if (bytes < outputBytesMax) chunks.push(chunk as Buffer);
    bytes += chunk.length;
  }
  return Buffer.concat(chunks).subarray(0, outputBytesMax);
}
