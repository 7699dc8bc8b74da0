import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { ManualClock } from "#base/clock.ts";
import { KubeconfigError, loadKubeconfig, loadKubeconfigUsers, writeKubeconfig } from "./kubeconfig.ts";

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "kubeconfig-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

test("what is written is read again, by the owner only", async (t) => {
  const path = join(await folder(t), "deep", "config.yaml");
  const certificate = { cert: "CERT\n", key: "KEY\n" };
  await writeKubeconfig(path, {
    server: "https://127.0.0.1:6443",
    certificateAuthority: "CA\n",
    certificate,
  });
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const { options, identity, namespace } = await loadKubeconfig(path, new ManualClock());
  assert.deepEqual(
    [options.server, options.certificateAuthority, namespace],
    ["https://127.0.0.1:6443", "CA\n", "default"],
  );
  assert.deepEqual(await identity.identity(), { certificate, bearerToken: undefined });
});

test("files are found beside the kubeconfig, and read again when a minute has passed", async (t) => {
  const clock = new ManualClock();
  const path = await folder(t);
  await writeFile(join(path, "ca.crt"), "CA");
  await writeFile(join(path, "token"), "first\n");
  await writeFile(
    join(path, "config"),
    `
clusters:
- {name: c, cluster: {server: "https://a:1", certificate-authority: ca.crt, tls-server-name: b}}
users:
- {name: u, user: {tokenFile: token}}
contexts:
- {name: x, context: {cluster: c, user: u, namespace: ns}}
`,
  );
  const { options, identity, namespace } = await loadKubeconfig(join(path, "config"), clock, "x");
  assert.deepEqual([options.certificateAuthority, options.serverName, namespace], ["CA", "b", "ns"]);
  const token = async (): Promise<string | undefined> => (await identity.identity()).bearerToken;
  assert.equal(await token(), "first");
  await writeFile(join(path, "token"), "second");
  assert.equal(await token(), "first");
  await clock.advance(60_000);
  assert.equal(await token(), "second");
  await rm(join(path, "token"));
  await clock.advance(60_000);
  assert.equal(await token(), "second", "a file that can't be read for a moment does no harm");
});

function configOf(credentials: string): string {
  return `
current-context: x
clusters: [{name: c, cluster: {server: "https://a:1"}}]
users: [{name: u, user: {${credentials}}}, {name: v, user: {token: t}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
`;
}

test("who has a token beside is known by it; of many, who isn't known is no obstacle to the others", async (t) => {
  const path = join(await folder(t), "config");
  await writeFile(path, configOf("token: t, exec: {command: x}"));
  const { identity } = await loadKubeconfig(path, new ManualClock());
  assert.equal((await identity.identity()).bearerToken, "t");
  await writeFile(path, configOf("exec: {command: x}"));
  const { byName, current } = await loadKubeconfigUsers(path, new ManualClock());
  assert.equal((await byName.get("v")?.identity())?.bearerToken, "t");
  await assert.rejects(async () => current?.identity(), KubeconfigError);
});

const faults: readonly (readonly [string, string, RegExp])[] = [
  ["no YAML", "a: [", /is no YAML/],
  ["no object", "text", /is no kubeconfig/],
  ["no current context", "contexts: []", /has no context ""/],
  [
    "no such cluster",
    "{current-context: x, contexts: [{name: x, context: {cluster: c, user: u}}]}",
    /no server for cluster "c"/,
  ],
  ...["exec: {command: x}", "username: x", "auth-provider: {name: x}"].map(
    (credentials) =>
      [
        credentials,
        configOf(credentials),
        /user "u" has no certificate and no token, and (exec|username|auth-provider) isn't known here$/,
      ] as const,
  ),
];
for (const [name, text, message] of faults) {
  test(`refused: ${name}`, async (t) => {
    const path = join(await folder(t), "config");
    await writeFile(path, text);
    await assert.rejects(loadKubeconfig(path, new ManualClock()), (error) => {
      assert.ok(error instanceof KubeconfigError);
      assert.match(error.message, message);
      return true;
    });
  });
}
