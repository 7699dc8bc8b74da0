import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { isNotFound } from "#api/meta/status.ts";
import { persistentVolumeClaims, persistentVolumes, pods } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import { startWorld } from "../testing/world.ts";
import { claimProtectionController } from "./claims.ts";
import { volumeProtectionController } from "./volumes.ts";

const factories = [claimProtectionController, volumeProtectionController];

async function isGone(run: () => Promise<unknown>): Promise<boolean> {
  try {
    await run();
    return false;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}

const addClaim = (client: Client): Promise<unknown> =>
  client.resource(persistentVolumeClaims, "default").create({
    metadata: { name: "data", finalizers: ["kubernetes.io/pvc-protection"] },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  });

suite("protection of storage in use", () => {
  test("a claim stays while a pod on a node uses it", async () => {
    await using world = await startWorld({
      factories,
      prepare: async (client) => {
        await addClaim(client);
        await client.resource(pods, "default").create({
          metadata: { name: "user" },
          spec: {
            nodeName: "n",
            containers: [{ name: "c", image: "x" }],
            volumes: [{ name: "v", persistentVolumeClaim: { claimName: "data" } }],
          },
        });
      },
    });
    const claims = world.client.resource(persistentVolumeClaims, "default");
    await claims.delete("data");
    assert.notEqual((await claims.get("data")).metadata?.deletionTimestamp, undefined);
    await world.client.resource(pods, "default").delete("user", { gracePeriodSeconds: 0 });
    await world.until("the claim is gone", () => isGone(() => claims.get("data")));
  });

  test("a claim that nobody uses goes at once, and one that came without protection gets it", async () => {
    await using world = await startWorld({ factories });
    const claims = world.client.resource(persistentVolumeClaims, "default");
    await claims.create({
      metadata: { name: "bare" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    });
    await world.until(
      "it is protected",
      async () => (await claims.get("bare")).metadata?.finalizers?.length === 1,
    );
    await claims.delete("bare");
    await world.until("the claim is gone", () => isGone(() => claims.get("bare")));
  });

  test("a volume stays while it is bound", async () => {
    await using world = await startWorld({ factories });
    const volumes = world.client.resource(persistentVolumes);
    const spec = { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/x" } };
    await volumes.create({ metadata: { name: "v", finalizers: ["kubernetes.io/pv-protection"] }, spec });
    await volumes.patch("v", "merge", { status: { phase: "Bound" } }, { subresource: "status" });
    await volumes.delete("v");
    assert.notEqual((await volumes.get("v")).metadata?.deletionTimestamp, undefined);
    await volumes.patch("v", "merge", { status: { phase: "Released" } }, { subresource: "status" });
    await world.until("the volume is gone", () => isGone(() => volumes.get("v")));
  });
});
