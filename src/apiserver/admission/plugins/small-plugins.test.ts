import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Binding, PersistentVolumeClaim, Pod, PodSpec } from "#api/generated/types/core-v1.ts";
import type { Ingress, IngressClass } from "#api/generated/types/networking-v1.ts";
import type { RuntimeClass } from "#api/generated/types/node-v1.ts";
import type { StorageClass } from "#api/generated/types/storage-v1.ts";
import {
  ingressClasses,
  ingresses,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  runtimeClasses,
  storageClasses,
} from "#api/resources.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { attributesOf, faultOf, run } from "../testing/attributes.ts";
import { DefaultIngressClass, DefaultStorageClass } from "./default-classes.ts";
import { PersistentVolumeClaimResize } from "./persistent-volume-claim-resize.ts";
import { PodTopologyLabels } from "./pod-topology-labels.ts";
import { RuntimeClassPlugin } from "./runtime-class.ts";
import { StorageObjectInUseProtection } from "./storage-object-in-use-protection.ts";

const claim = (
  spec: PersistentVolumeClaim["spec"],
  annotations?: Record<string, string>,
): PersistentVolumeClaim => ({
  metadata: { name: "data", namespace: "ns", annotations },
  spec,
});

const storageClass = (name: string, isDefault: string, year = "2026"): StorageClass => ({
  metadata: {
    name,
    creationTimestamp: `${year}-01-01T00:00:00Z`,
    annotations: { "storageclass.kubernetes.io/is-default-class": isDefault },
  },
  provisioner: "p",
});

suite("DefaultStorageClass", () => {
  const cases: [string, StorageClass[], PersistentVolumeClaim, string | undefined][] = [
    ["no default", [storageClass("a", "false")], claim({}), undefined],
    ["the default", [storageClass("a", "false"), storageClass("b", "true")], claim({}), "b"],
    ["the newest of two", [storageClass("a", "true"), storageClass("b", "true", "2027")], claim({}), "b"],
    ["the first of two as new", [storageClass("b", "true"), storageClass("a", "true")], claim({}), "a"],
    ["a class of its own", [storageClass("b", "true")], claim({ storageClassName: "c" }), "c"],
    ["no class, said so", [storageClass("b", "true")], claim({ storageClassName: "" }), ""],
    [
      "the old annotation",
      [storageClass("b", "true")],
      claim({}, { "volume.beta.kubernetes.io/storage-class": "x" }),
      undefined,
    ],
  ];
  for (const [name, classes, object, expected] of cases) {
    test(name, async () => {
      const api = new MemoryApi();
      api.seed(storageClasses, ...classes);
      const plugin = new DefaultStorageClass({ informers: api, client: api });
      await run(plugin, attributesOf(persistentVolumeClaims, { object }));
      assert.equal(object.spec?.storageClassName, expected);
    });
  }
});

const ingressClass = (name: string): IngressClass => ({
  metadata: { name, annotations: { "ingressclass.kubernetes.io/is-default-class": "true" } },
});

const askIngress = async (object: Ingress, ...classes: IngressClass[]): Promise<string | undefined> => {
  const api = new MemoryApi();
  api.seed(ingressClasses, ...classes);
  return faultOf(
    new DefaultIngressClass({ informers: api, client: api }),
    attributesOf(ingresses, { object }),
  );
};

suite("DefaultIngressClass", () => {
  test("the default, unless there is a class or an annotation", async () => {
    const bare: Ingress = { metadata: { name: "i", namespace: "ns" }, spec: {} };
    assert.equal(await askIngress(bare, ingressClass("a")), undefined);
    assert.equal(bare.spec?.ingressClassName, "a");
    const own: Ingress = { ...bare, spec: { ingressClassName: "b" } };
    await askIngress(own, ingressClass("a"));
    assert.equal(own.spec?.ingressClassName, "b");
    const old: Ingress = {
      metadata: { name: "i", annotations: { "kubernetes.io/ingress.class": "x" } },
      spec: {},
    };
    await askIngress(old, ingressClass("a"));
    assert.equal(old.spec?.ingressClassName, undefined);
  });
  test("two defaults are one too many", async () => {
    const object: Ingress = { metadata: { name: "i", namespace: "ns" }, spec: {} };
    assert.equal(
      await askIngress(object, ingressClass("a"), ingressClass("b")),
      'ingresses.networking.k8s.io "i" is forbidden: Internal error occurred: 2 default IngressClasses were found, only 1 allowed',
    );
  });
});

const sized = (storage: string, phase: string, storageClassName = "grows"): PersistentVolumeClaim => ({
  ...claim({ storageClassName, resources: { requests: { storage } } }),
  status: { phase },
});

suite("PersistentVolumeClaimResize", () => {
  const why =
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
  const cases: [string, PersistentVolumeClaim, PersistentVolumeClaim, string | undefined][] = [
    ["the same size", sized("1Gi", "Pending"), sized("1Gi", "Pending"), undefined],
    ["grows", sized("2Gi", "Bound"), sized("1Gi", "Bound"), undefined],
    [
      "not bound yet",
      sized("2Gi", "Pending"),
      sized("1Gi", "Pending"),
      "Only bound persistent volume claims can be expanded",
    ],
    ["a class that doesn't grow", sized("2Gi", "Bound", "fixed"), sized("1Gi", "Bound", "fixed"), why],
    ["a class nobody knows", sized("2Gi", "Bound", "x"), sized("1Gi", "Bound", "x"), why],
  ];
  for (const [name, object, oldObject, fault] of cases) {
    test(name, async () => {
      const api = new MemoryApi();
      api.seed(
        storageClasses,
        { metadata: { name: "grows" }, provisioner: "p", allowVolumeExpansion: true },
        { metadata: { name: "fixed" }, provisioner: "p" },
      );
      const plugin = new PersistentVolumeClaimResize({ informers: api, client: api });
      const attributes = attributesOf(persistentVolumeClaims, { operation: "UPDATE", object, oldObject });
      const expected =
        fault === undefined ? undefined : `persistentvolumeclaims "data" is forbidden: ${fault}`;
      assert.equal(await faultOf(plugin, attributes), expected);
    });
  }
});

suite("RuntimeClass", () => {
  const kata: RuntimeClass = {
    metadata: { name: "kata" },
    handler: "kata",
    overhead: { podFixed: { cpu: "100m" } },
    scheduling: {
      nodeSelector: { kata: "yes", constructor: "c" },
      tolerations: [{ key: "kata", operator: "Exists" }],
    },
  };
  const bare: RuntimeClass = { metadata: { name: "bare" }, handler: "bare" };
  const ask = async (spec: Partial<PodSpec>): Promise<{ fault: string | undefined; spec: PodSpec }> => {
    const api = new MemoryApi();
    api.seed(runtimeClasses, kata, bare);
    const object: Pod & { spec: PodSpec } = {
      metadata: { name: "web", namespace: "ns" },
      spec: { containers: [], ...spec },
    };
    const plugin = new RuntimeClassPlugin({ informers: api, client: api });
    return { fault: await faultOf(plugin, attributesOf(pods, { object })), spec: object.spec };
  };
  test("sets overhead, node selector and tolerations", async () => {
    const own = { key: "kata", operator: "Equal", value: "a" };
    const { fault, spec } = await ask({
      runtimeClassName: "kata",
      nodeSelector: { a: "b" },
      tolerations: [own, { key: "z" }],
    });
    assert.equal(fault, undefined);
    assert.deepEqual(spec, {
      containers: [],
      runtimeClassName: "kata",
      overhead: { cpu: "100m" },
      nodeSelector: { a: "b", kata: "yes", constructor: "c" },
      tolerations: [{ key: "z" }, { key: "kata", operator: "Exists" }],
    });
  });
  const refused: [string, Partial<PodSpec>, string | undefined][] = [
    ["a class that isn't there", { runtimeClassName: "x" }, 'pod rejected: RuntimeClass "x" not found'],
    [
      "another overhead",
      { runtimeClassName: "kata", overhead: { cpu: "1" } },
      "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
    ],
    [
      "an overhead of a name that every object has",
      { runtimeClassName: "kata", overhead: Object.fromEntries([["constructor", "1"]]) },
      "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
    ],
    ["the same overhead in other words", { runtimeClassName: "kata", overhead: { cpu: "0.1" } }, undefined],
    [
      "overhead without a class",
      { overhead: { cpu: "1" } },
      "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
    ],
    [
      "overhead with a class without",
      { runtimeClassName: "bare", overhead: { cpu: "1" } },
      "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
    ],
    [
      "another node",
      { runtimeClassName: "kata", nodeSelector: { kata: "no" } },
      "conflict: runtimeClass.scheduling.nodeSelector[kata] = yes; pod.spec.nodeSelector[kata] = no",
    ],
  ];
  for (const [name, spec, fault] of refused) {
    test(name, async () => {
      assert.equal(
        (await ask(spec)).fault,
        fault === undefined ? undefined : `pods "web" is forbidden: ${fault}`,
      );
    });
  }
});

const binding = (labels?: Record<string, string>): Binding => ({
  metadata: { name: "web", namespace: "ns", labels },
  target: { kind: "Node", name: "n1" },
});

suite("PodTopologyLabels", () => {
  const zone = "topology.kubernetes.io/zone";
  const plugin = (): PodTopologyLabels => {
    const api = new MemoryApi();
    api.seed(nodes, { metadata: { name: "n1", labels: { [zone]: "z1", other: "x" } } });
    return new PodTopologyLabels({ informers: api, client: api });
  };
  test("a binding carries the node's zone, whatever it said of its own", async () => {
    const bare = binding();
    await run(plugin(), attributesOf(pods, { object: bare, subresource: "binding" }));
    assert.deepEqual(bare.metadata?.labels, { [zone]: "z1" });
    const own = binding({ [zone]: "mine", app: "web" });
    await run(plugin(), attributesOf(pods, { object: own, subresource: "binding" }));
    assert.deepEqual(own.metadata?.labels, { [zone]: "z1", app: "web" });
  });
  test("a pod that is made on a node has its zone at once", async () => {
    const object: Pod = { metadata: { name: "web" }, spec: { containers: [], nodeName: "n1" } };
    await run(plugin(), attributesOf(pods, { object }));
    assert.deepEqual(object.metadata?.labels, { [zone]: "z1" });
  });
});

suite("StorageObjectInUseProtection", () => {
  test("claims and volumes are protected, once", async () => {
    const plugin = new StorageObjectInUseProtection();
    const object: PersistentVolumeClaim = { metadata: { name: "data", namespace: "ns", finalizers: ["x"] } };
    await run(plugin, attributesOf(persistentVolumeClaims, { object }));
    await run(plugin, attributesOf(persistentVolumeClaims, { object }));
    assert.deepEqual(object.metadata?.finalizers, ["x", "kubernetes.io/pvc-protection"]);
    const volume: PersistentVolumeClaim = { metadata: { name: "v" } };
    await run(plugin, attributesOf(persistentVolumes, { object: volume }));
    assert.deepEqual(volume.metadata?.finalizers, ["kubernetes.io/pv-protection"]);
  });
});
