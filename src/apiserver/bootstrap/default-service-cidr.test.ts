import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import type { ServiceCIDR } from "#api/generated/types/networking-v1.ts";
import { internalError } from "#api/meta/status.ts";
import { serviceCidrs } from "#api/resources.ts";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { DefaultServiceCidr } from "./default-service-cidr.ts";

const { signal } = new AbortController();
const both = ["10.43.0.0/16", "fd00:43::/112"];

function told(...cidrs: string[]) {
  const api = new MemoryApi();
  const events: string[] = [];
  const range = new DefaultServiceCidr(cidrs, {
    client: () => api,
    clock: new ManualClock(),
    log: silentLogger,
    events: {
      event: (_about, type, reason, message) => {
        events.push(`${type} ${reason}: ${message}`);
      },
    },
  });
  const existing = (): ServiceCIDR | undefined => api.get(serviceCidrs, "kubernetes");
  const seed = (own: ServiceCIDR): void => {
    api.seed(serviceCidrs, { ...own, metadata: { name: "kubernetes", ...own.metadata } });
  };
  return { api, events, existing, seed, reconcile: () => range.reconcile(signal) };
}

const condition = (status: string): ServiceCIDR["status"] => ({
  conditions: [{ type: "Ready", status, reason: "Why", message: "so it is", lastTransitionTime: "t" }],
});

suite("the default ServiceCIDR", () => {
  test("is made, said to be ready, and left alone after", async () => {
    const { api, events, existing, reconcile } = told(...both);
    await reconcile();
    assert.deepEqual(existing()?.spec?.cidrs, both);
    assert.deepEqual(existing()?.status?.conditions, [
      {
        type: "Ready",
        status: "True",
        message: "Kubernetes default Service CIDR is ready",
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
    ]);
    const { length } = api.writes;
    await reconcile();
    assert.equal(api.writes.length, length);
    assert.deepEqual(events, []);
  });

  test("of one family gets the second, and nothing else", async () => {
    const { existing, events, seed, reconcile } = told(...both);
    seed({ spec: { cidrs: ["10.43.0.0/16"] } });
    await reconcile();
    assert.deepEqual(existing()?.spec?.cidrs, both);
    assert.deepEqual(events, []);
  });

  test("that can't get the second family says so", async () => {
    const { api, events, seed, reconcile } = told(...both);
    seed({ spec: { cidrs: ["10.43.0.0/16"] } });
    api.beforeWrite = () => {
      throw internalError("no");
    };
    await reconcile();
    assert.match(
      events.join(),
      /^Warning KubernetesDefaultServiceCIDRError: The default ServiceCIDR can not be upgraded from 10\.43\.0\.0\/16 to dual stack \[10\.43\.0\.0\/16 fd00:43::\/112\] : .*no$/,
    );
  });

  const cases: readonly [name: string, own: ServiceCIDR, event: string | undefined][] = [
    [
      "another range",
      { spec: { cidrs: ["10.44.0.0/16"] } },
      "Warning KubernetesDefaultServiceCIDRInconsistent: The default ServiceCIDR [10.44.0.0/16] does not match the controller flag configurations [10.43.0.0/16]",
    ],
    [
      "not ready",
      { spec: { cidrs: ["10.43.0.0/16"] }, status: condition("False") },
      "Warning Why: Configuration matches, but so it is",
    ],
    ["ready already", { spec: { cidrs: ["10.43.0.0/16"] }, status: condition("True") }, undefined],
    [
      "being deleted",
      {
        metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" },
        spec: { cidrs: ["10.44.0.0/16"] },
      },
      undefined,
    ],
  ];
  for (const [name, own, event] of cases) {
    test(`isn't touched: ${name}`, async () => {
      const { api, events, seed, reconcile } = told("10.43.0.0/16");
      seed(own);
      await reconcile();
      await reconcile();
      assert.deepEqual(api.writes, []);
      assert.deepEqual(events, event === undefined ? [] : [event]);
    });
  }
});
