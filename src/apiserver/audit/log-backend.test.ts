import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import type { AuditEvent } from "./event.ts";
import { openLogBackend } from "./log-backend.ts";
import { BlockingSink } from "./sink.ts";
import { event, unmeasured } from "./testing/auditing.ts";

const logOptions = {
  format: "json",
  sizeMaxBytes: 0,
  backupsMax: 0,
  ageMaxMs: 0,
  isCompressing: false,
} as const;

test("a log that grows too big is put aside, and only so many are kept", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mini-k8s-audit-"));
  try {
    const clock = new ManualClock();
    const path = join(directory, "audit.log");
    const options = { ...logOptions, path, sizeMaxBytes: 40, backupsMax: 2 };
    const backend = await openLogBackend(options, { clock, log: silentLogger, metrics: unmeasured() });
    const sink = new BlockingSink({ until: "room" }, backend);
    for (let n = 0; n < 12; n++) {
      await sink.ready();
      void sink.write(event(n));
      await clock.advance(1000);
    }
    await sink.close();
    const names = (await readdir(directory)).toSorted();
    assert.equal(names.length, 3);
    assert.match(names[0] ?? "", /^audit-2026-01-01T00-00-\d\d\.000\.log$/);
    const texts = await Promise.all(names.map((name) => readFile(join(directory, name), "utf8")));
    const ids = texts
      .join("")
      .trim()
      .split("\n")
      .map((line) => Number((JSON.parse(line) as AuditEvent).auditID));
    // The newest, each once and in order; the oldest went with their files.
    assert.deepEqual(
      ids,
      Array.from({ length: ids.length }, (_, at) => 12 - ids.length + at),
    );
    assert.ok(ids.length >= 6 && ids.length < 12, ids.join());
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("files put aside are gzipped, and go when the time in their names is old", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mini-k8s-audit-"));
  try {
    const clock = new ManualClock();
    const path = join(directory, "audit.log");
    const options = { ...logOptions, path, sizeMaxBytes: 1, ageMaxMs: 1500, isCompressing: true };
    const backend = await openLogBackend(options, { clock, log: silentLogger, metrics: unmeasured() });
    for (let n = 0; n < 3; n++) {
      await backend.ready();
      assert.equal(await backend.deliver([event(n)]), true);
      await backend.ready();
      await clock.advance(1000);
    }
    await backend.close();
    const names = (await readdir(directory)).toSorted();
    assert.deepEqual(names, [
      "audit-2026-01-01T00-00-01.000.log.gz",
      "audit-2026-01-01T00-00-02.000.log.gz",
      "audit.log",
    ]);
    const [first = ""] = names;
    assert.equal(gunzipSync(await readFile(join(directory, first))).toString(), '{"auditID":"1"}\n');
  } finally {
    await rm(directory, { recursive: true });
  }
});

for (const [name, sizeMaxBytes] of [
  ["somebody replaces the file", 0],
  ["the file is put aside", 1],
] as const) {
  test(`a log that can't be written loses what comes, until ${name}`, async () => {
    const directory = await mkdtemp(join(tmpdir(), "mini-k8s-audit-"));
    try {
      const clock = new ManualClock();
      const path = join(directory, "audit.log");
      await symlink("/dev/full", path);
      const deps = { clock, log: silentLogger, metrics: unmeasured() };
      const backend = await openLogBackend({ ...logOptions, path, sizeMaxBytes }, deps);
      assert.equal(await backend.deliver([event(1)]), false);
      await backend.ready();
      if (sizeMaxBytes === 0) await rm(path);
      await clock.advance(1000);
      assert.equal(await backend.deliver([event(2)]), true);
      await backend.close();
      const entries = await readdir(directory, { withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile());
      const texts = await Promise.all(files.map(({ name: each }) => readFile(join(directory, each), "utf8")));
      assert.equal(texts.join(""), '{"auditID":"2"}\n');
    } finally {
      await rm(directory, { recursive: true });
    }
  });
}

test("a log that can't be written is left behind at the end", async () => {
  const deps = { clock: new ManualClock(), log: silentLogger, metrics: unmeasured() };
  const backend = await openLogBackend({ ...logOptions, path: "/dev/full" }, deps);
  assert.equal(await backend.deliver([event(1)]), false);
  await backend.close();
});
