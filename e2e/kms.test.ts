/** Secrets under the protection of a KMS plugin that is a program of its own, with the real kubectl. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { PluginProcess } from "./kms/plugin-process.ts";
import { PlainServer } from "./plain-server.ts";
import { eventually } from "./wait.ts";

const hashOf = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

const base64 = (word: string): string => Buffer.from(word).toString("base64");

/** What is known of a healthy plugin may be 20 s old when the server is asked how it is, of another 3 s. */
const noticedMs = 30_000;

suite("secrets under a KMS plugin", { timeout: 200_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), "mini-k8s-kms-"));
  const socket = join(directory, "kms.sock");
  const path = join(directory, "encryption.yaml");
  const kms = { apiVersion: "v2", name: "vault", endpoint: `unix://${socket}` };
  /** At once, as who sets such a file up does it. */
  const put = (content: string): void => {
    writeFileSync(`${path}.new`, content);
    renameSync(`${path}.new`, path);
  };
  const configure = (providers: readonly object[]): void => {
    const resources = [{ resources: ["secrets"], providers }];
    const head = { apiVersion: "apiserver.config.k8s.io/v1", kind: "EncryptionConfiguration" };
    put(JSON.stringify({ ...head, resources }));
  };
  configure([{ kms }, { identity: {} }]);
  // The plugin comes up after the server: it is waited for.
  const stack = new AsyncDisposableStack();
  after(() => stack.disposeAsync());
  stack.defer(() => {
    rmSync(directory, { recursive: true });
  });
  const starting = PlainServer.start([`--encryption-provider-config=${path}`]);
  await new Promise((resolve) => {
    setTimeout(resolve, 1500);
  });
  let plugin = await PluginProcess.start(socket);
  stack.defer(() => plugin[Symbol.asyncDispose]());
  const server = stack.use(await starting);

  const kubectl = (...args: string[]): Promise<string> => server.kubectl("1.35", args);
  const wordOf = (name: string): Promise<string> =>
    kubectl("get", "secret", name, "-o", "jsonpath={.data.word}");
  const make = (name: string, word: string): Promise<string> =>
    kubectl("create", "secret", "generic", name, `--from-literal=word=${word}`);
  const database = (): Buffer => {
    const folder = join(server.directory, "data", "server", "db");
    const files = readdirSync(folder).filter((name) => name.startsWith("state.db"));
    return Buffer.concat(files.map((name) => readFileSync(join(folder, name))));
  };
  const metric = async (name: string, ...labels: readonly string[]): Promise<number> => {
    const lines = (await kubectl("get", "--raw", "/metrics")).split("\n");
    const found = lines.filter(
      (line) => line.startsWith(`${name}{`) && labels.every((each) => line.includes(each)),
    );
    return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  };
  const envelope = "apiserver_envelope_encryption";
  const isHealthy = async (check: string): Promise<boolean> =>
    kubectl("get", "--raw", `/${check}/kms-providers`).then(
      (said) => said === "ok",
      () => false,
    );

  test("lie encrypted in the database; the plugin is asked once for all of them", async () => {
    await make("hidden", "open-sesame");
    await make("hidden-too", "open-barley");
    assert.equal(await wordOf("hidden"), base64("open-sesame"));
    const stored = database();
    assert.ok(stored.includes("/registry/secrets/default/hidden"));
    assert.ok(stored.includes("k8s:enc:kms:v2:vault:"));
    assert.deepEqual(
      [stored.includes(base64("open-sesame")), stored.includes("open-sesame")],
      [false, false],
    );
    assert.equal(plugin.asked("Encrypt"), 1);
    assert.ok(await isHealthy("livez"));
    const key = [`key_id_hash="${hashOf("one")}"`, 'provider_name="vault"', 'apiserver_id_hash="sha256:'];
    assert.ok(
      (await metric(`${envelope}_key_id_hash_total`, ...key, 'transformation_type="to_storage"')) >= 2,
    );
    assert.ok((await metric(`${envelope}_key_id_hash_status_last_timestamp_seconds`, ...key)) > 1.7e9);
    assert.equal(await metric(`${envelope}_dek_source_cache_size`, 'provider_name="vault"'), 1);
    const asked = ['method_name="/v2.KeyManagementService/Encrypt"', 'grpc_status_code="OK"'];
    assert.equal(await metric(`${envelope}_kms_operations_latency_seconds_count`, ...asked), 1);
  });

  test("are read and written while the plugin is gone; health checks tell of it, and that it is back", async () => {
    await plugin[Symbol.asyncDispose]();
    assert.equal(await wordOf("hidden"), base64("open-sesame"));
    await make("meanwhile", "later");
    assert.equal(await wordOf("meanwhile"), base64("later"));
    for (const check of ["readyz", "livez"]) {
      await eventually(`${check} tells of it`, noticedMs, async () => !(await isHealthy(check)));
    }
    assert.equal(await wordOf("hidden-too"), base64("open-barley"));
    const asked = 'method_name="/v2.KeyManagementService/Status"';
    const latencies = `${envelope}_kms_operations_latency_seconds_count`;
    assert.ok((await metric(latencies, asked, 'grpc_status_code="Unavailable"')) > 0);
    rmSync(socket, { force: true });
    plugin = await PluginProcess.start(socket);
    await eventually("it is well again", noticedMs, () => isHealthy("readyz"));
    // The same key: no new seed.
    assert.equal(plugin.asked("Encrypt"), 0);
  });

  test("a plugin that says that it isn't well is unhealthy", async () => {
    await plugin.become({ healthz: "sealed" });
    await eventually("it is noticed", noticedMs, async () => !(await isHealthy("readyz")));
    await plugin.become({ healthz: "ok" });
    await eventually("it is well again", noticedMs, () => isHealthy("readyz"));
  });

  test("are written with the plugin's new key once it has one, and read with the old", async () => {
    await plugin.become({ keyId: "two" });
    const key = `key_id_hash="${hashOf("two")}"`;
    await eventually("the new key is in use", noticedMs, async () => {
      await isHealthy("readyz");
      return (await metric(`${envelope}_key_id_hash_status_last_timestamp_seconds`, key)) > 0;
    });
    await eventually("a seed is made under it", noticedMs, () =>
      Promise.resolve(plugin.asked("Encrypt") === 1),
    );
    assert.equal(await wordOf("hidden"), base64("open-sesame"));
    const written = `${envelope}_key_id_hash_total`;
    assert.equal(await metric(written, key, 'transformation_type="to_storage"'), 0);
    const object = await kubectl("get", "secret", "hidden", "-o", "json");
    await server.run("kubectl-1.35", ["replace", "-f", "-"], object);
    assert.equal(await metric(written, key, 'transformation_type="to_storage"'), 1);
    assert.equal(await metric(`${envelope}_dek_source_cache_size`), 2);
  });

  test("the configuration is read again when it changes; one that can't be used changes nothing", async () => {
    const reloads = "apiserver_encryption_config_controller_automatic_reloads_total";
    const failures = (): Promise<number> => metric(reloads, 'status="failure"');
    put("{");
    await eventually("the fault is told", noticedMs, async () => (await failures()) > 0);
    assert.equal(await wordOf("meanwhile"), base64("later"));
    const before = await failures();
    configure([{ kms: { ...kms, endpoint: `unix://${socket}.none` } }, { identity: {} }]);
    await eventually("nobody is there", noticedMs, async () => (await failures()) > before);
    await make("still", "sealed-still");
    assert.ok(!database().includes(base64("sealed-still")));
    configure([{ identity: {} }, { kms }]);
    await eventually("it counts", noticedMs, async () => (await metric(reloads, 'status="success"')) === 1);
    await make("open", "plain-text");
    assert.ok(database().includes(base64("plain-text")));
    assert.equal(await wordOf("hidden"), base64("open-sesame"));
    assert.equal(await wordOf("still"), base64("sealed-still"));
  });
});
