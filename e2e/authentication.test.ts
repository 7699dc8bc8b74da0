/** Users of an OpenID Connect provider, with the real kubectl. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { TestIssuer } from "#apiserver/authn/oidc/testing/issuer.ts";
import { PlainServer } from "./plain-server.ts";

test("a user whom a provider of ID tokens names", { timeout: 60_000 }, async () => {
  await using issuer = await TestIssuer.start();
  await using stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "mini-k8s-oidc-"));
  stack.defer(() => {
    rmSync(directory, { recursive: true });
  });
  const ca = join(directory, "ca.pem");
  writeFileSync(ca, issuer.caPem);
  const server = stack.use(
    await PlainServer.start([
      `--oidc-issuer-url=${issuer.url}`,
      "--oidc-client-id=kubernetes",
      `--oidc-ca-file=${ca}`,
      "--oidc-groups-claim=groups",
      "--oidc-groups-prefix=oidc:",
    ]),
  );
  assert.deepEqual(issuer.asked, []);
  const kubectl = (...args: string[]): Promise<string> => server.kubectl("1.35", args);
  await kubectl("create", "clusterrolebinding", "devs", "--clusterrole=view", "--group=oidc:dev");
  const cluster = JSON.parse(await kubectl("config", "view", "--raw", "-o", "json")) as {
    readonly clusters: readonly { readonly cluster: { readonly server: string } }[];
  };
  const url = cluster.clusters[0]?.cluster.server ?? "";
  // Without the kubeconfig: its certificate would speak for the administrator.
  const as = (token: string, ...args: string[]): Promise<string> =>
    kubectl(
      "--kubeconfig=/dev/null",
      `--server=${url}`,
      "--insecure-skip-tls-verify",
      `--token=${token}`,
      ...args,
    );

  const jane = await issuer.token({ sub: "jane", groups: ["dev"] });
  const who = JSON.parse(await as(jane, "auth", "whoami", "-o", "json")) as {
    readonly status: { readonly userInfo: { readonly username: string; readonly groups: readonly string[] } };
  };
  assert.deepEqual(who.status.userInfo, {
    username: `${issuer.url}#jane`,
    groups: ["oidc:dev", "system:authenticated"],
  });
  assert.match(await as(jane, "get", "namespaces"), /^default +Active/m);
  assert.match(await server.fails(as(jane, "get", "secrets")), /cannot list resource "secrets"/);
  const other = await issuer.token({ sub: "jane", aud: "another" });
  assert.match(await server.fails(as(other, "get", "namespaces")), /must be logged in to the server/);
});
