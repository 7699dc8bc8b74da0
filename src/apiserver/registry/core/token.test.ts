import assert from "node:assert/strict";
import { test } from "node:test";
import type { WriteDeps } from "#apiserver/handlers/write.ts";
import type { AdmissionAttributes } from "#apiserver/admission/admission.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { ResourceCall } from "../endpoint.ts";
import { createToken, type Issuer } from "./token.ts";

test("a request for a token is changed, then judged complete, then answered; which token it was is noted", async () => {
  const told: string[] = [];
  const seen = (what: string) => (attributes: AdmissionAttributes) => {
    told.push(`${what} ${attributes.name} ${JSON.stringify(attributes.object?.["spec"])}`);
    return Promise.resolve();
  };
  const body: AnyObject = { metadata: {}, spec: {} };
  const deps = {
    semantics: {
      decode: () => Promise.resolve({ object: body, strictFaults: [] }),
      applyDefaults: () => undefined,
    },
    admission: { admit: seen("admit"), validate: seen("validate") },
  } as unknown as WriteDeps;
  const issuer: Issuer = {
    issue: async (account, request, hooks) => {
      const completed = { ...request, spec: { audiences: ["api"] } };
      await hooks.validate(completed);
      hooks.warn("shortened");
      hooks.issued("id-1");
      return { ...completed, status: { token: account.metadata?.name ?? "", expirationTimestamp: "" } };
    },
  };
  const call = {
    info: { name: "bob", namespace: "default", subresource: "token" },
    call: {
      query: new URLSearchParams(),
      user: { name: "ann", groups: [] },
      warn: (text: string) => void told.push(text),
      annotate: (key: string, text: string) => void told.push(`${key}=${text}`),
    },
    endpoint: {
      definition: { namespaced: true, group: "", version: "v1", resource: "serviceaccounts" },
      storage: { get: () => Promise.resolve({ object: { metadata: { name: "bob" } } }) },
    },
  } as unknown as ResourceCall;
  const answer = await createToken(deps, issuer)(call);
  assert.deepEqual(told, [
    "admit bob {}",
    'validate bob {"audiences":["api"]}',
    "shortened",
    "authentication.kubernetes.io/issued-credential-id=JTI=id-1",
  ]);
  assert.deepEqual(answer, {
    kind: "object",
    status: 201,
    object: {
      metadata: { namespace: "default" },
      spec: { audiences: ["api"] },
      status: { token: "bob", expirationTimestamp: "" },
    },
  });
});
