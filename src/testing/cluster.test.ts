import assert from "node:assert/strict";
import { test } from "node:test";
import { configMaps } from "#api/resources.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { startTestApiserver } from "./cluster.ts";

test("a test apiserver stores, watches and deletes like a real one", async () => {
  await using server = await startTestApiserver();
  const maps = server.client().resource(configMaps, "default");
  const stop = new AbortController();
  const seen: string[] = [];
  const watching = (async () => {
    for await (const { type, object } of maps.watch({}, stop.signal)) {
      seen.push(`${type} ${object.metadata?.name ?? ""}`);
      if (type === "DELETED") break;
    }
  })();
  const made = await maps.create({ metadata: { name: "a" }, data: { x: "1" } });
  const changed = await maps.update({ ...made, data: { x: "2" } });
  assert.notEqual(changed.metadata?.resourceVersion, made.metadata?.resourceVersion);
  await assert.rejects(maps.update({ ...made, data: { x: "3" } }), isConflict);
  await maps.delete("a");
  await assert.rejects(maps.get("a"), isNotFound);
  await watching;
  assert.deepEqual(seen, ["ADDED a", "MODIFIED a", "DELETED a"]);
});
