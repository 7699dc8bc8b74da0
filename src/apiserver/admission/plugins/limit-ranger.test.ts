import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type {
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
  ResourceRequirements,
} from "#api/generated/types/core-v1.ts";
import { limitRanges, persistentVolumeClaims, pods } from "#api/resources.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { attributesOf, faultOf, run } from "../testing/attributes.ts";
import { LimitRanger } from "./limit-ranger.ts";

function plugin(...limits: LimitRangeItem[]): LimitRanger {
  const api = new MemoryApi();
  const range: LimitRange = { metadata: { name: "range", namespace: "ns" }, spec: { limits } };
  api.seed(limitRanges, range);
  return new LimitRanger({ informers: api, client: api });
}

const podOf = (...resources: ResourceRequirements[]): Pod => ({
  metadata: { name: "web", namespace: "ns" },
  spec: { containers: resources.map((each, index) => ({ name: `c${index}`, image: "x", resources: each })) },
});

const claim = (storage: string): PersistentVolumeClaim => ({
  metadata: { name: "data", namespace: "ns" },
  spec: { resources: { requests: { storage } } },
});

suite("LimitRanger", () => {
  test("fills in what containers leave out, and says so", async () => {
    const pod: Pod = podOf({ limits: { memory: "1Gi" } });
    if (pod.spec !== undefined) pod.spec.initContainers = [{ name: "i", image: "x" }];
    const limit = {
      type: "Container",
      defaultRequest: { cpu: "100m", memory: "5Mi" },
      default: { cpu: "1", memory: "10Mi" },
    };
    await run(plugin(limit), attributesOf(pods, { object: pod }));
    assert.deepEqual(pod.spec?.containers[0]?.resources, {
      requests: { cpu: "100m", memory: "5Mi" },
      limits: { memory: "1Gi", cpu: "1" },
    });
    assert.deepEqual(pod.metadata?.annotations, {
      "kubernetes.io/limit-ranger":
        "LimitRanger plugin set: cpu, memory request for container c0; cpu limit for container c0; " +
        "cpu, memory request for init container i; cpu, memory limit for init container i",
    });
  });

  const podCases: [string, LimitRangeItem, Pod, string | undefined][] = [
    ["enough", { type: "Container", min: { cpu: "50m" } }, podOf({ requests: { cpu: "50m" } }), undefined],
    [
      "nothing asked",
      { type: "Container", min: { cpu: "50m" } },
      podOf({}),
      "minimum cpu usage per Container is 50m.  No request is specified",
    ],
    [
      "too little asked",
      { type: "Container", min: { cpu: "50m" } },
      podOf({ requests: { cpu: "49m" } }),
      "minimum cpu usage per Container is 50m, but request is 49m",
    ],
    [
      "too low a limit",
      { type: "Container", min: { memory: "1Gi" } },
      podOf({ requests: { memory: "1Gi" }, limits: { memory: "1Mi" } }),
      "minimum memory usage per Container is 1Gi, but limit is 1Mi",
    ],
    [
      "no limit",
      { type: "Container", max: { cpu: "1" } },
      podOf({}),
      "maximum cpu usage per Container is 1.  No limit is specified",
    ],
    [
      "too high a limit",
      { type: "Container", max: { cpu: "1" } },
      podOf({ limits: { cpu: "1001m" } }),
      "maximum cpu usage per Container is 1, but limit is 1001m",
    ],
    [
      "too much asked",
      { type: "Container", max: { cpu: "1" } },
      podOf({ requests: { cpu: "2" }, limits: { cpu: "1" } }),
      "maximum cpu usage per Container is 1, but request is 2",
    ],
    [
      "a ratio without a request",
      { type: "Container", maxLimitRequestRatio: { cpu: "10" } },
      podOf({ limits: { cpu: "1" } }),
      "cpu max limit to request ratio per Container is 10, but no request is specified or request is 0",
    ],
    [
      "a ratio without a limit",
      { type: "Container", maxLimitRequestRatio: { cpu: "10" } },
      podOf({ requests: { cpu: "1" } }),
      "cpu max limit to request ratio per Container is 10, but no limit is specified or limit is 0",
    ],
    [
      "too wide a ratio",
      { type: "Container", maxLimitRequestRatio: { cpu: "1" } },
      podOf({ requests: { cpu: "1" }, limits: { cpu: "2" } }),
      "cpu max limit to request ratio per Container is 1, but provided ratio is 2.000000",
    ],
    [
      "a ratio just kept",
      { type: "Container", maxLimitRequestRatio: { cpu: "1500m" } },
      podOf({ requests: { cpu: "2" }, limits: { cpu: "3" } }),
      undefined,
    ],
    [
      "a pod's sum",
      { type: "Pod", max: { cpu: "1" } },
      podOf({ limits: { cpu: "600m" } }, { limits: { cpu: "600m" } }),
      "maximum cpu usage per Pod is 1, but limit is 1200m",
    ],
    [
      "several faults",
      { type: "Container", min: { cpu: "1", memory: "1Gi" } },
      podOf({}),
      "[minimum cpu usage per Container is 1.  No request is specified, minimum memory usage per Container is 1Gi.  No request is specified]",
    ],
  ];
  for (const [name, limit, object, fault] of podCases) {
    test(`a pod: ${name}`, async () => {
      const found = await faultOf(plugin(limit), attributesOf(pods, { object }));
      assert.equal(found, fault === undefined ? undefined : `pods "web" is forbidden: ${fault}`);
    });
  }

  const claimCases: [string, LimitRangeItem, string, string | undefined][] = [
    [
      "fits",
      { type: "PersistentVolumeClaim", min: { storage: "1Gi" }, max: { storage: "2Gi" } },
      "2Gi",
      undefined,
    ],
    [
      "too small",
      { type: "PersistentVolumeClaim", min: { storage: "1Gi" } },
      "1Mi",
      "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi",
    ],
    [
      "too big",
      { type: "PersistentVolumeClaim", max: { storage: "1Gi" } },
      "5Gi",
      "maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 5Gi",
    ],
  ];
  for (const [name, limit, storage, fault] of claimCases) {
    test(`a claim: ${name}`, async () => {
      const attributes = attributesOf(persistentVolumeClaims, { object: claim(storage) });
      const found = await faultOf(plugin(limit), attributes);
      assert.equal(
        found,
        fault === undefined ? undefined : `persistentvolumeclaims "data" is forbidden: ${fault}`,
      );
    });
  }

  test("an update of a pod isn't judged but by /resize, and nothing that is being deleted", async () => {
    const judge = plugin({ type: "Container", max: { cpu: "1" } });
    const object = podOf({ limits: { cpu: "2" } });
    const write = { operation: "UPDATE", object, oldObject: object } as const;
    assert.equal(await faultOf(judge, attributesOf(pods, write)), undefined);
    assert.match(
      (await faultOf(judge, attributesOf(pods, { ...write, subresource: "resize" }))) ?? "",
      /maximum cpu/,
    );
    const leaving = {
      ...object,
      metadata: { ...object.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" },
    };
    const late = attributesOf(pods, { ...write, oldObject: leaving, subresource: "resize" });
    assert.equal(await faultOf(judge, late), undefined);
  });
});
