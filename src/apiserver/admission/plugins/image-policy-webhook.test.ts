import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Pod } from "#api/generated/types/core-v1.ts";
import { pods } from "#api/resources.ts";
import { KubeconfigHookError } from "#apiserver/connect/kubeconfig-hook.ts";
import { ManualClock } from "#base/clock.ts";
import { SeededRandom } from "#base/random.ts";
import { attributesOf, faultOf } from "../testing/attributes.ts";
import { ImagePolicyWebhook } from "./image-policy-webhook.ts";

const kind = { kind: "ImageReview", apiVersion: "imagepolicy.k8s.io/v1alpha1" };

const pod: Pod = {
  metadata: {
    name: "web",
    namespace: "ns",
    annotations: { "x.image-policy.k8s.io/break-glass": "1", other: "2" },
  },
  spec: {
    containers: [{ name: "c", image: "app:1" }],
    initContainers: [{ name: "i", image: "init:1" }],
    ephemeralContainers: [{ name: "e", image: "debug:1" }],
  },
};

interface World {
  readonly asked: unknown[];
  readonly clock: ManualClock;
  readonly plugin: ImagePolicyWebhook;
}

/** `status`: what it says; undefined: it can't be reached. */
function worldOf(status: object | undefined, defaultAllow = false): World {
  const asked: unknown[] = [];
  const clock = new ManualClock();
  const hook = {
    post: (body: unknown): Promise<unknown> => {
      asked.push(body);
      if (status === undefined) return Promise.reject(new KubeconfigHookError("gone"));
      return Promise.resolve({ ...kind, status });
    },
  };
  const settings = {
    kubeConfigFile: "/k",
    allowTtlMs: 10_000,
    denyTtlMs: 0,
    retryBackoffMs: 1,
    defaultAllow,
  };
  return {
    asked,
    clock,
    plugin: new ImagePolicyWebhook(settings, { hook, clock, random: new SeededRandom(1) }),
  };
}

suite("ImagePolicyWebhook", () => {
  test("asks for the images of a pod, and remembers what was allowed", async () => {
    const { asked, clock, plugin } = worldOf({ allowed: true, auditAnnotations: { by: "me" } });
    const noted: string[][] = [];
    const write = attributesOf(pods, { object: pod, annotate: (key, text) => noted.push([key, text]) });
    assert.equal(await faultOf(plugin, write), undefined);
    assert.deepEqual(asked, [
      {
        ...kind,
        metadata: {},
        spec: {
          containers: [{ image: "app:1" }, { image: "init:1" }],
          annotations: { "x.image-policy.k8s.io/break-glass": "1" },
          namespace: "ns",
        },
      },
    ]);
    assert.deepEqual(noted, [["imagepolicywebhook.image-policy.k8s.io/by", "me"]]);
    await faultOf(plugin, write);
    assert.equal(asked.length, 1);
    await clock.advance(10_000);
    await faultOf(plugin, write);
    assert.equal(asked.length, 2);
  });

  test("of ephemeral containers it asks for theirs alone; of other subresources for nothing", async () => {
    const { asked, plugin } = worldOf({ allowed: true });
    for (const subresource of ["ephemeralcontainers", "status"]) {
      await faultOf(plugin, attributesOf(pods, { operation: "UPDATE", object: pod, subresource }));
    }
    assert.deepEqual(
      asked.map((review) => (review as { spec: { containers: unknown } }).spec.containers),
      [[{ image: "debug:1" }]],
    );
  });

  for (const [status, why] of [
    [{}, "one or more images rejected by webhook backend"],
    [{ allowed: false, reason: "no" }, "image policy webhook backend denied one or more images: no"],
    [undefined, "gone"],
  ] as const) {
    test(`refuses with ${JSON.stringify(status)}`, async () => {
      const fault = await faultOf(worldOf(status).plugin, attributesOf(pods, { object: pod }));
      assert.equal(fault, `pods "web" is forbidden: ${why}`);
    });
  }

  test("lets everything pass while nobody answers, if it is told to, and notes it", async () => {
    const noted: string[][] = [];
    const write = attributesOf(pods, { object: pod, annotate: (key, text) => noted.push([key, text]) });
    assert.equal(await faultOf(worldOf(undefined, true).plugin, write), undefined);
    assert.deepEqual(noted, [["imagepolicywebhook.image-policy.k8s.io/failed-open", "true"]]);
  });
});
