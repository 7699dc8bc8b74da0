import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { legacyClaims } from "#api/core/legacy-token.ts";
import type { Secret, ServiceAccount } from "#api/generated/types/core-v1.ts";
import { Registry } from "prom-client";
import { AccountTokenMetrics } from "#apiserver/metrics/account-token-metrics.ts";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { generateSigningKeyPem, parseSigningKey, signJwt } from "#pki/jwt.ts";
import type { TokenAnswer } from "../bearer-token.ts";
import { LegacyTokenAuthenticator } from "./legacy.ts";

const key = parseSigningKey(generateSigningKeyPem());
const claims = legacyClaims({ namespace: "n", secretName: "s", accountName: "robot", accountUid: "1" });
const token = await signJwt(claims, key);

interface World {
  readonly labelled: unknown[];
  readonly clock: ManualClock;
  secret: Secret | undefined;
  account: ServiceAccount | undefined;
  readonly ask: (asked?: string) => Promise<TokenAnswer | undefined>;
  readonly metrics: AccountTokenMetrics;
}

function world(looksUp = true): World {
  const labelled: unknown[] = [];
  const clock = new ManualClock(Date.UTC(2026, 0, 1, 12));
  const metrics = new AccountTokenMetrics(new Registry());
  const authenticator = new LegacyTokenAuthenticator(
    { apiAudiences: ["api"], looksUp },
    {
      keys: [key],
      metrics,
      clock,
      log: silentLogger,
      objects: {
        secret: () => Promise.resolve(made.secret),
        serviceAccount: () => Promise.resolve(made.account),
      },
      label: (_secret, labels) => {
        labelled.push(labels);
        return Promise.resolve();
      },
    },
  );
  const made: World = {
    labelled,
    clock,
    metrics,
    secret: {
      metadata: { name: "s", namespace: "n" },
      data: { token: Buffer.from(token).toString("base64") },
    },
    account: { metadata: { name: "robot", namespace: "n", uid: "1" } },
    ask: (asked = token) => authenticator.authenticateToken(asked, ["api"]),
  };
  return made;
}

suite("tokens that are kept in secrets", () => {
  test("are counted by who made the secret, those that aren't taken any more apart", async () => {
    const made = world();
    const { legacy, legacyAuto, legacyManual, legacyInvalid } = made.metrics;
    const counts = (): number[] =>
      [legacy, legacyManual, legacyAuto, legacyInvalid].map(({ value }) => value);
    await made.ask();
    assert.deepEqual(counts(), [1, 1, 0, 0]);
    made.account = { ...made.account, secrets: [{ name: "s" }] };
    await made.ask();
    assert.deepEqual(counts(), [2, 1, 1, 0]);
    const labels = { "kubernetes.io/legacy-token-invalid-since": "2025-01-01" };
    made.secret = { ...made.secret, metadata: { labels } };
    await assert.rejects(made.ask());
    assert.deepEqual(counts(), [2, 1, 1, 1]);
  });

  test("name their accounts; the day of their use is noted", async () => {
    const made = world();
    assert.deepEqual(await made.ask(), {
      user: {
        name: "system:serviceaccount:n:robot",
        uid: "1",
        groups: ["system:serviceaccounts", "system:serviceaccounts:n"],
      },
      audiences: ["api"],
    });
    assert.deepEqual(made.labelled, [{ "kubernetes.io/legacy-token-last-used": "2026-01-01" }]);
    for (const day of ["2026-01-01", "2026-01-02"]) {
      made.secret = {
        ...made.secret,
        metadata: { labels: { "kubernetes.io/legacy-token-last-used": day } },
      };
      await made.ask();
    }
    assert.equal(made.labelled.length, 1);
  });

  test("of other issuers are somebody else's", async () => {
    const other = await signJwt({ ...claims, iss: "https://other" }, key);
    assert.equal(await world().ask(other), undefined);
  });

  const cases: readonly (readonly [string, (made: World) => void, RegExp])[] = [
    ["their secret is gone", (made) => (made.secret = undefined), /^Token has been invalidated$/],
    [
      "their secret holds another",
      (made) => (made.secret = { ...made.secret, data: { token: "eA==" } }),
      /^Token does not match server's copy$/,
    ],
    [
      "their account is gone",
      (made) => (made.account = undefined),
      /^ServiceAccount n\/robot has been deleted$/,
    ],
    [
      "their account is another",
      (made) => (made.account = { metadata: { uid: "2" } }),
      /^ServiceAccount UID \(2\) does not match claim \(1\)$/,
    ],
    [
      "they were marked",
      (made) =>
        (made.secret = {
          ...made.secret,
          metadata: { labels: { "kubernetes.io/legacy-token-invalid-since": "2025-01-01" } },
        }),
      /^the token in secret n\/s for service account n\/robot has been marked invalid/,
    ],
  ];
  for (const [what, change, message] of cases) {
    test(`aren't taken when ${what}`, async () => {
      const made = world();
      await made.ask();
      change(made);
      await assert.rejects(made.ask(), { name: "TokenError", message });
    });
  }

  test("need a good signature and all their claims", async () => {
    const forged = await signJwt(claims, parseSigningKey(generateSigningKeyPem()));
    await assert.rejects(world().ask(forged), /^TokenError: invalid signature$/);
    const wrong = await signJwt({ ...claims, sub: "system:serviceaccount:n:other" }, key);
    await assert.rejects(world().ask(wrong), /^TokenError: sub claim is invalid$/);
    const bare = await signJwt({ iss: "kubernetes/serviceaccount", sub: "x" }, key);
    await assert.rejects(world().ask(bare), /^TokenError: namespace claim is missing$/);
  });
});

test("without a look at them, a token outlives its secret and its account, and nobody notes its use", async () => {
  const made = world(false);
  made.secret = undefined;
  made.account = undefined;
  assert.equal((await made.ask())?.user.name, "system:serviceaccount:n:robot");
  assert.deepEqual(made.labelled, []);
});
