import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultAuthorization } from "#apiserver/authz/configuration/configuration.ts";
import { allowsEverything, readAuthorization } from "./options.ts";

function read(given: Readonly<Record<string, string | readonly string[]>>): {
  readonly authorization: ReturnType<typeof readAuthorization>;
  readonly faults: readonly string[];
} {
  const faults: string[] = [];
  const authorization = readAuthorization({
    text: (name) => (typeof given[name] === "string" ? given[name] : undefined),
    list: (name) => (Array.isArray(given[name]) ? (given[name] as readonly string[]) : []),
    duration: (name, fallbackMs) => (given[name] === "1m" ? 60_000 : fallbackMs),
    faults,
  });
  return { authorization, faults };
}

test("without a mode there are nodes and RBAC", () => {
  assert.deepEqual(read({}), { authorization: defaultAuthorization, faults: [] });
});

test("modes in their order, and what a webhook is told", () => {
  const { authorization, faults } = read({
    "authorization-mode": ["Webhook,RBAC"],
    "authorization-webhook-config-file": "/w",
    "authorization-webhook-cache-authorized-ttl": "1m",
  });
  assert.deepEqual(faults, []);
  assert.deepEqual(authorization, {
    authorizers: [
      {
        type: "Webhook",
        name: "default",
        webhook: {
          kubeConfigFile: "/w",
          version: "v1beta1",
          timeoutMs: 30_000,
          authorizedMs: 60_000,
          unauthorizedMs: 30_000,
          failurePolicy: "NoOpinion",
          matchConditions: [],
        },
      },
      { type: "RBAC", name: "rbac" },
    ],
  });
});

for (const [given, fault] of [
  [
    { "authorization-mode": ["CBAC"] },
    '--authorization-mode has "CBAC", must be of Node, RBAC, ABAC, Webhook, AlwaysAllow, AlwaysDeny',
  ],
  [
    { "authorization-mode": ["RBAC,RBAC"] },
    "--authorization-mode is RBAC,RBAC, has a mode specified more than once",
  ],
  [
    { "authorization-mode": ["ABAC"] },
    "--authorization-mode has ABAC, which needs --authorization-policy-file",
  ],
  [{ "authorization-policy-file": "/p" }, "--authorization-policy-file needs --authorization-mode with ABAC"],
  [
    { "authorization-mode": ["Webhook"] },
    "--authorization-mode has Webhook, which needs --authorization-webhook-config-file",
  ],
  [
    { "authorization-webhook-config-file": "/w" },
    "--authorization-webhook-config-file needs --authorization-mode with Webhook",
  ],
  [
    { "authorization-config": "/c", "authorization-mode": ["RBAC"] },
    "--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined",
  ],
  [{ "authorization-webhook-version": "v2" }, "--authorization-webhook-version is v2, must be v1 or v1beta1"],
] as const) {
  test(`a fault: ${fault}`, () => {
    assert.deepEqual(read(given).faults, [fault]);
  });
}

test("policies go with their mode, or with a configuration that may name it", () => {
  assert.deepEqual(read({ "authorization-mode": ["RBAC,ABAC"], "authorization-policy-file": "/p" }), {
    authorization: {
      authorizers: [
        { type: "RBAC", name: "rbac" },
        { type: "ABAC", name: "abac" },
      ],
      policyFile: "/p",
    },
    faults: [],
  });
  assert.deepEqual(read({ "authorization-config": "/c", "authorization-policy-file": "/p" }), {
    authorization: { configFile: "/c", policyFile: "/p" },
    faults: [],
  });
});

test("a server that allows everything is told from others", () => {
  assert.equal(allowsEverything(read({ "authorization-mode": ["RBAC,AlwaysAllow"] }).authorization), true);
  assert.equal(allowsEverything(read({}).authorization), false);
  assert.equal(allowsEverything(read({ "authorization-config": "/c" }).authorization), false);
});
