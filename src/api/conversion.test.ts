import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { parseExact } from "#base/exact-json.ts";
import { JsonDecoder } from "./codec/json.ts";
import { Arbitraries } from "./codec/testing/arbitrary.ts";
import { convert } from "./conversion.ts";
import type { AnyObject, GroupVersionKind } from "./meta/object.ts";
import { createTypeTable } from "./schema/table.ts";

const autoscaler = (version: string): GroupVersionKind => ({
  group: "autoscaling",
  version,
  kind: "HorizontalPodAutoscaler",
});
const coreEvent = { group: "", version: "v1", kind: "Event" };
const newEvent = { group: "events.k8s.io", version: "v1", kind: "Event" };

const toV1 = (object: AnyObject): AnyObject => convert(object, autoscaler("v2"), autoscaler("v1"));
const toV2 = (object: AnyObject): AnyObject => convert(object, autoscaler("v1"), autoscaler("v2"));

const scaleTargetRef = { kind: "Deployment", name: "web", apiVersion: "apps/v1" };
const cpu = (averageUtilization: number): unknown => ({
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization } },
});
const memory = {
  type: "Resource",
  resource: { name: "memory", target: { type: "AverageValue", averageValue: "1Gi" } },
};
const head = { kind: "HorizontalPodAutoscaler", apiVersion: "autoscaling/v2" };

suite("HorizontalPodAutoscaler", () => {
  test("a CPU target is v1's own field", () => {
    const v2 = {
      ...head,
      metadata: { name: "a" },
      spec: { scaleTargetRef, maxReplicas: 3, metrics: [cpu(50)] },
    };
    const v1 = toV1(v2);
    assert.deepEqual(v1, {
      kind: head.kind,
      apiVersion: "autoscaling/v1",
      metadata: { name: "a" },
      spec: { scaleTargetRef, maxReplicas: 3, targetCPUUtilizationPercentage: 50 },
    });
    assert.deepEqual(toV2(v1), v2);
  });

  test("no target is a CPU target of 80 %", () => {
    const v1 = {
      kind: head.kind,
      apiVersion: "autoscaling/v1",
      metadata: { name: "a" },
      spec: { scaleTargetRef, maxReplicas: 3 },
    };
    assert.deepEqual(toV2(v1)["spec"], { scaleTargetRef, maxReplicas: 3, metrics: [cpu(80)] });
  });

  test("other metrics, behavior and conditions travel in annotations, as upstream writes them", () => {
    const behavior = {
      scaleUp: {
        stabilizationWindowSeconds: 0,
        selectPolicy: "Max",
        policies: [{ type: "Pods", value: 4, periodSeconds: 15 }],
      },
    };
    const conditions = [{ type: "AbleToScale", status: "True", reason: "ReadyForNewScale" }];
    const v2 = {
      ...head,
      metadata: { name: "a", annotations: { mine: "x" } },
      spec: { scaleTargetRef, maxReplicas: 3, metrics: [memory, cpu(50)], behavior },
      status: { currentReplicas: 1, desiredReplicas: 2, conditions },
    };
    const v1 = toV1(v2);
    assert.deepEqual(v1.metadata?.annotations, {
      mine: "x",
      "autoscaling.alpha.kubernetes.io/metrics":
        '[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}}]',
      "autoscaling.alpha.kubernetes.io/conditions": JSON.stringify(conditions),
      "autoscaling.alpha.kubernetes.io/behavior":
        '{"ScaleUp":{"StabilizationWindowSeconds":0,"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15}],"Tolerance":null},"ScaleDown":null}',
    });
    assert.deepEqual(toV2(v1), v2);
  });

  test("an annotation that isn't JSON counts as none", () => {
    const annotations = {
      "autoscaling.alpha.kubernetes.io/metrics": "{",
      "autoscaling.alpha.kubernetes.io/behavior": "[]",
    };
    const v1 = {
      ...head,
      apiVersion: "autoscaling/v1",
      metadata: { name: "a", annotations },
      spec: { scaleTargetRef, maxReplicas: 1 },
    };
    assert.deepEqual(toV2(v1), {
      ...head,
      metadata: { name: "a" },
      spec: { scaleTargetRef, maxReplicas: 1, metrics: [cpu(80)] },
    });
  });

  const odd = (metrics: string, behavior: string): AnyObject =>
    toV2({
      ...head,
      apiVersion: "autoscaling/v1",
      metadata: {
        name: "a",
        annotations: {
          "autoscaling.alpha.kubernetes.io/metrics": metrics,
          "autoscaling.alpha.kubernetes.io/behavior": behavior,
        },
      },
      spec: { scaleTargetRef, maxReplicas: 1 },
    });

  test("one of another type counts as none, too", () => {
    assert.deepEqual(odd('[{"type":5}]', '{"ScaleUp":{"Policies":5}}')["spec"], {
      scaleTargetRef,
      maxReplicas: 1,
      metrics: [cpu(80)],
    });
  });

  test("null in a list is an empty item, for validation to refuse", () => {
    assert.deepEqual(odd("[null]", '{"ScaleUp":{"Policies":[null]}}')["spec"], {
      scaleTargetRef,
      maxReplicas: 1,
      metrics: [{}],
      behavior: { scaleUp: { policies: [{}] } },
    });
  });

  const kinds: readonly unknown[] = [
    {
      type: "Object",
      object: {
        describedObject: scaleTargetRef,
        metric: { name: "m" },
        target: { type: "Value", value: "5" },
      },
    },
    {
      type: "Object",
      object: {
        describedObject: scaleTargetRef,
        metric: { name: "m" },
        target: { type: "AverageValue", averageValue: "5" },
      },
    },
    {
      type: "Pods",
      pods: {
        metric: { name: "m", selector: { matchLabels: { a: "b" } } },
        target: { type: "AverageValue", averageValue: "1" },
      },
    },
    {
      type: "ContainerResource",
      containerResource: {
        name: "cpu",
        container: "c",
        target: { type: "Utilization", averageUtilization: 5 },
      },
    },
    { type: "External", external: { metric: { name: "m" }, target: { type: "Value", value: "7" } } },
  ];
  for (const [index, metric] of kinds.entries()) {
    test(`metric ${index} comes back from v1 as it was`, () => {
      const v2 = { ...head, metadata: {}, spec: { scaleTargetRef, maxReplicas: 3, metrics: [metric] } };
      assert.deepEqual(toV2(toV1(v2)), v2);
    });
  }

  test("v1 and back keeps every v1 object", () => {
    const table = createTypeTable();
    const decoder = new JsonDecoder(table);
    const struct = "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler";
    fc.assert(
      fc.property(new Arbitraries(table).of(struct, 4), (value) => {
        // A CPU status is kept in an annotation, too: upstream does so, and it stays.
        const { object } = decoder.fromValue(
          {
            ...value,
            spec: { ...(value["spec"] as object | undefined), minReplicas: 2 },
            status: undefined,
            apiVersion: "autoscaling/v1",
            kind: head.kind,
          },
          struct,
        );
        const back = decoder.fromValue(toV1(toV2(object)), struct).object;
        const spec = { targetCPUUtilizationPercentage: 80, ...(object["spec"] as object) };
        assert.deepEqual(back, { ...object, spec });
      }),
      { numRuns: 50, seed: 3 },
    );
  });
});

suite("Event", () => {
  const event = {
    kind: "Event",
    apiVersion: "v1",
    metadata: { name: "a.1", namespace: "default" },
    involvedObject: { kind: "Pod", name: "a" },
    reason: "Started",
    message: "Started container",
    source: { component: "kubelet", host: "n1" },
    firstTimestamp: "2025-01-01T00:00:00Z",
    lastTimestamp: "2025-01-01T00:00:01Z",
    count: 2,
    type: "Normal",
    reportingComponent: "kubelet",
    reportingInstance: "n1",
  };

  test("fields take their newer names, and their old ones back", () => {
    const newer = convert(event, coreEvent, newEvent);
    assert.equal(newer.apiVersion, "events.k8s.io/v1");
    assert.equal(newer["note"], "Started container");
    assert.equal(newer["deprecatedCount"], 2);
    assert.deepEqual(newer["regarding"], event.involvedObject);
    assert.equal(newer["reportingController"], "kubelet");
    assert.deepEqual(convert(newer, newEvent, coreEvent), event);
  });
});

test("the same version is the same object", () => {
  const object = { kind: "Event", apiVersion: "v1" };
  assert.equal(convert(object, coreEvent, coreEvent), object);
});

test("what nobody knows to convert is an error", () => {
  assert.throws(() => convert({}, coreEvent, autoscaler("v2")), { name: "TypeError" });
});

suite("dynamic resource allocation", () => {
  const table = createTypeTable();
  const decoder = new JsonDecoder(table);
  for (const kind of ["DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"]) {
    test(`${kind} of v1beta1 keeps everything on its way through v1`, () => {
      const [early, stable] = ["v1beta1", "v1"].map((version) => ({
        group: "resource.k8s.io",
        version,
        kind,
      }));
      assert.ok(early !== undefined && stable !== undefined);
      const there = (object: AnyObject): AnyObject => {
        const read = decoder.fromValue(convert(object, early, stable), `io.k8s.api.resource.v1.${kind}`);
        assert.deepEqual(read.strictFaults, []);
        return read.object;
      };
      const back = (object: AnyObject): AnyObject => convert(there(object), stable, early);
      const struct = `io.k8s.api.resource.v1beta1.${kind}`;
      fc.assert(
        fc.property(new Arbitraries(table).of(struct, 6), (value) => {
          const given = { ...value, apiVersion: "resource.k8s.io/v1beta1", kind };
          const { object } = decoder.fromValue(given, struct);
          // What a device is stands in `basic` from then on, also if that is nothing.
          const once = back(object);
          assert.deepEqual(back(once), once);
          assert.deepEqual(decoder.fromValue(parseExact(JSON.stringify(once)), struct).strictFaults, []);
        }),
        { numRuns: 50, seed: 5 },
      );
    });
  }
  test("each part finds its new place", () => {
    const apiVersion = "resource.k8s.io/v1beta1";
    const slice = {
      apiVersion,
      kind: "ResourceSlice",
      spec: { devices: [{ name: "a", basic: { allNodes: true } }] },
    };
    const gvk = (version: string): GroupVersionKind => ({
      group: "resource.k8s.io",
      version,
      kind: slice.kind,
    });
    const spec = { devices: [{ name: "a", allNodes: true }] };
    assert.deepEqual(convert(slice, gvk("v1beta1"), gvk("v1"))["spec"], spec);
    // As who manages fields in the one version asks of what was applied in the other.
    const between = convert(slice, gvk("v1beta1"), gvk("v1beta2"));
    assert.deepEqual(between, { apiVersion: "resource.k8s.io/v1beta2", kind: slice.kind, spec });
    assert.deepEqual(convert(between, gvk("v1beta2"), gvk("v1beta1")), slice);
  });
});
