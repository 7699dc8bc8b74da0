import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Deployment } from "#api/generated/types/apps-v1.ts";
import type { Namespace, Pod } from "#api/generated/types/core-v1.ts";
import { deployments, namespaces, pods } from "#api/resources.ts";
import { Registry } from "prom-client";
import { metricsText } from "#apiserver/metrics/exposition.ts";
import { PodSecurityMetrics } from "#apiserver/metrics/pod-security-metrics.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { CountedLists } from "#testing/counted-lists.ts";
import { attributesOf, faultOf, type Write } from "../testing/attributes.ts";
import { PodSecurity } from "./pod-security.ts";
import { noSettings, type PodSecuritySettings } from "./pod-security/exemptions.ts";

const prefix = "pod-security.kubernetes.io/";
const namespaceWith = (labels: Record<string, string>): Namespace => ({
  metadata: {
    name: "ns",
    labels: Object.fromEntries(Object.entries(labels).map(([key, value]) => [`${prefix}${key}`, value])),
  },
});

const pod = (name: string, owner?: string): Pod => ({
  metadata: {
    name,
    namespace: "ns",
    ...(owner === undefined
      ? {}
      : {
          ownerReferences: [
            { apiVersion: "apps/v1", kind: "ReplicaSet", name: owner, uid: owner, controller: true },
          ],
        }),
  },
  spec: { hostPID: true, containers: [{ name: "x", image: "x" }] },
});

interface Asked {
  readonly warnings: string[];
  readonly annotations: Record<string, string>;
  readonly fault: string | undefined;
  /** What metrics have counted, by their labels. */
  readonly counted: Readonly<Record<string, number>>;
}

async function countedIn(registry: Registry): Promise<Record<string, number>> {
  const lines = (await metricsText(registry)).split("\n").filter((line) => line.startsWith("pod_security"));
  const entries = lines.map((line): [string, number] => {
    const [series = "", value = ""] = line.split(" ");
    const labels = [...series.matchAll(/"(.*?)"/g)].map(([, text]) => text).join(" ");
    return [`${/pod_security_([a-z]+)/.exec(series)?.[1] ?? ""}: ${labels}`, Number(value)];
  });
  return Object.fromEntries(entries);
}

async function ask(
  api: MemoryApi,
  ref: Parameters<typeof attributesOf>[0],
  write: Write,
  settings?: PodSecuritySettings,
): Promise<Asked> {
  const warnings: string[] = [];
  const annotations: Record<string, string> = {};
  const attributes = attributesOf(ref, {
    ...write,
    warn: (text) => warnings.push(text),
    annotate: (key, text) => {
      annotations[key] = text;
    },
  });
  const registry = new Registry();
  const plugin = new PodSecurity({ informers: api, client: api }, settings, new PodSecurityMetrics(registry));
  const fault = await faultOf(plugin, attributes);
  return { warnings, annotations, fault, counted: await countedIn(registry) };
}

function apiWith(labels: Record<string, string>, ...existing: Pod[]): MemoryApi {
  const api = new MemoryApi();
  api.seed(namespaces, namespaceWith(labels));
  api.seed(pods, ...existing);
  return api;
}

suite("PodSecurity", () => {
  test("enforce refuses a pod, in upstream's words", async () => {
    const asked = await ask(apiWith({ enforce: "baseline" }), pods, { object: pod("web") });
    const { fault, annotations, counted } = asked;
    assert.deepEqual(counted, { "evaluations: deny enforce baseline latest create pod ": 1 });
    assert.equal(
      fault,
      'pods "web" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID)',
    );
    assert.deepEqual(annotations, { [`${prefix}enforce-policy`]: "baseline:latest" });
  });

  test("warn and audit only say it", async () => {
    const api = apiWith({ warn: "baseline", "warn-version": "v1.30", audit: "baseline" });
    const { fault, warnings, annotations, counted } = await ask(api, pods, { object: pod("web") });
    assert.equal(fault, undefined);
    assert.deepEqual(counted, {
      "evaluations: allow enforce privileged latest create pod ": 1,
      "evaluations: deny audit baseline latest create pod ": 1,
      "evaluations: deny warn baseline v1.30 create pod ": 1,
    });
    assert.deepEqual(warnings, ['would violate PodSecurity "baseline:v1.30": host namespaces (hostPID)']);
    assert.deepEqual(annotations, {
      [`${prefix}enforce-policy`]: "privileged:latest",
      [`${prefix}audit-violations`]: 'would violate PodSecurity "baseline:latest": host namespaces (hostPID)',
    });
  });

  test("workloads are warned of, never refused", async () => {
    const object: Deployment = {
      metadata: { name: "web", namespace: "ns" },
      spec: { selector: {}, template: { spec: pod("x").spec } },
    };
    const api = apiWith({ enforce: "restricted", warn: "baseline" });
    const { fault, warnings, counted } = await ask(api, deployments, { object });
    assert.deepEqual(counted, { "evaluations: deny warn baseline latest create controller ": 1 });
    assert.equal(fault, undefined);
    assert.deepEqual(warnings, ['would violate PodSecurity "baseline:latest": host namespaces (hostPID)']);
  });

  test("an update of what doesn't matter passes, one of an image doesn't", async () => {
    const api = apiWith({ enforce: "baseline" });
    const old = pod("web");
    const labelled: Pod = { ...old, metadata: { ...old.metadata, labels: { a: "b" } } };
    assert.equal(
      (await ask(api, pods, { operation: "UPDATE", object: labelled, oldObject: old })).fault,
      undefined,
    );
    const changed: Pod = { ...old, spec: { ...old.spec, containers: [{ name: "x", image: "y" }] } };
    const { fault } = await ask(api, pods, { operation: "UPDATE", object: changed, oldObject: old });
    assert.match(fault ?? "", /violates PodSecurity/);
  });

  test("debug containers are compared with those of their names", async () => {
    const lists = new CountedLists();
    const debugged = (makes: (index: number) => number): Pod => {
      const ephemeralContainers = lists.of((index) => ({ name: `d${makes(index)}`, image: "d" }));
      return { ...pod("web"), spec: { containers: [], ephemeralContainers } };
    };
    const object = debugged((index) => CountedLists.length - 1 - index);
    const write = { operation: "UPDATE", object, oldObject: debugged((index) => index) } as const;
    await ask(apiWith({ enforce: "baseline" }), pods, { ...write, subresource: "ephemeralcontainers" });
    lists.assertFewReads();
  });

  test("a debug container is looked at, a status isn't", async () => {
    const api = apiWith({ enforce: "baseline" });
    const old = pod("web");
    const debugged: Pod = {
      ...old,
      spec: { containers: [], ...old.spec, ephemeralContainers: [{ name: "d", image: "d" }] },
    };
    const write = { operation: "UPDATE", object: debugged, oldObject: old } as const;
    assert.match(
      (await ask(api, pods, { ...write, subresource: "ephemeralcontainers" })).fault ?? "",
      /violates/,
    );
    assert.equal((await ask(api, pods, { ...write, subresource: "status" })).fault, undefined);
  });

  test("what isn't asked for, isn't known yet or isn't there is counted as such", async () => {
    const open = await ask(apiWith({}), pods, { object: pod("web") });
    assert.deepEqual(open.counted, { "evaluations: allow enforce privileged latest create pod ": 1 });
    const api = apiWith({ enforce: "restricted", "enforce-version": "v1.99" });
    const future = await ask(api, pods, { object: pod("web") });
    assert.deepEqual(future.counted, { "evaluations: deny enforce restricted future create pod ": 1 });
    const missing = await ask(new MemoryApi(), pods, { object: pod("web") });
    assert.deepEqual(missing.counted, { "errors: true create pod ": 1 });
  });

  const invalidCases: [string, Record<string, string>, string][] = [
    [
      "a level that isn't",
      { enforce: "foo" },
      'Namespace "ns" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "foo": must be one of privileged, baseline, restricted',
    ],
    [
      "a version that isn't",
      { "warn-version": "1.2" },
      'Namespace "ns" is invalid: metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.2": must be "latest" or "v1.x"',
    ],
  ];
  for (const [name, labels, message] of invalidCases) {
    test(`a namespace with ${name} is refused`, async () => {
      const { fault } = await ask(apiWith({}), namespaces, { object: namespaceWith(labels), name: "ns" });
      assert.equal(fault, message);
    });
  }

  test("the audit log tells that nothing was asked of a pod", async () => {
    const { fault, annotations } = await ask(apiWith({}), pods, { object: pod("web") });
    assert.equal(fault, undefined);
    assert.deepEqual(annotations, { [`${prefix}enforce-policy`]: "privileged:latest" });
  });

  test("labels that were bad before may stay", async () => {
    const bad = namespaceWith({ enforce: "foo" });
    const { fault } = await ask(apiWith({}), namespaces, {
      operation: "UPDATE",
      object: bad,
      oldObject: bad,
    });
    assert.equal(fault, undefined);
  });

  test("a pod in a namespace with a bad level is held to the strictest", async () => {
    const asked = await ask(apiWith({ enforce: "foo" }), pods, { object: pod("web") });
    const { fault, annotations, counted } = asked;
    assert.deepEqual(counted, {
      "errors: false create pod ": 1,
      "evaluations: deny enforce restricted latest create pod ": 1,
    });
    assert.match(fault ?? "", /violates PodSecurity "restricted:latest"/);
    assert.match(annotations[`${prefix}error`] ?? "", /^Failed to parse policy: metadata.labels/);
  });

  test("a stricter level warns of the pods that are there", async () => {
    const api = apiWith({}, pod("b", "rs"), pod("a", "rs"), pod("c"));
    const write = { operation: "UPDATE", oldObject: namespaceWith({}) } as const;
    const stricter = await ask(api, namespaces, { ...write, object: namespaceWith({ enforce: "baseline" }) });
    assert.deepEqual(stricter.warnings, [
      'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:latest"',
      "a (and 2 other pods): host namespaces",
    ]);
    const open = await ask(api, namespaces, { ...write, object: namespaceWith({ enforce: "privileged" }) });
    assert.deepEqual(open.warnings, []);
  });
});

suite("PodSecurity with a configuration", () => {
  const baseline = { level: "baseline", minor: undefined } as const;
  const exempting = (exempt: Partial<PodSecuritySettings["exemptions"]>): PodSecuritySettings => ({
    defaults: { enforce: baseline, audit: baseline, warn: baseline },
    exemptions: { ...noSettings.exemptions, ...exempt },
  });

  test("a namespace without labels has its level", async () => {
    const { fault } = await ask(apiWith({}), pods, { object: pod("web") }, exempting({}));
    assert.match(fault ?? "", /violates PodSecurity "baseline:latest"/);
    const open = await ask(apiWith({ enforce: "privileged" }), pods, { object: pod("web") }, exempting({}));
    assert.equal(open.fault, undefined);
    assert.equal(open.warnings.length, 1);
  });

  const withClass: Pod = {
    ...pod("web"),
    spec: { ...pod("web").spec, containers: [], runtimeClassName: "vm" },
  };
  const exempt: [string, Partial<PodSecuritySettings["exemptions"]>, Pod][] = [
    ["namespace", { namespaces: new Set(["ns"]) }, pod("web")],
    ["user", { usernames: new Set(["alice"]) }, pod("web")],
    ["runtimeClass", { runtimeClasses: new Set(["vm"]) }, withClass],
  ];
  for (const [reason, exemption, object] of exempt) {
    test(`an exempt ${reason} isn't looked at, which the audit log tells`, async () => {
      const asked = await ask(apiWith({}), pods, { object }, exempting(exemption));
      assert.equal(asked.fault, undefined);
      assert.deepEqual(asked.warnings, []);
      assert.deepEqual(asked.annotations, { [`${prefix}exempt`]: reason });
      assert.deepEqual(asked.counted, { "exemptions: create pod ": 1 });
      const deployment: Deployment = {
        metadata: { name: "web", namespace: "ns" },
        spec: { selector: {}, template: { metadata: {}, spec: object.spec } },
      };
      const workload = await ask(apiWith({}), deployments, { object: deployment }, exempting(exemption));
      assert.deepEqual(workload.warnings, []);
    });
  }

  test("who labels an exempt namespace is told that it doesn't count", async () => {
    const settings = exempting({ namespaces: new Set(["ns"]) });
    const write = {
      operation: "UPDATE",
      oldObject: namespaceWith({}),
      object: namespaceWith({ enforce: "restricted", warn: "baseline" }),
    } as const;
    const { warnings } = await ask(apiWith({}, pod("a")), namespaces, write, settings);
    assert.deepEqual(warnings, [
      'namespace "ns" is exempt from Pod Security, and the policy (enforce=restricted:latest, warn=baseline:latest) will be ignored',
    ]);
    const { warnings: none } = await ask(
      apiWith({}, pod("a")),
      namespaces,
      { operation: "CREATE", object: namespaceWith({}) },
      settings,
    );
    assert.deepEqual(none, []);
  });
});
