import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ManualClock, settle } from "#base/clock.ts";
import { SeededRandom } from "#base/random.ts";
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
      const { kind, apiVersion } = body as { readonly kind: string; readonly apiVersion: string };
      return Promise.resolve({ kind, apiVersion, status: status() });
    },
  };
  const random = new SeededRandom(1);
  const options = { apiAudiences: ["api"], version: "v1", cacheMs: 120_000 } as const;
  return { asked, clock, authenticator: new WebhookTokenAuthenticator(options, { hook, clock, random }) };
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

  test("that come several times at once are asked about once", async () => {
    const { asked, authenticator } = world(() => ({ authenticated: true, user: { username: "a" } }));
    const answers = await Promise.all([1, 2, 3].map(() => authenticator.authenticateToken("t", ["api"])));
    assert.deepEqual(
      answers.map((answer) => answer?.user.name),
      ["a", "a", "a"],
    );
    assert.equal(asked.length, 1);
  });

  test("are asked about again when a failure may pass", async () => {
    let failures = 2;
    const { asked, clock, authenticator } = world(() => {
      if (failures-- > 0) throw new KubeconfigHookError("busy", { mayPass: true });
      return { authenticated: true, user: { username: "a" } };
    });
    const answer = authenticator.authenticateToken("t", ["api"]);
    await settle();
    await clock.advance(10_000);
    assert.equal((await answer)?.user.name, "a");
    assert.equal(asked.length, 3);
  });

  test("are named by nothing but the word true", async () => {
    const { authenticator } = world(() => ({ authenticated: "false", user: { username: "a" } }));
    assert.equal(await authenticator.authenticateToken("t", ["api"]), undefined);
  });

  test("are refused while it can't be asked", async () => {
    const { authenticator } = world(() => {
      throw new KubeconfigHookError("connection refused");
    });
    await assert.rejects(authenticator.authenticateToken("t", ["api"]), {
      name: "TokenError",
      message: "connection refused",
    });
  });
});
