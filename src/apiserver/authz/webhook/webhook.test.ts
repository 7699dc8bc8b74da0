import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Registry } from "prom-client";
import { ManualClock, settle } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { KubeconfigHookError } from "#apiserver/connect/kubeconfig-hook.ts";
import { AuthorizerMetrics } from "#apiserver/metrics/authorizer-metrics.ts";
import type { Attributes, Decision } from "../authorizer.ts";
import { WebhookAuthorizer, type WebhookAuthorizerOptions } from "./authorizer.ts";
import { reviewSpec } from "./review.ts";

const asked: Attributes = {
  user: { name: "jane", uid: "1", groups: ["devs"], extra: { a: ["b"] } },
  verb: "list",
  isResourceRequest: true,
  path: "/api/v1/namespaces/n/pods",
  group: "",
  version: "v1",
  resource: "pods",
  subresource: "",
  namespace: "n",
  name: "",
};

interface World {
  readonly bodies: unknown[];
  readonly clock: ManualClock;
  readonly registry: Registry;
  readonly ask: (more?: Partial<Attributes>) => Promise<Decision>;
}

function world(answer: () => unknown, more: Partial<WebhookAuthorizerOptions> = {}): World {
  const bodies: unknown[] = [];
  const clock = new ManualClock();
  const options: WebhookAuthorizerOptions = {
    name: "w",
    version: "v1",
    timeoutMs: 30_000,
    authorizedMs: 300_000,
    unauthorizedMs: 30_000,
    failurePolicy: "NoOpinion",
    ...more,
  };
  const hook = {
    // What it throws is a rejection.
    post: async (body: unknown): Promise<unknown> => {
      bodies.push(body);
      return Promise.resolve(answer());
    },
  };
  const random = new SeededRandom(1);
  const registry = new Registry();
  const metrics = new AuthorizerMetrics(registry);
  const authorizer = new WebhookAuthorizer(options, { hook, clock, random, log: silentLogger, metrics });
  return {
    bodies,
    clock,
    registry,
    ask: async (attributes) => authorizer.authorize({ ...asked, ...attributes }),
  };
}

const review = (status: unknown, version = "v1"): unknown => ({
  kind: "SubjectAccessReview",
  apiVersion: `authorization.k8s.io/${version}`,
  status,
});

const refused = (mayPass: boolean): never => {
  throw new KubeconfigHookError("down", { mayPass });
};

suite("a webhook authorizer", () => {
  test("counts how it is answered, and what it leaves to the next one", async () => {
    const answers = [
      (): unknown => review({ allowed: true }),
      (): never => {
        throw new KubeconfigHookError("late", { isLate: true });
      },
      (): never => refused(false),
    ];
    const { ask, registry } = world(() => answers.shift()?.());
    for (const name of ["a", "b", "c"]) await ask({ name });
    const text = await registry.metrics();
    for (const result of ["success", "timeout", "error"]) {
      assert.match(text, new RegExp(`_webhook_evaluations_total\\{name="w",result="${result}"\\} 1\n`));
      assert.match(text, new RegExp(`_webhook_duration_seconds_count\\{name="w",result="${result}"\\} 1\n`));
      const open = new RegExp(`_webhook_evaluations_fail_open_total\\{name="w",result="${result}"\\} 1\n`);
      assert.equal(open.test(text), result !== "success", result);
    }
  });

  test("sends a review of version v1", async () => {
    const { bodies, ask } = world(() => review({ allowed: true, reason: "because" }));
    assert.deepEqual(await ask(), { allowed: true, denied: false, reason: "because" });
    assert.deepEqual(bodies, [
      {
        kind: "SubjectAccessReview",
        apiVersion: "authorization.k8s.io/v1",
        metadata: {},
        spec: {
          resourceAttributes: { namespace: "n", verb: "list", version: "v1", resource: "pods" },
          user: "jane",
          groups: ["devs"],
          extra: { a: ["b"] },
          uid: "1",
        },
        status: { allowed: false },
      },
    ]);
  });

  test("sends a review of version v1beta1, where groups are called group", async () => {
    const { bodies, ask } = world(() => review({ allowed: false }, "v1beta1"), { version: "v1beta1" });
    const user = { name: "jane", groups: ["devs"] };
    assert.deepEqual(await ask({ user, isResourceRequest: false, verb: "get", path: "/metrics" }), {
      allowed: false,
      denied: false,
      reason: "",
    });
    assert.deepEqual((bodies[0] as { spec: unknown }).spec, {
      nonResourceAttributes: { path: "/metrics", verb: "get" },
      user: "jane",
      group: ["devs"],
    });
  });

  for (const [status, want] of [
    [{ allowed: true }, { allowed: true, denied: false, reason: "" }],
    [
      { allowed: false, denied: true, reason: "no" },
      { allowed: false, denied: true, reason: "no" },
    ],
    [
      { allowed: false, reason: "unsure" },
      { allowed: false, denied: false, reason: "unsure" },
    ],
    [
      { allowed: true, denied: true },
      {
        allowed: false,
        denied: true,
        reason: "",
        error: "webhook subject access review returned both allow and deny response",
      },
    ],
    [undefined, { allowed: false, denied: false, reason: "" }],
  ] as const) {
    test(`takes ${JSON.stringify(status)} for what it is`, async () => {
      assert.deepEqual(await world(() => review(status)).ask(), want);
    });
  }

  test("remembers what is allowed longer than what isn't", async () => {
    let allowed = true;
    const { bodies, clock, ask } = world(() => review({ allowed }));
    await ask();
    await ask();
    await clock.advance(299_999);
    await ask();
    assert.equal(bodies.length, 1);
    await clock.advance(1);
    allowed = false;
    await ask();
    await clock.advance(29_999);
    await ask();
    assert.equal(bodies.length, 2);
    await clock.advance(1);
    await ask();
    assert.equal(bodies.length, 3);
    await ask({ verb: "get" });
    await ask({ labelSelector: "a=b" });
    assert.equal(bodies.length, 5);
  });

  test("remembers nothing that is very long, or when told not to", async () => {
    const { bodies, ask } = world(() => review({ allowed: true }));
    const name = "x".repeat(10_000);
    await ask({ name });
    await ask({ name });
    assert.equal(bodies.length, 2);
    const forgetful = world(() => review({ allowed: true }), { authorizedMs: 0 });
    await forgetful.ask();
    await forgetful.ask();
    assert.equal(forgetful.bodies.length, 2);
  });

  for (const [failurePolicy, denied] of [
    ["NoOpinion", false],
    ["Deny", true],
  ] as const) {
    test(`that can't be asked: ${failurePolicy}`, async () => {
      const { bodies, ask } = world(() => refused(false), { failurePolicy });
      const want = { allowed: false, denied, reason: "", error: "down" };
      assert.deepEqual(await ask(), want);
      assert.deepEqual(await ask(), want);
      assert.equal(bodies.length, 2);
    });
  }

  test("is asked again, at most five times, when a failure may pass", async () => {
    let failures = 2;
    const { bodies, clock, ask } = world(() => (failures-- > 0 ? refused(true) : review({ allowed: true })));
    const first = ask();
    await settle();
    await clock.advance(10_000);
    assert.equal((await first).allowed, true);
    assert.equal(bodies.length, 3);
    failures = 100;
    const second = ask({ verb: "get" });
    await settle();
    await clock.advance(60_000);
    assert.equal((await second).error, "down");
    assert.equal(bodies.length, 8);
  });

  for (const answer of [
    undefined,
    { kind: "Status", apiVersion: "v1" },
    review({ allowed: true }, "v1beta1"),
  ]) {
    test(`that answers something else allows nothing: ${JSON.stringify(answer)}`, async () => {
      const { allowed, error } = await world(() => answer).ask();
      assert.equal(allowed, false);
      assert.match(error ?? "", /must be SubjectAccessReview of authorization.k8s.io\/v1$/);
    });
  }
});

test("selectors are told by their requirements; what can't be told is left out", () => {
  const spec = reviewSpec({
    ...asked,
    fieldSelector: "a=b,c!=d",
    labelSelector: "x=1,y notin (2,3),!z,w,v>4",
  });
  assert.deepEqual(spec.resourceAttributes?.fieldSelector, {
    requirements: [
      { key: "a", operator: "In", values: ["b"] },
      { key: "c", operator: "NotIn", values: ["d"] },
    ],
  });
  assert.deepEqual(spec.resourceAttributes.labelSelector, {
    requirements: [
      { key: "w", operator: "Exists" },
      { key: "x", operator: "In", values: ["1"] },
      { key: "y", operator: "NotIn", values: ["2", "3"] },
      { key: "z", operator: "DoesNotExist" },
    ],
  });
  const none = reviewSpec({ ...asked, fieldSelector: "a", labelSelector: "((" });
  assert.deepEqual(none.resourceAttributes, {
    namespace: "n",
    verb: "list",
    version: "v1",
    resource: "pods",
  });
});
