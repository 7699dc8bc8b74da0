import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { defaultServiceAccounts } from "#apiserver/authn/service-account/options.ts";
import { accountKeys } from "#apiserver/authn/service-account/keys.ts";
import { generateSigningKeyPem, parseVerificationKeys } from "#pki/jwt.ts";
import { loadServiceAccountKeys } from "./keys.ts";

const directory = await mkdtemp(join(tmpdir(), "mini-k8s-keys-"));
after(() => rm(directory, { recursive: true }));

const file = async (name: string, text: string): Promise<string> => {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
};

const { keyPems: _none, trustsSigningKey: _own, ...defaults } = defaultServiceAccounts;
const flags = { ...defaults, keyFiles: [], signingKeyFile: undefined };

test("files of keys are read; the server's own key signs where none is named", async () => {
  const [signing, older] = [generateSigningKeyPem(), generateSigningKeyPem()];
  const keyFiles = [await file("older.pem", older)];
  const loaded = await loadServiceAccountKeys({ ...flags, keyFiles }, "own");
  assert.deepEqual([loaded.serviceAccountKeyPem, loaded.serviceAccounts.keyPems], ["own", [older]]);
  const signingKeyFile = await file("signing.pem", signing);
  assert.equal(
    (await loadServiceAccountKeys({ ...flags, signingKeyFile }, "own")).serviceAccountKeyPem,
    signing,
  );
});

/** How many keys' tokens are good, and whether those of the key that signs are. */
const countOf = async (given: object): Promise<[number, boolean]> => {
  const { serviceAccountKeyPem, serviceAccounts } = await loadServiceAccountKeys(
    { ...flags, ...given },
    generateSigningKeyPem(),
  );
  const keys = accountKeys(serviceAccountKeyPem, serviceAccounts);
  const [own] = parseVerificationKeys(serviceAccountKeyPem);
  return [keys.length, keys.some(({ keyId }) => keyId === own?.keyId)];
};

test("with a file of the key that signs, the keys that are named are all whose tokens are good", async () => {
  const signing = generateSigningKeyPem();
  const signingKeyFile = await file("sign.pem", signing);
  const keyFiles = [await file("other.pem", generateSigningKeyPem())];
  assert.deepEqual(await countOf({}), [1, true]);
  assert.deepEqual(await countOf({ keyFiles }), [2, true]);
  assert.deepEqual(await countOf({ signingKeyFile }), [1, true]);
  assert.deepEqual(await countOf({ signingKeyFile, keyFiles }), [1, false]);
  assert.deepEqual(await countOf({ signingKeyFile, keyFiles: [...keyFiles, signingKeyFile] }), [2, true]);
});

test("a file that has no such key stops the start, and is named", async () => {
  const foreign = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }).toString();
  const path = await file("foreign.pem", foreign);
  await assert.rejects(loadServiceAccountKeys({ ...flags, keyFiles: [path] }, "own"), {
    message: `--service-account-key-file is ${path}, which has no key of RSA or ECDSA: data does not contain any valid RSA or ECDSA public keys`,
  });
  await assert.rejects(
    loadServiceAccountKeys({ ...flags, signingKeyFile: path }, "own"),
    /signing-key-file is/,
  );
  await assert.rejects(
    loadServiceAccountKeys({ ...flags, keyFiles: ["/nowhere.pem"] }, "own"),
    /\/nowhere\.pem, which does not exist/,
  );
});
