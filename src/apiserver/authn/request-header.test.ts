import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { X509Certificate } from "node:crypto";
import { request } from "node:https";
import { json } from "node:stream/consumers";
import type { IncomingMessage } from "node:http";
import { systemClock } from "#base/clock.ts";
import { systemRandom } from "#base/random.ts";
import { createCa, issueCertificate } from "#pki/ca.ts";
import { startTestServer } from "#testing/server.ts";
import { RequestHeaderAuthenticator } from "./request-header.ts";

const deps = { clock: systemClock, random: systemRandom };
const ca = createCa({ commonName: "front-ca", days: 1, ...deps });
const other = createCa({ commonName: "other-ca", days: 1, ...deps });
const der = (authority: typeof ca, commonName: string): Buffer =>
  new X509Certificate(issueCertificate(authority, { commonName, usage: "client", days: 1 }).certificatePem)
    .raw;

const authenticator = new RequestHeaderAuthenticator(
  { caPem: ca.certificatePem, allowedNames: ["front"] },
  deps,
);

suite("users whom a front proxy names", () => {
  test("are taken as it says", async () => {
    const user = await authenticator.authenticate({
      bearerToken: undefined,
      clientCertificate: der(ca, "front"),
      remoteHeaders: {
        "x-remote-user": "jane",
        "x-remote-uid": "u1",
        "x-remote-group": ["a, b", "c"],
        "x-remote-extra-example.com%2fscopes": "read",
      },
    });
    assert.deepEqual(user, {
      name: "jane",
      uid: "u1",
      groups: ["a, b", "c"],
      extra: { "example.com/scopes": ["read"] },
    });
  });

  test("are nobody's business without a certificate or a name", async () => {
    const remoteHeaders = { "x-remote-user": "jane" };
    const none = { bearerToken: undefined, clientCertificate: undefined };
    assert.equal(await authenticator.authenticate({ ...none, remoteHeaders }), undefined);
    assert.equal(
      await authenticator.authenticate({ ...none, clientCertificate: der(ca, "front") }),
      undefined,
    );
  });

  for (const [what, certificate] of [
    ["a name that isn't allowed", der(ca, "back")],
    ["another authority", der(other, "front")],
  ] as const) {
    test(`are not believed of who has ${what}`, async () => {
      const remoteHeaders = { "x-remote-user": "jane" };
      await assert.rejects(
        authenticator.authenticate({ bearerToken: undefined, clientCertificate: certificate, remoteHeaders }),
        { code: 401 },
      );
    });
  }

  test("come one after the other on the same connection", async () => {
    await using server = await startTestServer();
    const { certificatePem, keyPem } = server.frontProxy("system:auth-proxy");
    const nameOf = async (user: string): Promise<unknown> => {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const outgoing = request(
          `${server.url}/apis/authentication.k8s.io/v1/selfsubjectreviews`,
          {
            method: "POST",
            ca: server.caPem,
            cert: certificatePem,
            key: keyPem,
            headers: { "x-remote-user": user, "content-type": "application/json" },
          },
          resolve,
        );
        outgoing.once("error", reject);
        outgoing.end(JSON.stringify({ kind: "SelfSubjectReview", apiVersion: "authentication.k8s.io/v1" }));
      });
      const body = (await json(response)) as { readonly status: { readonly userInfo: unknown } };
      return body.status.userInfo;
    };
    assert.deepEqual(await nameOf("jane"), { username: "jane", groups: ["system:authenticated"] });
    assert.deepEqual(await nameOf("joe"), { username: "joe", groups: ["system:authenticated"] });
  });
});
