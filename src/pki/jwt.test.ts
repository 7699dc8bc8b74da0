import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { suite, test } from "node:test";
import {
  generateSigningKeyPem,
  JwtError,
  parseSigningKey,
  parseVerificationKey,
  readClaims,
  signJwt,
  toJwk,
  verifyJwt,
} from "./jwt.ts";

suite("tokens", () => {
  const key = parseSigningKey(generateSigningKeyPem());
  const other = parseSigningKey(generateSigningKeyPem());

  test("what one signs, its key verifies, whatever other keys there are", async () => {
    const token = await signJwt({ sub: "a", n: 1 }, key);
    assert.deepEqual(await verifyJwt(token, [other, key]), { sub: "a", n: 1 });
    assert.deepEqual(readClaims(token), { sub: "a", n: 1 });
  });

  test("a key renamed still verifies", async () => {
    const token = await signJwt({ sub: "a" }, { ...key, keyId: "elsewhere" });
    assert.deepEqual(await verifyJwt(token, [other, key]), { sub: "a" });
  });

  test("another key's token, changed claims and no signature are refused", async () => {
    const token = await signJwt({ sub: "a" }, other);
    const [header, , signature] = (await signJwt({ sub: "a" }, key)).split(".");
    const forged = Buffer.from('{"sub":"root"}').toString("base64url");
    const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${forged}.`;
    for (const bad of [token, `${header}.${forged}.${signature}`, none, "x.y.z"]) {
      await assert.rejects(verifyJwt(bad, [key]), JwtError);
    }
    await assert.rejects(verifyJwt(token, []), JwtError);
  });

  test("the published key verifies, and carries the same id", () => {
    const jwk = toJwk(key);
    assert.equal(jwk.kid, key.keyId);
    assert.equal(jwk.alg, "ES256");
    assert.equal(jwk["d"], undefined);
    assert.equal(createPublicKey({ key: { ...jwk }, format: "jwk" }).equals(key.publicKey), true);
  });

  test("other curves are refused, other texts are no tokens", () => {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
    assert.throws(
      () => parseVerificationKey(publicKey.export({ type: "spki", format: "pem" }).toString()),
      JwtError,
    );
    for (const text of ["abc", "a.b", "a.b.c", `a.${Buffer.from("[]").toString("base64url")}.c`]) {
      assert.equal(readClaims(text), undefined);
    }
  });
});
