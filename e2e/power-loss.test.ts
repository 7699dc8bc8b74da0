/** Acceptance: what was acknowledged is on the disk when the power goes at once. kill -9 can't show this. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openConnection } from "#store/sqlite/driver.ts";
import { openSqliteStore } from "#store/sqlite/store.ts";
import { diskAfter, parseTrace, straceArguments, type TraceEvent } from "./crash/disk-trace.ts";

/** Of power-writer.ts. */
const writes = { store: 256, plain: 48 };

suite("power loss", { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "mini-k8s-power-"));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  function traced(kind: "store" | "plain"): TraceEvent[] {
    const record = join(folder, `${kind}.strace`);
    mkdirSync(join(folder, kind));
    const writer = join(import.meta.dirname, "crash", "power-writer.ts");
    const database = join(folder, kind, "state.db");
    const { status, stderr } = spawnSync(
      "strace",
      [...straceArguments, "-o", record, process.execPath, writer, kind, database],
      { encoding: "utf8" },
    );
    assert.equal(status, 0, stderr);
    return parseTrace(readFileSync(record, "utf8"));
  }

  /**
   * At every acknowledgement the power goes: calls back with the disk's state and what had been acknowledged. Of
   * acknowledgements with nothing synced between them the last stands for all.
   */
  async function atEachMoment(
    kind: string,
    events: readonly TraceEvent[],
    check: (path: string, acknowledged: readonly string[]) => Promise<void>,
  ): Promise<number> {
    const acknowledged: string[] = [];
    let isChecked = true;
    for (let number = 0; number <= events.length; number++) {
      const event = events[number];
      if (event?.kind === "said") {
        acknowledged.push(...[...event.text.matchAll(/acknowledged (\S+)/g)].map(([, key = ""]) => key));
        isChecked = false;
        continue;
      }
      if (isChecked || event?.kind === "write" || event?.kind === "cut") continue;
      isChecked = true;
      const place = join(folder, `${kind}-${number}`);
      mkdirSync(place);
      for (const [name, content] of diskAfter(events, number)) {
        if (name.startsWith("state.db") && !name.endsWith("-shm")) writeFileSync(join(place, name), content);
      }
      await check(join(place, "state.db"), acknowledged);
      rmSync(place, { recursive: true });
    }
    return acknowledged.length;
  }

  test("the store loses nothing it acknowledged, at whatever moment", async () => {
    const events = traced("store");
    const count = await atEachMoment("store", events, async (path, acknowledged) => {
      const store = await openSqliteStore({ path }, { clock: systemClock, log: silentLogger });
      const found = new Set((await store.list("/k/")).entries.map(({ key }) => key));
      await store.close();
      assert.deepEqual(
        acknowledged.filter((key) => !found.has(key)),
        [],
      );
    });
    assert.equal(count, writes.store);
  });

  test("and this test notices: SQLite as it comes (WAL, synchronous=NORMAL) loses nearly everything", async () => {
    let lost = 0;
    const count = await atEachMoment("plain", traced("plain"), (path, acknowledged) => {
      let found = new Set<unknown>();
      const connection = openConnection({ path, lockWaitMs: 0 });
      try {
        found = new Set(
          connection
            .prepare("SELECT name FROM log")
            .all()
            .map(([name]) => name),
        );
      } catch (error) {
        // Not even the table is there.
        assert.match(String(error), /no such table/);
      } finally {
        connection.close();
      }
      lost = Math.max(lost, acknowledged.filter((key) => !found.has(key)).length);
      return Promise.resolve();
    });
    assert.equal(count, writes.plain);
    assert.ok(lost > 10, `only ${lost} were lost`);
  });
});
