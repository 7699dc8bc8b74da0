import assert from "node:assert/strict";
import { test } from "node:test";
import { errorText } from "#base/log.ts";
import { dockerAddress, dockerError } from "./api.ts";
import { cgroupParent, resourcesSpec } from "./spec.ts";
import { nanosOf } from "./times.ts";

const parents: readonly [string, string, string][] = [
  ["/kubepods/burstable/pod1-2", "/kubepods/burstable/pod1-2", "kubepods-burstable-pod1_2.slice"],
  ["/kubepods/podx", "/kubepods/podx", "kubepods-podx.slice"],
  ["/", "/", ""],
];
for (const [path, plain, slice] of parents) {
  test(`cgroupParent: ${path}`, () => {
    assert.equal(cgroupParent(path, { hasSystemdCgroups: false }), plain);
    assert.equal(cgroupParent(path, { hasSystemdCgroups: true }), slice);
  });
}

test("resourcesSpec: zero leaves a value alone", () => {
  const none = { cpuPeriod: 0, cpuQuota: 0, cpuShares: 0, memoryLimit: 0, oomScoreAdj: 0 };
  assert.deepEqual(resourcesSpec(none), {});
  assert.deepEqual(resourcesSpec({ ...none, memoryLimit: 7, cpuQuota: -1 }), {
    Memory: 7,
    MemorySwap: 7,
    CpuQuota: -1,
  });
});

test("nanosOf: Docker's times, and its never", () => {
  assert.equal(nanosOf("2026-01-01T00:00:00.123456789Z"), 1_767_225_600_123_456_789n);
  assert.equal(nanosOf("2026-01-01T00:00:00Z"), 1_767_225_600_000_000_000n);
  assert.equal(nanosOf("0001-01-01T00:00:00Z"), 0n);
});

test("dockerAddress: sockets and ports", () => {
  assert.deepEqual(dockerAddress("unix:///var/run/docker.sock"), { socketPath: "/var/run/docker.sock" });
  assert.deepEqual(dockerAddress("tcp://10.0.0.1"), { protocol: "http", host: "10.0.0.1", port: 2375 });
  assert.throws(() => dockerAddress("ftp://x"), { code: "invalid" });
});

const answers: readonly [object, string][] = [
  [{ statusCode: 404 }, "not-found"],
  [{ statusCode: 409 }, "already-exists"],
  [{ statusCode: 500 }, "unknown"],
  [{ code: "ECONNREFUSED" }, "unavailable"],
];
for (const [properties, code] of answers) {
  test(`dockerError: ${JSON.stringify(properties)} is ${code}`, () => {
    assert.equal(dockerError(Object.assign(new Error("x"), properties)).code, code);
  });
}

test("dockerError says what the daemon said, once", () => {
  const properties = { statusCode: 400, json: { message: "no such file" } };
  const error = dockerError(
    Object.assign(new Error("(HTTP code 400) unexpected - no such file "), properties),
  );
  assert.equal(errorText(error), "no such file");
});
