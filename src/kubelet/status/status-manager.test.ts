import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, settle } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import type { Pod } from "#api/generated/types/core-v1.ts";
import { conflictError, serviceUnavailableError } from "#api/meta/status.ts";
import { pods } from "#api/resources.ts";
import { createFakeClient } from "#client/testing/fake-transport.ts";
import { StatusManager } from "./status-manager.ts";
import { podOf } from "./testing/pod-of.ts";

async function managed(
  run: (world: {
    manager: StatusManager;
    clock: ManualClock;
    pod: Pod;
    api: ReturnType<typeof createFakeClient>["api"];
    read: () => Promise<Pod>;
    patches: () => number;
  }) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  const { client, api } = createFakeClient({ clock });
  const pod = await client
    .resource(pods, "shop")
    .create({ ...podOf("Always", "a"), metadata: { name: "web", namespace: "shop" } });
  const manager = new StatusManager({ client, clock, random: new SeededRandom(1), log: silentLogger });
  const read = (): Promise<Pod> => client.resource(pods, "shop").get("web");
  const patches = (): number => api.requests.filter(({ method }) => method === "PATCH").length;
  await run({ manager, clock, pod, api, read, patches });
  manager.close();
}
const settled = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await settle();
};

test("statuses set in a row are sent as two: the first and the newest", async () => {
  await managed(async ({ manager, pod, read, patches }) => {
    for (const phase of ["Pending", "A", "B", "Running"]) manager.set(pod, { phase });
    await manager.synced(pod);
    assert.equal((await read()).status?.phase, "Running");
    assert.equal(patches(), 2);
    manager.set(pod, { phase: "Running" });
    await settled();
    assert.equal(patches(), 2, "nothing new, nothing sent");
  });
});

test("a failed write is tried again", async () => {
  await managed(async ({ manager, pod, api, clock, read }) => {
    const heal = api.intercept(({ method }) =>
      method === "PATCH" ? serviceUnavailableError("down") : undefined,
    );
    manager.set(pod, { phase: "Running" });
    await settled();
    heal();
    await clock.advance(1000);
    await settled();
    assert.equal((await read()).status?.phase, "Running");
  });
});

test("a status that somebody overwrote is set right, an old event isn't taken for news", async () => {
  await managed(async ({ manager, pod, api, read, patches }) => {
    manager.set(pod, { phase: "Running" });
    await manager.synced(pod);
    manager.observe(pod);
    await settled();
    assert.equal(patches(), 1);
    const now = await read();
    api.store.put("/pods", "shop/web", { ...now, status: { phase: "Nonsense" } });
    manager.observe(await read());
    await manager.synced(pod);
    assert.equal((await read()).status?.phase, "Running");
  });
});

test("a conflict that isn't about another pod is tried again", async () => {
  await managed(async ({ manager, pod, api, clock, read }) => {
    const conflict = conflictError({ group: "", resource: "pods", name: "web" }, "busy");
    const heal = api.intercept(({ method }) => (method === "PATCH" ? conflict : undefined));
    manager.set(pod, { phase: "Running" });
    await settled();
    heal();
    await clock.advance(1000);
    await settled();
    assert.equal((await read()).status?.phase, "Running");
  });
});

test("another pod of the same name is left alone", async () => {
  await managed(async ({ manager, pod, api, read, patches }) => {
    const now = await read();
    api.store.put("/pods", "shop/web", { ...now, metadata: { ...now.metadata, uid: "another" } });
    manager.set(pod, { phase: "Running" });
    await manager.synced(pod);
    manager.set(pod, { phase: "Failed" });
    await settled();
    assert.equal(patches(), 1);
    assert.equal((await read()).status, undefined);
  });
});

test("what nobody waits for is sent a little later, with what came meanwhile", async () => {
  await managed(async ({ manager, pod, clock, read, patches }) => {
    manager.set(pod, { phase: "Pending" }, "soon");
    await settled();
    assert.equal(patches(), 0);
    await clock.advance(150);
    await settled();
    assert.equal((await read()).status?.phase, "Pending");
    manager.set(pod, { phase: "Pending", message: "m" }, "soon");
    manager.set(pod, { phase: "Running" });
    await clock.advance(1000);
    await settled();
    assert.equal(patches(), 2);
  });
});

test("a pod that is gone ends the sending", async () => {
  await managed(async ({ manager, pod, api, patches }) => {
    api.store.remove("/pods", "shop/web");
    manager.set(pod, { phase: "Running" });
    await manager.synced(pod);
    assert.equal(patches(), 1);
  });
});
