/** Tokens that secrets hold: of service accounts, and of those who join; with the real kubectl. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock, toRfc3339 } from "#base/clock.ts";
import { JudgingServer } from "./judging-server.ts";
import { PlainServer } from "./plain-server.ts";
import { eventually } from "./wait.ts";

const waitMs = 20_000;

const tokenSecret = (id: string, expiration: string): string => `
apiVersion: v1
kind: Secret
metadata: {name: bootstrap-token-${id}, namespace: kube-system}
type: bootstrap.kubernetes.io/token
stringData:
  token-id: ${id}
  token-secret: "0123456789abcdef"
  usage-bootstrap-authentication: "true"
  usage-bootstrap-signing: "true"
  expiration: "${expiration}"
`;

test("a secret of an account holds its token, until the account goes", { timeout: 60_000 }, async () => {
  await using server = await PlainServer.start();
  const kubectl = (...args: string[]): Promise<string> => server.kubectl("1.35", args);
  await kubectl("create", "serviceaccount", "robot");
  await server.kubectl(
    "1.35",
    ["create", "-f", "-"],
    `
apiVersion: v1
kind: Secret
metadata: {name: robot, annotations: {kubernetes.io/service-account.name: robot}}
type: kubernetes.io/service-account-token
`,
  );
  await kubectl("wait", "secret/robot", "--for=jsonpath={.data.token}", "--timeout=20s");
  const token = Buffer.from(
    await kubectl("get", "secret", "robot", "-o", "jsonpath={.data.token}"),
    "base64",
  );
  assert.match(await server.whoami(token.toString()), /^Username +system:serviceaccount:default:robot$/m);
  assert.match(
    await kubectl("get", "secret", "robot", "-o", "jsonpath={.metadata.labels}"),
    /"kubernetes.io\/legacy-token-last-used":"\d{4}-\d\d-\d\d"/,
  );
  assert.match(
    await kubectl("describe", "secret", "robot"),
    /^ca\.crt: +\d+ bytes\nnamespace: +7 bytes\ntoken:/m,
  );
  await kubectl("label", "secret", "robot", "kubernetes.io/legacy-token-invalid-since=2026-01-01");
  assert.match(await server.fails(server.whoami(token.toString())), /must be logged in/);
  await kubectl("label", "secret", "robot", "kubernetes.io/legacy-token-invalid-since-");
  await server.whoami(token.toString());
  await kubectl("delete", "serviceaccount", "robot");
  await kubectl("wait", "secret/robot", "--for=delete", "--timeout=20s");
  assert.match(await server.fails(server.whoami(token.toString())), /must be logged in/);
});

/** As kubeadm join does it: a stranger reads it, checks it with the token alone, and comes back by what it says. */
async function discovers(server: PlainServer, id: string, secret: string): Promise<void> {
  const { status, text } = await server.anonymously("/api/v1/namespaces/kube-public/configmaps/cluster-info");
  assert.equal(status, 200);
  const { data } = JSON.parse(text) as { readonly data: Readonly<Record<string, string>> };
  const { kubeconfig = "", [`jws-kubeconfig-${id}`]: signed = "" } = data;
  const [header = "", , signature] = signed.split(".");
  const content = Buffer.from(kubeconfig).toString("base64url");
  assert.equal(createHmac("sha256", secret).update(`${header}.${content}`).digest("base64url"), signature);
  const path = join(server.directory, "discovered");
  writeFileSync(path, kubeconfig);
  const whoami = ["auth", "whoami", `--kubeconfig=${path}`, `--token=${id}.${secret}`];
  assert.match(await server.kubectl("1.35", whoami), new RegExp(`^Username +system:bootstrap:${id}$`, "m"));
  assert.equal((await server.anonymously("/api/v1/namespaces/kube-public/configmaps")).status, 403);
}

test("a bootstrap token signs cluster-info, and is over in time", { timeout: 60_000 }, async () => {
  await using server = await PlainServer.start();
  const kubectl = (...args: string[]): Promise<string> => server.kubectl("1.35", args);
  const soon = toRfc3339(systemClock.now() + 8000);
  await server.kubectl(
    "1.35",
    ["create", "-f", "-"],
    `${tokenSecret("abcdef", soon)}---${tokenSecret("fedcba", "")}`,
  );
  const signers = async (): Promise<string> => {
    const data = JSON.parse(
      await kubectl("get", "configmap", "cluster-info", "-n", "kube-public", "-o", "jsonpath={.data}"),
    ) as Record<string, string>;
    return Object.keys(data)
      .filter((key) => key.startsWith("jws-"))
      .toSorted()
      .join(" ");
  };
  const are = (wanted: string) => async (): Promise<boolean> => (await signers()) === wanted;
  await eventually("both sign", waitMs, are("jws-kubeconfig-abcdef jws-kubeconfig-fedcba"));
  await discovers(server, "abcdef", "0123456789abcdef");
  await kubectl(
    "wait",
    "-n",
    "kube-system",
    "secret/bootstrap-token-abcdef",
    "--for=delete",
    "--timeout=20s",
  );
  await eventually("one signs", waitMs, are("jws-kubeconfig-fedcba"));
});

test("tokens that another server judges; whom their users may act as", { timeout: 60_000 }, async () => {
  await using judging = await JudgingServer.start();
  await using server = await PlainServer.start([
    `--authentication-token-webhook-config-file=${judging.kubeconfig()}`,
    "--authentication-token-webhook-version=v1",
  ]);
  judging.judge = ({ spec }) =>
    spec.token === "alices" ? { authenticated: true, user: { username: "alice" } } : { authenticated: false };
  const kubectl = (...args: string[]): Promise<string> => server.kubectl("1.35", args);
  const look = (...more: string[]): Promise<string> =>
    server.bearing("alices", ["get", "--raw", "/api/v1/namespaces", ...more]);
  assert.match(await server.whoami("alices"), /^Username +alice$/m);
  assert.match(await server.fails(server.whoami("joes")), /must be logged in/);
  assert.equal(judging.asked.length, 2);
  await server.whoami("alices");
  assert.equal(judging.asked.length, 2);

  assert.match(
    await server.fails(look("--as=bob")),
    /User "alice" cannot impersonate resource "users" in API group "" at the cluster scope/,
  );
  const yaml = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: actors}
rules: [{verbs: [impersonate], apiGroups: [""], resources: [users]}]
`;
  await server.kubectl("1.35", ["create", "-f", "-"], yaml);
  await kubectl("create", "clusterrolebinding", "actors", "--clusterrole=actors", "--user=alice");
  assert.match(await server.whoami("alices", "--as=bob"), /^Username +bob$/m);
  assert.match(
    await server.fails(look("--as=bob", "--as-uid=7")),
    /cannot impersonate resource "uids" in API group "authentication.k8s.io" at the cluster scope/,
  );
  await kubectl(
    "patch",
    "clusterrole",
    "actors",
    "--type=json",
    `-p=[{"op":"add","path":"/rules/-","value":{"verbs":["impersonate"],"apiGroups":["authentication.k8s.io"],"resources":["uids"]}}]`,
  );
  assert.match(await server.whoami("alices", "--as=bob", "--as-uid=7"), /^UID +7$/m);
});
