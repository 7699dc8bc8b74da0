/** The suite's shell scripts, and what they do as programs of the fake runtime. */
import type { FakeStart } from "../fake-container.ts";
import type { FakeProcess, FakeProgram } from "../fake-process.ts";
import { logPieceMaxBytes } from "../cri-log.ts";

export const scripts = {
  hello: "echo hello; echo oops >&2",
  fail: "exit 3",
  unfinished: "printf 'no newline'",
  longLine: `head -c ${2 * logPieceMaxBytes + 5} /dev/zero | tr '\\0' x; echo; echo after`,
  /** Ends with 7 at TERM. */
  polite: "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done",
  /** Ends only when killed. */
  stubborn: "trap '' TERM; echo ready; while :; do sleep 0.05; done",
  /** Ends with 5 at USR1. */
  usr1: "trap 'exit 5' USR1; echo ready; while :; do sleep 0.05; done",
  /** Answers each line of stdin, then says that it ended. */
  answer: 'echo ready; while read -r line; do echo "got $line"; done; echo end',
  cat: "cat",
  both: "echo out; echo err >&2; exit 4",
  forever: "echo ready; while :; do sleep 1; done",
  terminal: 'read -r line; echo "line $line"; stty size; exit 4',
} as const;

/** Reads lines of stdin; "" at its end. */
class LineReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest = "";

  constructor(stdin: AsyncIterable<Buffer>) {
    this.#chunks = stdin[Symbol.asyncIterator]();
  }

  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const result = await this.#chunks.next();
      if (result.done === true) return undefined;
      this.#rest += result.value.toString();
    }
  }
}

async function untilSignal(process: FakeProcess, name: string): Promise<void> {
  process.write("ready\n");
  while ((await process.nextSignal()) !== name);
}

const programs: Readonly<Record<string, FakeProgram>> = {
  [scripts.hello]: (process) => {
    process.write("hello\n");
    process.write("oops\n", "stderr");
    return Promise.resolve(0);
  },
  [scripts.fail]: () => Promise.resolve(3),
  [scripts.unfinished]: (process) => {
    process.write("no newline");
    return Promise.resolve(0);
  },
  [scripts.longLine]: (process) => {
    process.write(`${"x".repeat(2 * logPieceMaxBytes + 5)}\nafter\n`);
    return Promise.resolve(0);
  },
  [scripts.polite]: async (process) => {
    await untilSignal(process, "TERM");
    process.write("bye\n");
    return 7;
  },
  [scripts.stubborn]: async (process) => {
    await untilSignal(process, "never");
    return 0;
  },
  [scripts.usr1]: async (process) => {
    await untilSignal(process, "USR1");
    return 5;
  },
  [scripts.answer]: async (process) => {
    process.write("ready\n");
    const lines = new LineReader(process.stdin);
    for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
      process.write(`got ${line}\n`);
    }
    process.write("end\n");
    return 0;
  },
  [scripts.cat]: async (process) => {
    for await (const chunk of process.stdin) process.write(chunk.toString());
    return 0;
  },
  [scripts.both]: (process) => {
    process.write("out\n");
    process.write("err\n", "stderr");
    return Promise.resolve(4);
  },
  [scripts.forever]: async (process) => {
    await untilSignal(process, "never");
    return 0;
  },
  [scripts.terminal]: async (process) => {
    const line = await new LineReader(process.stdin).next();
    const { height = 0, width = 0 } = process.terminalSize() ?? {};
    process.write(`line ${line ?? ""}\r\n${height} ${width}\r\n`);
    return 4;
  },
};

/** For FakeRuntimeOptions.programs. */
export function fakeProgramOf({ command }: FakeStart): FakeProgram | Error | undefined {
  const [shell, , script = ""] = command;
  if (shell !== "sh") return new Error(`exec: ${JSON.stringify(shell)}: executable file not found in $PATH`);
  return programs[script];
}
