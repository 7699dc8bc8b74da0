import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "#api/generated/types/core-v1.ts";
import type { EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import { passed, verdictBySurroundings, withVerdict } from "./availability-plan.ts";

const remote = { namespace: "foo", name: "bar", port: 443 };
const service = (port: number, type = "ClusterIP"): Service => ({
  spec: { type, ports: [{ port, name: "web" }] },
});
const slice = (name: string, ready: boolean): EndpointSlice => ({
  addressType: "IPv4",
  endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready } }],
  ports: [{ name, port: 6443 }],
});

const cases: readonly (readonly [Service | undefined, readonly EndpointSlice[], string | undefined])[] = [
  [undefined, [], 'ServiceNotFound: service/bar in "foo" is not present'],
  [service(80), [], 'ServicePortError: service/bar in "foo" is not listening on port 443'],
  [service(443), [], 'EndpointsNotFound: cannot find endpointslices for service/bar in "foo"'],
  [
    service(443),
    [slice("web", false)],
    'MissingEndpoints: endpointslices for service/bar in "foo" have no addresses with port name "web"',
  ],
  [
    service(443),
    [slice("other", true)],
    'MissingEndpoints: endpointslices for service/bar in "foo" have no addresses with port name "web"',
  ],
  [service(443), [slice("other", true), slice("web", true)], undefined],
  [service(80, "ExternalName"), [], undefined],
];

for (const [index, [found, slices, want]] of cases.entries()) {
  test(`a remote API service and its surroundings (${index})`, () => {
    const verdict = verdictBySurroundings(remote, { service: found, slices });
    assert.equal(verdict === undefined ? undefined : `${verdict.reason}: ${verdict.message}`, want);
  });
}

test("the time of a condition is that of its status' last change", () => {
  const first = withVerdict({}, passed, "2026-01-01T00:00:00Z") ?? assert.fail();
  assert.equal(withVerdict(first, passed, "2026-01-02T00:00:00Z"), undefined);
  const failed = { status: "False", reason: "ServiceNotFound", message: "m" } as const;
  const second = withVerdict(first, failed, "2026-01-03T00:00:00Z") ?? assert.fail();
  assert.equal(second.status?.conditions?.[0]?.lastTransitionTime, "2026-01-03T00:00:00Z");
  const third = withVerdict(second, { ...failed, message: "n" }, "2026-01-04T00:00:00Z");
  assert.equal(third?.status?.conditions?.[0]?.lastTransitionTime, "2026-01-03T00:00:00Z");
});
