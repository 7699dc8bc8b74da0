import assert from "node:assert/strict";
import { test } from "node:test";
import { pods, secrets } from "#api/resources.ts";
import type { Informer, InformerFactory } from "./informer.ts";
import { OwnInformers } from "./own-informers.ts";

test("who has asked for some waits for these, whatever becomes of others'", async () => {
  const never = new Promise<void>(() => undefined);
  const informer = ({ resource }: { readonly resource: string }): unknown => ({
    ref: { resource },
    synced: resource === "secrets" ? never : Promise.resolve(),
  });
  const shared = { informer, start: () => undefined } as unknown as InformerFactory;
  const [some, others] = [new OwnInformers(shared), new OwnInformers(shared)];
  const asked: Informer<never>[] = [some.informer(pods) as never, others.informer(secrets) as never];
  assert.deepEqual(
    asked.map(({ ref }) => ref.resource),
    ["pods", "secrets"],
  );
  const stop = new AbortController();
  await some.waitForSync(stop.signal);
  const waiting = others.waitForSync(stop.signal);
  await others.waitForSync(stop.signal, ({ resource }) => resource === "secrets");
  stop.abort(new Error("enough"));
  await assert.rejects(waiting, /^Error: enough$/);
});
