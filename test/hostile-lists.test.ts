/**
 * Lists of clients that careless code compares item by item with others of theirs: twenty thousand of each, which one
 * request may have, hold the server for minutes. Here it is counted how often the items are looked at.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { overlapOf } from "#api/batch/index-intervals.ts";
import { checkServiceStatusUpdate } from "#api/core/balancer-status-validation.ts";
import { podWarnings } from "#api/core/pod-warnings.ts";
import { podPrinter } from "#api/core/pod-columns.ts";
import { podAmounts } from "#api/core/pod-resources.ts";
import { checkPodStatusUpdate } from "#api/core/pod-status-validation.ts";
import { checkPodUpdate } from "#api/core/pod-update-validation.ts";
import { checkServiceUpdate } from "#api/core/service-validation.ts";
import type { Container, Pod } from "#api/generated/types/core-v1.ts";
import { FaultList } from "#api/meta/fault-list.ts";
import { checkMetaUpdate } from "#api/meta/object-meta-validation.ts";
import { storageValidations } from "#api/storage/validation.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { mergedTolerations } from "#apiserver/admission/plugins/tolerations.ts";
import { describeRules } from "#apiserver/authz/covers.ts";
import { grantsOf } from "#apiserver/authz/grants.ts";
import { MemoryRoleReader } from "#apiserver/authz/role-reader.ts";
import { SigningStatusStrategy } from "#apiserver/registry/certificates/signing-requests.ts";
import { PodStatusStrategy } from "#apiserver/registry/core/pods.ts";
import { StatusStrategy, type StrategyContext } from "#apiserver/registry/strategy.ts";
import { CountedLists } from "#testing/counted-lists.ts";

const count = CountedLists.length;

const faultsOf = (check: (faults: FaultList) => void): number => {
  const faults = new FaultList();
  check(faults);
  return faults.count;
};
const address = (index: number): string => `10.1.${index >> 8}.${index & 255}`;
const named = (index: number): { name: string } => ({ name: `c${index}` });
const fromBehind = (index: number): { name: string } => named(count - 1 - index);
const meta = { name: "a", namespace: "b", uid: "u" };

const addressedService = (addresses: string[]): object => ({
  metadata: { ...meta, resourceVersion: "1" },
  spec: {
    type: "LoadBalancer",
    ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
    externalIPs: addresses,
    loadBalancerSourceRanges: addresses.map((each) => `${each}/32`),
  },
});

type Case = readonly [what: string, look: (lists: CountedLists) => void];

const strategy = new StatusStrategy({
  allowUnconditionalUpdate: true,
  keeps: [],
  dropDisabled: () => undefined,
  validate: () => [],
});
const context: StrategyContext = {
  now: "2026-01-01T00:00:00Z",
  dryRun: false,
  requestVersion: "v1",
  user: { name: "u", groups: [] },
  warn: () => undefined,
};
const conditioned = (lists: CountedLists, makes: (index: number) => number): AnyObject => ({
  metadata: {},
  status: { conditions: lists.of((index) => ({ type: `t${makes(index)}`, status: "True" })) },
});

const cases: readonly Case[] = [
  [
    "conditions of a certificate's request",
    (lists) => {
      const old = conditioned(lists, (index) => index);
      const object = conditioned(lists, (index) => count - 1 - index);
      new SigningStatusStrategy(strategy, "status", () => []).prepareForUpdate(object, old, context);
    },
  ],
  [
    "conditions of a pod",
    (lists) => {
      const old = conditioned(lists, (index) => index);
      const object = conditioned(lists, (index) => count - 1 - index);
      new PodStatusStrategy(strategy).prepareForUpdate(object, old, context);
    },
  ],
  [
    "addresses that a service had",
    (lists) => {
      const now = addressedService(lists.of((index) => address(count - index)));
      faultsOf((faults) => checkServiceUpdate(now, addressedService(lists.of(address)), faults));
    },
  ],
  [
    "addresses that a balancer had",
    (lists) => {
      const service = (makes: (index: number) => string): object => ({
        spec: { type: "LoadBalancer" },
        status: { loadBalancer: { ingress: lists.of((index) => ({ ip: makes(index), ipMode: "VIP" })) } },
      });
      const now = service((index) => address(count - index));
      assert.equal(
        faultsOf((faults) => checkServiceStatusUpdate(now, service(address), faults)),
        0,
      );
    },
  ],
  [
    "finalizers of what is going",
    (lists) => {
      const old = { ...meta, deletionTimestamp: "2020-01-01T00:00:00Z", deletionGracePeriodSeconds: 0 };
      const finalizers = lists.of((index) => `a.b/${index}`);
      const fewer = lists.of((index) => `a.b/${count - 1 - index}`);
      assert.equal(
        faultsOf((faults) =>
          checkMetaUpdate(
            { ...old, resourceVersion: "1", finalizers: fewer },
            { ...old, finalizers },
            faults,
          ),
        ),
        0,
      );
    },
  ],
  [
    "tolerations that a pod had",
    (lists) => {
      const pod = (makes: (index: number) => number): object => ({
        metadata: meta,
        spec: {
          containers: [{ name: "c", image: "i" }],
          tolerations: lists.of((index) => ({ key: `k${makes(index)}`, operator: "Exists" })),
        },
      });
      faultsOf((faults) =>
        checkPodUpdate(
          pod((index) => count - index),
          pod((index) => index + 1),
          faults,
        ),
      );
    },
  ],
  [
    "tolerations that include others",
    (lists) => {
      const own = lists.of((index) => ({ key: `k${index}`, operator: "Exists" }));
      assert.equal(mergedTolerations(own, [{ key: "k0" }]).length, count);
    },
  ],
  [
    "statuses of a pod's containers",
    (lists) => {
      const allocated = [{ name: "claim:a", resources: [] }];
      const pod = (state: object): object => ({
        metadata: meta,
        spec: {
          restartPolicy: "OnFailure",
          containers: lists.of(named),
          initContainers: lists.of(named),
          resourceClaims: lists.of(named),
        },
        status: {
          containerStatuses: lists.of((index) => ({
            ...fromBehind(index),
            state,
            allocatedResourcesStatus: allocated,
          })),
          initContainerStatuses: lists.of((index) => ({ ...fromBehind(index), state })),
          resourceClaimStatuses: lists.of(fromBehind),
          podIPs: lists.of((index) => ({ ip: address(index) })),
          extendedResourceClaimStatus: {
            resourceClaimName: "a",
            requestMappings: lists.of((index) => ({ containerName: `c${count - 1 - index}` })),
          },
        },
      });
      const ended = pod({ terminated: { exitCode: 1 } });
      faultsOf((faults) => checkPodStatusUpdate(pod({ running: {} }), ended, faults));
    },
  ],
  [
    "containers of a pod in a table",
    (lists) => {
      const pod = {
        spec: {
          containers: [],
          initContainers: lists.of((index) => ({ ...named(index), restartPolicy: "Always" })),
        },
        status: {
          initContainerStatuses: lists.of((index) => ({ ...fromBehind(index), started: true, ready: true })),
        },
      };
      assert.equal(podPrinter.cells({ metadata: meta, ...pod } as never, 0)[1], `${count}/${count}`);
    },
  ],
  [
    "what a pod's containers were given",
    (lists) => {
      const containers = lists.of<Container>((index) => ({
        ...named(index),
        image: "i",
        resources: { requests: { cpu: "1m" } },
      }));
      const status = {
        containerStatuses: lists.of((index) => ({
          ...fromBehind(index),
          image: "",
          imageID: "",
          ready: true,
          restartCount: 0,
          resources: { requests: { cpu: "2m" } },
        })),
      } satisfies Pod["status"];
      const amounts = podAmounts({ containers }, "requests", { withOverhead: false, status });
      assert.equal(amounts.get("cpu")?.nano, BigInt(count) * 2_000_000n);
    },
  ],
];

test("groups of a user and subjects of a binding", () => {
  const lists = new CountedLists();
  const subjects = lists.of((index) => ({ kind: "Group", name: `s${index}` }));
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "r" };
  const reader = new MemoryRoleReader({ clusterRoleBindings: [{ roleRef, subjects }] });
  const user = { name: "u", groups: lists.of((index) => `g${index}`) };
  assert.deepEqual(grantsOf(reader, user, "").grants, []);
  lists.assertFewReads();
});

for (const [what, look] of cases) {
  test(what, () => {
    const lists = new CountedLists();
    look(lists);
    lists.assertFewReads();
  });
}

test("intervals of indexes", () => {
  const length = 300_000;
  const each = (from: number): string =>
    Array.from({ length }, (_, index) => String(2 * index + from)).join(",");
  assert.equal(overlapOf(each(0), each(1), 3 * length), undefined);
  assert.equal(overlapOf("1,3-5,9", "0,2,6-8,9-10", 11), 9);
});

test("verbs of one resource", () => {
  const rules = Array.from({ length: 200_000 }, (_, index) => ({
    apiGroups: [""],
    resources: ["a"],
    verbs: [`v${index}`],
  }));
  assert.equal(describeRules(rules).length, 1);
});

const warned = (spec: object): number => {
  const pod = { metadata: meta, spec };
  return podWarnings(pod).length;
};
const listOf = <T>(makes: (index: number) => T, length = 50_000): T[] =>
  Array.from({ length }, (_, index) => makes(index));

const portsOf = (ports: object[]): object => ({ containers: [{ name: "c", image: "i", ports }] });

const addressed = (index: number): object => ({ containerPort: 80, hostPort: 1, hostIP: address(index) });

const itemsOf = (path: (index: number) => string, length?: number): object => ({
  volumes: [
    {
      name: "v",
      configMap: { name: "a", items: listOf((index) => ({ key: "k", path: path(index) }), length) },
    },
  ],
});

test("pairs of ports that are warned of", () => {
  const toldMax = 30_000;
  assert.ok(warned(portsOf(listOf(() => ({ containerPort: 80 })))) < toldMax);
  assert.ok(warned(portsOf(listOf((index) => ({ containerPort: 80, hostPort: index + 1 })))) === 0);
  assert.ok(warned(portsOf(listOf(addressed))) === 0);
});

test("pairs of paths that are warned of", () => {
  const toldMax = 30_000;
  assert.ok(warned(itemsOf(() => "a")) < toldMax);
  assert.ok(warned(itemsOf(String)) === 0);
  assert.ok(warned(itemsOf((index) => `${"a/".repeat(100_000)}${index}`, 20)) === 0);
});

test("topologies that are the same", () => {
  const terms = listOf(() => ({ matchLabelExpressions: [] }));
  const storage = { provisioner: "p", volumeBindingMode: "Immediate", allowedTopologies: terms };
  const told = faultsOf((faults) => storageValidations["StorageClass"]?.check?.(storage as never, faults));
  assert.ok(told >= terms.length && told < 2 * terms.length);
});
