import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ManualClock } from "#base/clock.ts";
import { KubeconfigHookError } from "#apiserver/connect/kubeconfig-hook.ts";
import { WebhookTokenAuthenticator } from "./webhook-token.ts";

interface World {
  readonly asked: unknown[];
  readonly clock: ManualClock;
  readonly authenticator: WebhookTokenAuthenticator;
}

function world(status: () => unknown): World {
  const asked: unknown[] = [];
  const clock = new ManualClock();
  const hook = {
    post: (body: unknown): Promise<unknown> => {
      asked.push(body);
      return Promise.resolve({ status: status() });
    },
  };
  const options = { apiAudiences: ["api"], version: "v1", cacheMs: 120_000 } as const;
  return { asked, clock, authenticator: new WebhookTokenAuthenticator(options, { hook, clock }) };
}

suite("tokens that another server judges", () => {
  test("name users; an answer holds for a while", async () => {
    const user = { username: "jane", uid: "1", groups: ["devs"], extra: { a: ["b"] } };
    const { asked, clock, authenticator } = world(() => ({ authenticated: true, user }));
    const want = {
      user: { name: "jane", uid: "1", groups: ["devs"], extra: { a: ["b"] } },
      audiences: ["api"],
    };
    assert.deepEqual(await authenticator.authenticateToken("t", ["api"]), want);
    assert.deepEqual(await authenticator.authenticateToken("t", ["api"]), want);
    assert.deepEqual(asked, [
      {
        kind: "TokenReview",
        apiVersion: "authentication.k8s.io/v1",
        spec: { token: "t", audiences: ["api"] },
      },
    ]);
    await clock.advance(120_000);
    await authenticator.authenticateToken("t", ["api"]);
    assert.equal(asked.length, 2);
  });

  for (const [what, status] of [
    ["unknown", { authenticated: false }],
    ["meant for others", { authenticated: true, user: { username: "a" }, audiences: ["other"] }],
  ] as const) {
    test(`that are ${what} name nobody`, async () => {
      const { authenticator } = world(() => status);
      assert.equal(await authenticator.authenticateToken("t", ["api"]), undefined);
    });
  }

  test("that it says are bad are refused, and asked about again", async () => {
    const { asked, authenticator } = world(() => ({ authenticated: false, error: "it is bad" }));
    for (let i = 0; i < 2; i++) {
      await assert.rejects(authenticator.authenticateToken("t", ["api"]), {
        name: "TokenError",
        message: "it is bad",
      });
    }
    assert.equal(asked.length, 2);
  });

  test("are refused while it can't be asked", async () => {
    const { authenticator } = world(() => {
      throw new KubeconfigHookError("https://x", "connection refused");
    });
    await assert.rejects(authenticator.authenticateToken("t", ["api"]), {
      name: "TokenError",
      message: 'Post "https://x": connection refused',
    });
  });
});
