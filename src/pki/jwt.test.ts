import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { suite, test } from "node:test";
import {
  generateSigningKeyPem,
  JwtError,
  parseSigningKey,
  parseVerificationKey,
  parseVerificationKeys,
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

  for (const [name, privateKey, algorithm] of [
    ["RSA", generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey, "RS256"],
    ["P-384", generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey, "ES384"],
    ["P-521", generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey, "ES512"],
  ] as const) {
    test(`keys of ${name} sign and verify with ${algorithm}`, async () => {
      const own = parseSigningKey(privateKey.export({ type: "pkcs8", format: "pem" }).toString());
      assert.equal(toJwk(own).alg, algorithm);
      const token = await signJwt({ sub: "a" }, own);
      assert.deepEqual(await verifyJwt(token, [key, own]), { sub: "a" });
      await assert.rejects(verifyJwt(token, [key]), JwtError);
    });
  }

  test("a file has several keys, private ones among them, and what is no key of tokens", () => {
    const publicPem = other.publicKey.export({ type: "spki", format: "pem" }).toString();
    const foreign = generateKeyPairSync("ed25519")
      .publicKey.export({ type: "spki", format: "pem" })
      .toString();
    const own = generateSigningKeyPem();
    const ids = parseVerificationKeys(`a comment\n${publicPem}${foreign}${own}`).map(({ keyId }) => keyId);
    assert.deepEqual(ids, [other.keyId, parseSigningKey(own).keyId]);
    assert.throws(() => parseVerificationKeys(foreign), {
      name: "JwtError",
      message: "data does not contain any valid RSA or ECDSA public keys",
    });
  });

  test("other kinds are refused, other texts are no tokens", () => {
    const { publicKey } = generateKeyPairSync("ed25519");
    assert.throws(
      () => parseVerificationKey(publicKey.export({ type: "spki", format: "pem" }).toString()),
      JwtError,
    );
    for (const text of ["abc", "a.b", "a.b.c", `a.${Buffer.from("[]").toString("base64url")}.c`]) {
      assert.equal(readClaims(text), undefined);
    }
  });
});
