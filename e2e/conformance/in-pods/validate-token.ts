/**
 * What a relying party does with a service account's token, run in a pod: finds the issuer that the token names by the
 * cluster's own DNS and CA, fetches its keys, and checks signature, audience and time. Ends with 0 if all is well.
 *
 *   node validate-token.ts FILE AUDIENCE
 */
import assert from "node:assert/strict";
import { createPublicKey, verify, type JsonWebKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:https";

type Json = Record<string, unknown>;

const account = "/var/run/secrets/kubernetes.io/serviceaccount";
const [, , file = "", audience = ""] = process.argv;

/** With the pod's own credentials, which only the cluster's CA is trusted to take. */
function fetched(url: string): Promise<Json> {
  return new Promise((done, reject) => {
    const headers = { authorization: `Bearer ${readFileSync(`${account}/token`, "utf8")}` };
    const asked = request(url, { ca: readFileSync(`${account}/ca.crt`), headers }, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      answer.on("end", () => {
        if (answer.statusCode === 200) done(JSON.parse(text) as Json);
        else reject(new Error(`${url}: ${answer.statusCode} ${text}`));
      });
    });
    asked.on("error", reject);
    asked.end();
  });
}

const decoded = (part: string): Json => JSON.parse(Buffer.from(part, "base64url").toString()) as Json;

const token = readFileSync(file, "utf8");
const [head = "", payload = "", signature = ""] = token.split(".");
const claims = decoded(payload);
const issuer = String(claims["iss"]);
const provider = await fetched(`${issuer}/.well-known/openid-configuration`);
assert.equal(provider["issuer"], issuer);
const { keys } = (await fetched(String(provider["jwks_uri"]))) as { keys: (JsonWebKey & { kid: string })[] };
const jwk = keys.find(({ kid }) => kid === decoded(head)["kid"]);
assert.ok(jwk !== undefined, "its key is published");
const key = createPublicKey({ key: jwk, format: "jwk" });
const isSigned = verify(
  "sha256",
  Buffer.from(`${head}.${payload}`),
  { key, dsaEncoding: "ieee-p1363" },
  Buffer.from(signature, "base64url"),
);
assert.ok(isSigned, "it is signed by that key");
assert.deepEqual(claims["aud"], [audience]);
const seconds = Date.now() / 1000;
assert.ok(Number(claims["nbf"]) <= seconds && seconds < Number(claims["exp"]), "its time is now");
process.stdout.write(`valid: ${String(claims["sub"])} of ${issuer}\n`);
