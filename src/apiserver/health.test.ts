/** The health checks, over HTTP as probes and `kubectl get --raw` ask. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ManualClock } from "#base/clock.ts";
import { openDoor } from "#testing/door-client.ts";
import { health, type HealthCheck } from "./health.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import { StartSteps } from "./start-steps.ts";

const { h2, close } = await openDoor();
after(close);

const linesOf = async (path: string): Promise<string[]> =>
  (await h2("GET", path)).body.toString().trimEnd().split("\n");

test("the checks have upstream's names and order; some count for readiness only", async () => {
  const ready = await linesOf("/readyz?verbose");
  assert.deepEqual(ready.slice(0, 5), [
    "[+]ping ok",
    "[+]log ok",
    "[+]etcd ok",
    "[+]etcd-readiness ok",
    "[+]informer-sync ok",
  ]);
  assert.deepEqual(ready.slice(-2), ["[+]shutdown ok", "readyz check passed"]);
  const onlyReady = ["etcd-readiness", "informer-sync", "etcd-writes", "shutdown"];
  const live = ready.filter((line) => !onlyReady.some((name) => line === `[+]${name} ok`));
  assert.deepEqual(await linesOf("/livez?verbose"), [...live.slice(0, -1), "livez check passed"]);
  assert.deepEqual(await linesOf("/healthz?verbose"), [...live.slice(0, -1), "healthz check passed"]);
  assert.ok(live.includes("[+]poststarthook/scheduling/bootstrap-system-priority-classes ok"));
  assert.ok(live.includes("[+]autoregister-completion ok"));
  const trusted = live.indexOf("[+]poststarthook/start-cluster-authentication-info-controller ok");
  assert.deepEqual(live.slice(trusted + 1, trusted + 4), [
    "[+]poststarthook/start-kube-apiserver-identity-lease-controller ok",
    "[+]poststarthook/start-kube-apiserver-identity-lease-garbage-collector ok",
    "[+]poststarthook/start-legacy-token-tracking-controller ok",
  ]);
  const at = live.indexOf("[+]poststarthook/bootstrap-controller ok");
  assert.deepEqual(live.slice(at + 1, at + 4), [
    "[+]poststarthook/start-kubernetes-service-cidr-controller ok",
    "[+]poststarthook/aggregator-reload-proxy-client-cert ok",
    "[+]poststarthook/start-kube-aggregator-informers ok",
  ]);
});

test("what is excluded says so in its place, and what can't be is named", async () => {
  const lines = await linesOf("/livez?verbose&exclude=etcd&exclude=b&exclude=a,c");
  assert.equal(lines[2], "[+]etcd excluded: ok");
  assert.equal(lines.at(-2), 'warn: some health checks cannot be excluded: no matches for "a,c","b"');
});

const stepNames = (hasIdentityLease: boolean, isFair = true): string[] =>
  new StartSteps({ livezGraceMs: 0, hasIdentityLease, isFair }, new ManualClock()).checks.map(
    ({ name }) => name,
  );

test("a server without priority and fairness has the check of what stands in for it; the objects are made all the same", () => {
  const [fair, without] = [stepNames(true), stepNames(true, false)];
  const hook = "poststarthook/";
  assert.deepEqual(
    fair.filter((name) => !without.includes(name)),
    [`${hook}priority-and-fairness-config-consumer`, `${hook}priority-and-fairness-filter`],
  );
  assert.deepEqual(
    without.filter((name) => !fair.includes(name)),
    [`${hook}max-in-flight-filter`],
  );
  assert.ok(without.includes(`${hook}priority-and-fairness-config-producer`));
});

test("a server that doesn't tell of itself in a Lease has no check of that", () => {
  const without = stepNames(false);
  assert.deepEqual(
    stepNames(true).filter((name) => !without.includes(name)),
    [
      "poststarthook/start-kube-apiserver-identity-lease-controller",
      "poststarthook/start-kube-apiserver-identity-lease-garbage-collector",
    ],
  );
});

const ill: HealthCheck = { name: "ill", isReadinessOnly: false, check: () => "out of order" };
const get = (path: string): Parameters<typeof health>[0] => ({ path, query: new URLSearchParams() });
const quiet = { onFailure: () => undefined, onResult: () => undefined };

test("a failure withholds its reason, except from who asks for that check", async () => {
  const root = await health(get("/livez"), [ill], quiet);
  assert.deepEqual(
    [root?.kind === "raw" && root.status, root?.kind === "raw" && root.body],
    [500, "[-]ill failed: reason withheld\nlivez check failed\n"],
  );
  const one = await health(get("/livez/ill"), [ill], quiet);
  assert.equal(one?.kind === "raw" && one.body, "internal server error: out of order\n");
});

test("a step of the start isn't done before it is, though a server may be alive without for a while", async () => {
  const clock = new ManualClock();
  const steps = new StartSteps({ livezGraceMs: 5000, hasIdentityLease: true, isFair: true }, clock);
  const failing = (): string[] =>
    steps.checks.filter((check) => check.check() !== undefined).map(({ name }) => name);
  assert.equal(failing().length, steps.checks.length);
  const secret = { group: "", version: "v1", resource: "secrets", kind: "Secret", namespaced: true };
  const pod = { ...secret, resource: "pods", kind: "Pod" };
  let unsynced: readonly ResourceRef[] = [secret, pod];
  const sync = steps.informerSync(() => unsynced);
  assert.equal(await sync.check(), "2 informers not started yet: [*v1.Secret *v1.Pod]");
  const status = async (root: string): Promise<unknown> => {
    const answer = await health(get(`/${root}`), steps.checks, quiet);
    return answer?.kind === "raw" && answer.status;
  };
  assert.deepEqual([await status("livez"), await status("readyz"), await status("healthz")], [200, 500, 500]);
  await clock.advance(5000);
  assert.equal(await status("livez"), 500);
  // It goes on without those that can't be read, and isn't ready until they are there; later ones are nobody's matter.
  steps.informersBut([secret]);
  assert.equal(await sync.check(), "1 informers not started yet: [*v1.Secret]");
  unsynced = [pod];
  assert.equal(await sync.check(), undefined);
  for (const step of ["bootstrap", "claims", "servers", "authentication"] as const) {
    steps.done(step);
  }
  assert.ok(failing().length > 0 && !failing().includes("poststarthook/rbac/bootstrap-roles"));
  steps.done("controllers");
  assert.deepEqual(failing(), []);
});
