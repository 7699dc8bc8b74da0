import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { parseExact } from "#base/exact-json.ts";
import type { AnyObject } from "../meta/object.ts";
import { createTypeTable } from "../schema/table.ts";
import { createScheme } from "../scheme.ts";
import { GoZeros } from "./go-zeros.ts";
import { JsonDecoder } from "./json.ts";
import { Arbitraries } from "./testing/arbitrary.ts";

const table = createTypeTable();
const scheme = createScheme();
const decoder = new JsonDecoder(table);
const zeros = new GoZeros({ table, structOf: (kind) => scheme.structOf(kind) });
const arbitraries = new Arbitraries(table);

const kindOf = (apiVersion: string, kind: string): { group: string; version: string; kind: string } => {
  const [version = "", group = ""] = apiVersion.split("/").toReversed();
  return { group, version, kind };
};

const written = (apiVersion: string, kind: string, object: object): string =>
  JSON.stringify(zeros.written(object as AnyObject, kindOf(apiVersion, kind)));

suite("what clients see of fields that nobody set", () => {
  // upstream: kubectl's own structs, as `kubectl set image --local -o json` writes them
  const cases: readonly (readonly [apiVersion: string, kind: string, object: object, seen: string])[] = [
    [
      "v1",
      "Pod",
      { metadata: {}, spec: { containers: [{ name: "a" }], nodeName: "n" } },
      '{"metadata":{},"spec":{"containers":[{"name":"a","resources":{}}],"nodeName":"n"},"status":{}}',
    ],
    [
      "v1",
      "Pod",
      { status: { conditions: [{ type: "Ready", status: "True" }], containerStatuses: [{ name: "a" }] } },
      '{"metadata":{},"spec":{"containers":null},"status":{"conditions":[{"type":"Ready","status":"True",' +
        '"lastProbeTime":null,"lastTransitionTime":null}],"containerStatuses":[{"name":"a","state":{},' +
        '"lastState":{},"ready":false,"restartCount":0,"image":"","imageID":""}]}}',
    ],
    ["v1", "Service", { metadata: {}, spec: {} }, '{"metadata":{},"spec":{},"status":{"loadBalancer":{}}}'],
    ["v1", "ConfigMap", { metadata: { name: "a" } }, '{"metadata":{"name":"a"}}'],
    [
      "v1",
      "Event",
      { metadata: {}, involvedObject: {}, reason: "Why" },
      '{"metadata":{},"involvedObject":{},"reason":"Why","source":{},"firstTimestamp":null,' +
        '"lastTimestamp":null,"eventTime":null,"reportingComponent":"","reportingInstance":""}',
    ],
    [
      "autoscaling/v2",
      "HorizontalPodAutoscaler",
      { metadata: {}, spec: { scaleTargetRef: { kind: "A", name: "a" }, maxReplicas: 3 }, status: {} },
      '{"metadata":{},"spec":{"scaleTargetRef":{"kind":"A","name":"a"},"maxReplicas":3},' +
        '"status":{"desiredReplicas":0,"currentMetrics":null}}',
    ],
    [
      "batch/v1",
      "CronJob",
      { metadata: {}, spec: { schedule: "@daily", jobTemplate: { spec: { template: { spec: {} } } } } },
      '{"metadata":{},"spec":{"schedule":"@daily","jobTemplate":{"metadata":{},"spec":{"template":' +
        '{"metadata":{},"spec":{"containers":null}}}}},"status":{}}',
    ],
  ];
  for (const [apiVersion, kind, object, seen] of cases) {
    test(`${kind} ${JSON.stringify(object)}`, () => {
      const before = structuredClone(object);
      assert.equal(written(apiVersion, kind, object), seen);
      assert.deepEqual(object, before);
    });
  }

  test("of lists that are always there an empty one is null once it was stored, as in protobuf it is none", () => {
    const role = {
      metadata: {},
      rules: [] as object[],
      aggregationRule: { clusterRoleSelectors: [] },
    };
    const gvk = kindOf("rbac.authorization.k8s.io/v1", "ClusterRole");
    const seen = (form: "made" | "stored"): string => JSON.stringify(zeros.written(role, gvk, form));
    assert.equal(seen("made"), '{"metadata":{},"rules":[],"aggregationRule":{"clusterRoleSelectors":[]}}');
    assert.equal(
      seen("stored"),
      '{"metadata":{},"rules":null,"aggregationRule":{"clusterRoleSelectors":[]}}',
    );
    const inner = { rules: [{ verbs: [] }] } as unknown as AnyObject;
    const stored = zeros.written(inner, gvk, "stored");
    assert.equal(JSON.stringify(stored), '{"metadata":{},"rules":[{"verbs":null}]}');
    zeros.of(gvk)?.plain(stored);
    assert.deepEqual(stored, inner);
  });

  test("where nothing is missing it is the same object; custom resources have no structs", () => {
    const map: AnyObject = { kind: "ConfigMap", apiVersion: "v1", metadata: {}, data: { a: "b" } };
    assert.equal(zeros.written(map, kindOf("v1", "ConfigMap")), map);
    assert.equal(zeros.of(kindOf("example.com/v1", "Widget")), undefined);
  });

  for (const { group, version, kind, struct } of scheme.all()) {
    test(`${group}/${version} ${kind}: taken out again it is what it was; read again it is written alike`, () => {
      fc.assert(
        fc.property(arbitraries.of(struct, 4), (value) => {
          const { object } = decoder.decode(JSON.stringify(value), struct);
          const own = zeros.of({ group, version, kind });
          const seen = JSON.stringify(own?.written(object));
          const back = parseExact(seen) as AnyObject;
          own?.plain(back);
          assert.deepEqual(back, object);
          const again = decoder.decode(seen, struct).object;
          assert.equal(JSON.stringify(own?.written(again)), seen);
        }),
        { numRuns: 20, seed: 5 },
      );
    });
  }
});
