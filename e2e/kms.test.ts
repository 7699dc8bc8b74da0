/** Secrets under the protection of a KMS plugin, with the real kubectl. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { TestKmsPlugin } from "#apiserver/encryption/kms/testing/test-plugin.ts";
import { PlainServer } from "./plain-server.ts";

test("secrets lie encrypted by a KMS plugin in the database", { timeout: 60_000 }, async () => {
  await using stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "mini-k8s-kms-"));
  stack.defer(() => {
    rmSync(directory, { recursive: true });
  });
  const socket = join(directory, "kms.sock");
  const plugin = stack.use(await TestKmsPlugin.start(socket));
  const path = join(directory, "encryption.yaml");
  const kms = { apiVersion: "v2", name: "vault", endpoint: `unix://${socket}` };
  const configuration = {
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "EncryptionConfiguration",
    resources: [{ resources: ["secrets"], providers: [{ kms }, { identity: {} }] }],
  };
  writeFileSync(path, JSON.stringify(configuration));
  const server = stack.use(await PlainServer.start([`--encryption-provider-config=${path}`]));
  const kubectl = (...args: string[]): Promise<string> => server.kubectl("1.35", args);
  await kubectl("create", "secret", "generic", "hidden", "--from-literal=word=open-sesame");
  const word = Buffer.from("open-sesame").toString("base64");
  assert.equal(await kubectl("get", "secret", "hidden", "-o", "jsonpath={.data.word}"), word);
  assert.deepEqual(new Set(plugin.asked), new Set(["Status", "Encrypt"]));
  const folder = join(server.directory, "server", "db");
  const stored = Buffer.concat(
    readdirSync(folder)
      .filter((name) => name.startsWith("state.db"))
      .map((name) => readFileSync(join(folder, name))),
  );
  assert.ok(stored.includes("/registry/secrets/default/hidden"));
  assert.ok(stored.includes("k8s:enc:kms:v2:vault:"));
  assert.deepEqual([stored.includes(word), stored.includes("open-sesame")], [false, false]);
  assert.equal(await kubectl("get", "--raw", "/livez/kms-providers"), "ok");
  assert.match(
    await kubectl("get", "--raw", "/metrics"),
    /^apiserver_encryption_config_controller_last_config_info\{apiserver_id_hash="sha256:[0-9a-f]{64}",hash="sha256:[0-9a-f]{64}"\} 1$/m,
  );
});
