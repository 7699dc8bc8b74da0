import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { suite, test } from "node:test";
import type Dockerode from "dockerode";
import { LogFollower } from "./log-follower.ts";

/** An entry as the daemon frames it. */
function entry(second: number, text: string): Buffer {
  const payload = Buffer.from(`2026-01-01T00:00:0${second}.000000000Z ${text}\n`);
  const head = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(payload.length, 4);
  return Buffer.concat([head, payload]);
}

interface Asked {
  readonly follow: boolean;
  readonly since?: string;
}

/** A container whose followed log ends after `followed` of its entries. */
function containerOf(entries: readonly Buffer[], followed: number, asked: Asked[]): Dockerode.Container {
  const logs = (options: Asked): Promise<unknown> => {
    asked.push({ follow: options.follow, ...(options.since === undefined ? {} : { since: options.since }) });
    return Promise.resolve(
      options.follow ? Readable.from(entries.slice(0, followed)) : Buffer.concat(entries),
    );
  };
  return { logs } as unknown as Dockerode.Container;
}

suite("a container's log, followed", () => {
  let directory = "";
  test.beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "mini-k8s-log-"));
  });
  test.afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  for (const followed of [0, 1, 3]) {
    test(`is whole at its end, when the daemon ends the stream after ${followed} of 3 lines`, async () => {
      const path = join(directory, "0.log");
      const asked: Asked[] = [];
      const entries = [entry(1, "one"), entry(2, "two"), entry(3, "three")];
      const follower = new LogFollower(containerOf(entries, followed, asked), { path, tty: false });
      assert.equal(await follower.done, undefined);
      assert.equal(
        await readFile(path, "utf8"),
        ["1.000000000Z stdout F one", "2.000000000Z stdout F two", "3.000000000Z stdout F three"]
          .map((line) => `2026-01-01T00:00:0${line}\n`)
          .join(""),
      );
      assert.deepEqual(
        asked.map(({ follow }) => follow),
        [true, false],
      );
      assert.equal(asked[1]?.since, followed === 0 ? undefined : `${1767225600 + followed}.000000000`);
    });
  }
});
