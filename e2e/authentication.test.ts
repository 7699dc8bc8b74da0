/** Users of an OpenID Connect provider and users by signed requests, with the real kubectl. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { TestIssuer } from "#apiserver/authn/oidc/testing/issuer.ts";
import { systemClock } from "#base/clock.ts";
import { createCsr } from "#pki/csr.ts";
import { PlainServer } from "./plain-server.ts";
import { eventually } from "./wait.ts";

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
  issuer.sources.set("/groups", { accessToken: "", token: await issuer.token({ groups: ["dev"] }) });
  const elsewhere = await issuer.token({
    sub: "joe",
    _claim_names: { groups: "directory" },
    _claim_sources: { directory: { endpoint: `${issuer.url}/groups` } },
  });
  assert.match(await as(elsewhere, "get", "namespaces"), /^default +Active/m);
  const other = await issuer.token({ sub: "jane", aud: "another" });
  assert.match(await server.fails(as(other, "get", "namespaces")), /must be logged in to the server/);
});

const jwt = (issuer: TestIssuer, tenant: string): unknown => ({
  issuer: {
    url: issuer.url,
    certificateAuthority: issuer.caPem,
    audiences: ["kubernetes", "other"],
    audienceMatchPolicy: "MatchAny",
  },
  claimMappings: {
    username: { expression: `'${tenant}:' + claims.sub` },
    groups: { expression: "claims.roles.map(r, 'role:' + r)" },
    extra: [{ key: "example.org/tenant", valueExpression: `'${tenant}'` }],
  },
  claimValidationRules: [
    { expression: "claims.exp - claims.iat <= 3600", message: "tokens live an hour at most" },
  ],
  userValidationRules: [{ expression: "!user.groups.exists(g, g == 'role:admin')", message: "no admins" }],
});

test(
  "an AuthenticationConfiguration: two issuers, claims in CEL, anonymous for health only",
  { timeout: 90_000 },
  async () => {
    await using one = await TestIssuer.start();
    await using two = await TestIssuer.start();
    await using stack = new AsyncDisposableStack();
    const directory = mkdtempSync(join(tmpdir(), "mini-k8s-authn-"));
    stack.defer(() => {
      rmSync(directory, { recursive: true });
    });
    const path = join(directory, "authentication.yaml");
    const write = (...issuers: readonly unknown[]): void => {
      const configuration = {
        apiVersion: "apiserver.config.k8s.io/v1",
        kind: "AuthenticationConfiguration",
        jwt: issuers,
        anonymous: { enabled: true, conditions: [{ path: "/livez" }] },
      };
      writeFileSync(path, JSON.stringify(configuration));
    };
    write(jwt(one, "a"));
    const server = stack.use(await PlainServer.start([`--authentication-config=${path}`]));
    const url = await server.kubectl("1.35", [
      "config",
      "view",
      "-o",
      "jsonpath={.clusters[0].cluster.server}",
    ]);
    const apart = ["--kubeconfig=/dev/null", `--server=${url}`, "--insecure-skip-tls-verify"];
    const whoami = (token: string): Promise<string> =>
      server.kubectl("1.35", [...apart, `--token=${token}`, "auth", "whoami"]);

    const said = await whoami(await one.token({ sub: "jane", roles: ["dev"], aud: "other" }));
    assert.match(said, /^Username +a:jane$/m);
    assert.match(said, /^Groups +\[role:dev system:authenticated\]$/m);
    assert.match(said, /^Extra: example.org\/tenant +\[a\]$/m);
    const admin = await one.token({ sub: "jane", roles: ["admin"] });
    assert.match(await server.fails(whoami(admin)), /must be logged in/);
    const now = Math.floor(systemClock.now() / 1000);
    const long = await one.token({ sub: "jane", roles: [], iat: now, exp: now + 7200 });
    assert.match(await server.fails(whoami(long)), /must be logged in/);

    const stranger = await two.token({ sub: "joe", roles: [] });
    assert.match(await server.fails(whoami(stranger)), /must be logged in/);
    write(jwt(one, "a"), jwt(two, "b"));
    await eventually("the second issuer is known", 20_000, async () => {
      const found = await server.tries("kubectl-1.35", [...apart, `--token=${stranger}`, "auth", "whoami"]);
      return /b:joe/.test(found.stdout);
    });

    // Without any credentials it would ask for some; a password is none that a server knows.
    const nobody = ["--username=nobody", "--password=none"];
    const ask = (at: string): Promise<string> =>
      server.kubectl("1.35", [...apart, ...nobody, "get", "--raw", at]);
    assert.equal(await ask("/livez"), "ok");
    assert.match(await server.fails(ask("/readyz")), /must be logged in|Unauthorized/);
  },
);

test("without credentials nobody comes in when --anonymous-auth says so", { timeout: 60_000 }, async () => {
  await using server = await PlainServer.start(["--anonymous-auth=false"]);
  const refused = await server.anonymously("/livez");
  assert.equal(refused.status, 401);
  assert.deepEqual(JSON.parse(refused.text), {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "Unauthorized",
    reason: "Unauthorized",
    code: 401,
  });
  assert.equal(await server.kubectl("1.35", ["get", "--raw", "/livez"]), "ok");
});

const signingRequest = (name: string, csrPem: string, more: string): string => `
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: ${name}}
spec:
  request: ${Buffer.from(csrPem).toString("base64")}
  ${more}
`;

test("users and nodes by signed requests", { timeout: 60_000 }, async () => {
  await using server = await PlainServer.start();
  const kubectl = (...args: string[]): Promise<string> => server.kubectl("1.35", args);
  const apply = (text: string, ...args: string[]): Promise<string> =>
    server.kubectl("1.35", ["create", "-f", "-", ...args], text);
  const jane = createCsr({ commonName: "jane", organizations: ["devs"] });
  const asUser = [
    "signerName: kubernetes.io/kube-apiserver-client",
    "usages: [client auth]",
    "expirationSeconds: 3600",
  ].join("\n  ");
  await apply(signingRequest("jane", jane.csrPem, asUser));
  assert.match(await kubectl("get", "csr", "jane"), /kubernetes-admin|system:admin/);
  assert.match(await kubectl("get", "csr", "jane"), /Pending/);
  assert.match(
    await kubectl("certificate", "approve", "jane"),
    /certificatesigningrequest\.certificates\.k8s\.io\/jane approved/,
  );
  await kubectl("wait", "csr/jane", "--for=jsonpath={.status.certificate}", "--timeout=20s");
  assert.match(await kubectl("get", "csr", "jane"), /Approved,Issued/);
  const certificate = Buffer.from(
    await kubectl("get", "csr", "jane", "-o", "jsonpath={.status.certificate}"),
    "base64",
  );
  const x509 = new X509Certificate(certificate);
  assert.equal(x509.validToDate.getTime() - x509.validFromDate.getTime(), 65 * 60_000);
  const files = { certificate: join(server.directory, "jane.crt"), key: join(server.directory, "jane.key") };
  writeFileSync(files.certificate, certificate);
  writeFileSync(files.key, jane.keyPem);
  const url = await kubectl("config", "view", "-o", "jsonpath={.clusters[0].cluster.server}");
  const who = await kubectl(
    "--kubeconfig=/dev/null",
    `--server=${url}`,
    "--insecure-skip-tls-verify",
    `--client-certificate=${files.certificate}`,
    `--client-key=${files.key}`,
    "auth",
    "whoami",
  );
  assert.match(who, /^Username +jane$/m);
  assert.match(who, /^Groups +\[devs system:authenticated\]$/m);

  await apply(signingRequest("denied", jane.csrPem, asUser));
  await kubectl("certificate", "deny", "denied");
  assert.match(await kubectl("get", "csr", "denied"), /Denied/);

  await apply(signingRequest("wrong", jane.csrPem, asUser.replace("client auth", "server auth")));
  await kubectl("certificate", "approve", "wrong");
  await kubectl("wait", "csr/wrong", "--for=condition=Failed", "--timeout=20s");
  assert.match(
    await kubectl("get", "csr", "wrong", "-o", "jsonpath={.status.conditions[?(@.type=='Failed')].message}"),
    /^invalid usage for client certificate: server auth$/,
  );

  const node = createCsr({ commonName: "system:node:n1", organizations: ["system:nodes"] });
  const asNode =
    "signerName: kubernetes.io/kube-apiserver-client-kubelet\n  usages: [digital signature, client auth]";
  const identity = ["--as=system:node:n1", "--as-group=system:nodes", "--as-group=system:authenticated"];
  // As kubeadm gives it to nodes.
  const role = "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient";
  await kubectl("create", "clusterrolebinding", "nodes", `--clusterrole=${role}`, "--group=system:nodes");
  await apply(signingRequest("node", node.csrPem, asNode), ...identity);
  await kubectl("wait", "csr/node", "--for=jsonpath={.status.certificate}", "--timeout=20s");
  assert.match(await kubectl("get", "csr", "node"), /Approved,Issued/);
});
