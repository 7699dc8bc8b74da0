import assert from "node:assert/strict";
import { appendFile, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { parseLogLine } from "./log-line.ts";
import { LogFormatter, parseLogQuery, type LogQuery } from "./log-query.ts";
import { readLog, type LogSource } from "./log-reader.ts";
import { rotateIfDue } from "./log-rotation.ts";
import { tailOfLog } from "./log-tail.ts";

const stamp = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, "0")}.000000000Z`;
const line = (second: number, text: string, tag = "F"): string => `${stamp(second)} stdout ${tag} ${text}\n`;
const plain: LogQuery = {
  follow: false,
  previous: false,
  timestamps: false,
  sinceMs: undefined,
  tailLines: undefined,
  limitBytes: undefined,
};

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mini-k8s-logs-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function textOf(path: string, query: Partial<LogQuery>): Promise<string> {
  const source: LogSource = {
    path,
    isRunning: () => Promise.resolve(false),
    onStateChange: () => () => undefined,
  };
  const chunks: Buffer[] = [];
  for await (const chunk of readLog(source, { ...plain, ...query }, new AbortController().signal)) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

test("records of a log file", () => {
  const record = parseLogLine(Buffer.from(`${stamp(1)} stderr P a b`));
  assert.deepEqual(
    { ...record, text: record?.text.toString(), time: record?.time.toString() },
    { time: stamp(1), stream: "stderr", isPartial: true, text: "a b" },
  );
  assert.equal(parseLogLine(Buffer.from(`${stamp(1)} stdout F `))?.text.toString(), "");
  assert.equal(parseLogLine(Buffer.from(`${stamp(1)} stdout F`))?.text.toString(), "");
  assert.equal(parseLogLine(Buffer.from("nonsense")), undefined);
  assert.equal(parseLogLine(Buffer.from(`${stamp(1)} stdin F x`)), undefined);
});

const log = line(1, "one") + line(2, "tw", "P") + line(2, "o") + line(3, "") + line(4, "four");
const queries: readonly (readonly [name: string, query: Partial<LogQuery>, text: string])[] = [
  ["everything, pieces joined", {}, "one\ntwo\n\nfour\n"],
  [
    "timestamps once per line",
    { timestamps: true },
    `${stamp(1)} one\n${stamp(2)} two\n${stamp(3)} \n${stamp(4)} four\n`,
  ],
  ["the last two", { tailLines: 2 }, "\nfour\n"],
  ["none", { tailLines: 0 }, ""],
  ["more than there is", { tailLines: 100 }, "one\ntwo\n\nfour\n"],
  ["since a moment", { sinceMs: Date.UTC(2026, 0, 1, 0, 0, 3) }, "\nfour\n"],
  ["limited", { limitBytes: 5 }, "one\nt"],
  ["tail and limit", { tailLines: 1, limitBytes: 2 }, "fo"],
];
for (const [name, query, text] of queries) {
  test(`reading a log: ${name}`, async () => {
    await inFolder(async (folder) => {
      await writeFile(join(folder, "0.log"), log);
      assert.equal(await textOf(join(folder, "0.log"), query), text);
    });
  });
}

test("the tail of a large log is found across blocks", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "0.log");
    const lines = Array.from({ length: 5000 }, (_, i) => line(1, `line ${i} ${"x".repeat(40)}`));
    await writeFile(path, lines.join(""));
    const text = await textOf(path, { tailLines: 3000 });
    assert.equal(text.split("\n").length, 3001);
    assert.match(text, /^line 2000 /);
  });
});

test("what is written while the tail is read isn't in it, but for who follows", () => {
  for (const [follow, shown] of [
    [false, ["one\n", undefined]],
    [true, ["one\n", "two\n"]],
  ] as const) {
    const formatter = new LogFormatter({ ...plain, follow, tailLines: 1 });
    const lines = [line(1, "one"), line(2, "two")].map((text) => Buffer.from(text.trimEnd()));
    assert.deepEqual(
      lines.map((each) => formatter.format(each)?.toString()),
      shown,
    );
    assert.equal(formatter.isFull, !follow);
  }
});

test("following: later lines come, rotation is survived, the end of the container ends it", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "0.log");
    await writeFile(path, line(1, "old") + line(2, "last"));
    let isRunning = true;
    let tell: (() => void) | undefined;
    const source: LogSource = {
      path,
      isRunning: () => Promise.resolve(isRunning),
      onStateChange: (handle) => {
        tell = handle;
        return () => undefined;
      },
    };
    const reader = readLog(source, { ...plain, follow: true, tailLines: 1 }, new AbortController().signal);
    let seen = "";
    const until = async (end: string): Promise<void> => {
      while (!seen.endsWith(end)) {
        const next = await reader.next();
        if (next.done === true) assert.fail(`ended after ${seen}`);
        seen += next.value.toString();
      }
    };
    await until("last\n");
    await appendFile(path, line(3, "three"));
    await until("three\n");
    await appendFile(path, line(4, "before"));
    await rename(path, `${path}.1`);
    await writeFile(path, line(5, "after"));
    await until("after\n");
    await appendFile(path, line(6, "bye"));
    isRunning = false;
    tell?.();
    await until("bye\n");
    assert.equal((await reader.next()).done, true);
    assert.equal(seen, "last\nthree\nbefore\nafter\nbye\n");
  });
});

test("following ends when the reader goes away", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "0.log");
    await writeFile(path, line(1, "one"));
    const stop = new AbortController();
    const source: LogSource = {
      path,
      isRunning: () => Promise.resolve(true),
      onStateChange: () => () => undefined,
    };
    const reader = readLog(source, { ...plain, follow: true }, stop.signal);
    await reader.next();
    const last = reader.next();
    stop.abort();
    assert.equal((await last).done, true);
  });
});

const params: readonly (readonly [text: string, fault: string | undefined])[] = [
  ["follow=true&tailLines=5&timestamps=true&limitBytes=1", undefined],
  ["tailLines=0", undefined],
  ["sinceTime=2026-01-01T00:00:00Z", undefined],
  ["tailLines=-1", "tailLines: Invalid value: must be greater than or equal to 0"],
  ["limitBytes=0", "limitBytes: Invalid value: must be greater than 0"],
  ["sinceSeconds=0", "sinceSeconds: Invalid value: must be greater than 0"],
  ["sinceSeconds=x", "sinceSeconds: Invalid value: must be greater than 0"],
  ["sinceTime=yesterday", "sinceTime: Invalid value: yesterday"],
  [
    "sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z",
    "at most one of `sinceTime` or `sinceSeconds` may be specified",
  ],
];
for (const [text, fault] of params) {
  test(`log query ${text}`, () => {
    const parsed = parseLogQuery(new URLSearchParams(text), 100_000);
    assert.equal("fault" in parsed ? parsed.fault : undefined, fault);
  });
}

test("sinceSeconds counts back from now", () => {
  const parsed = parseLogQuery(new URLSearchParams("sinceSeconds=10"), 100_000);
  assert.equal("query" in parsed ? parsed.query.sinceMs : undefined, 90_000);
});

test("a log above the limit is rotated; older ones are compressed, the oldest go", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "0.log");
    const clock = new ManualClock();
    const reopened: string[] = [];
    const runtime = {
      reopenLog: async (id: string): Promise<void> => {
        reopened.push(id);
        await writeFile(path, "");
      },
    };
    const container = { id: "c1", logPath: path };
    const limits = { maxBytes: 10, maxFiles: 3 };
    const rotate = async (text: string): Promise<boolean> => {
      await writeFile(path, text);
      await clock.advance(60_000);
      return rotateIfDue(container, limits, { runtime, clock, log: silentLogger });
    };
    assert.equal(await rotate("small"), false);
    for (const text of ["first ......", "second .....", "third ......"]) {
      assert.equal(await rotate(text), true);
    }
    assert.deepEqual(await readdir(folder), ["0.log", "0.log.20260101-000300.gz", "0.log.20260101-000400"]);
    assert.equal(
      gunzipSync(await readFile(join(folder, "0.log.20260101-000300.gz"))).toString(),
      "second .....",
    );
    assert.equal(await readFile(join(folder, "0.log.20260101-000400"), "utf8"), "third ......");
    assert.deepEqual(reopened, ["c1", "c1", "c1"]);
  });
});

test("a log the runtime won't reopen keeps its name", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "0.log");
    await writeFile(path, "large enough");
    const runtime = { reopenLog: () => Promise.reject(new Error("gone")) };
    const deps = { runtime, clock: new ManualClock(), log: silentLogger };
    await assert.rejects(
      rotateIfDue({ id: "c1", logPath: path }, { maxBytes: 1, maxFiles: 5 }, deps),
      /gone/,
    );
    assert.deepEqual(await readdir(folder), ["0.log"]);
  });
});

test("what a container said last, for its termination message", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "0.log");
    await writeFile(path, log);
    assert.equal(await tailOfLog(path, 2, 100), "\nfour\n");
    assert.equal(await tailOfLog(path, 80, 6), "\nfour\n");
    assert.equal(await tailOfLog(join(folder, "none"), 80, 100), "");
  });
});
