/** Two servers on three etcd members: both serve, members and servers die, nothing acknowledged is lost. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { systemRandom } from "#base/random.ts";
import { createCa, issueCertificate } from "#pki/ca.ts";
import { eventually } from "../wait.ts";
import { type EtcdMember, etcdCluster } from "./etcd.ts";
import { Ledger } from "./ledger.ts";
import { credentialsIn, MiniServer } from "./server.ts";

/** upstream's leader election: 15 s, asked for every 2 s; and some time for the new leader to begin. */
const handOverMaxMs = 25_000;
const regainMaxMs = 30_000;

const directory = mkdtempSync(join(tmpdir(), "mini-k8s-etcd-tls-"));
const path = (name: string): string => join(directory, name);
let members: EtcdMember[] = [];
let servers: MiniServer[] = [];

function writeCertificates(): void {
  const ca = createCa({ commonName: "etcd-ca", days: 2, clock: systemClock, random: systemRandom });
  writeFileSync(path("ca.crt"), ca.certificatePem);
  for (const usage of ["server", "client"] as const) {
    const options = { commonName: `etcd-${usage}`, days: 1, usage, ipAddresses: ["127.0.0.1"], dnsNames: [] };
    const { certificatePem, keyPem } = issueCertificate(ca, options);
    writeFileSync(path(`${usage}.crt`), certificatePem);
    writeFileSync(path(`${usage}.key`), keyPem);
  }
}

const services = (prefix: string): string =>
  Array.from({ length: 20 }, (_, at) =>
    JSON.stringify({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: `${prefix}-${at}` },
      spec: { type: "NodePort", ports: [{ port: 80 }] },
    }),
  ).join("\n---\n");

const leaseHolder = (server: MiniServer, name: string): Promise<string> =>
  server.kubectl(["get", "lease", "-n", "kube-system", name, "-o", "jsonpath={.spec.holderIdentity}"]);

async function endpointPorts(server: MiniServer): Promise<number[]> {
  const format = "jsonpath={.subsets[*].ports[*].port}";
  const text = await server.kubectl(["get", "endpoints", "kubernetes", "-o", format]);
  return text
    .split(" ")
    .map(Number)
    .toSorted((a, b) => a - b);
}

suite("two servers on three etcd members", () => {
  before(async () => {
    writeCertificates();
    const tls = { ca: path("ca.crt"), certificate: path("server.crt"), key: path("server.key") };
    members = await etcdCluster(tls);
    await Promise.all(members.map((member) => member.start()));
    const endpoint = members.map(({ address }) => `https://${address}`).join(",");
    const files = ["ca", "cert", "key"].flatMap((what) => [
      `--datastore-${what}file`,
      path(what === "ca" ? "ca.crt" : what === "cert" ? "client.crt" : "client.key"),
    ]);
    const args = ["--token", "open-sesame", "--datastore-endpoint", endpoint, ...files];
    servers = ["alpha", "beta"].map((name) => new MiniServer(name, args));
    await Promise.all(servers.map((server) => server.start()));
  });

  after(async () => {
    for (const server of servers) await server.remove();
    for (const member of members) await member.remove();
    rmSync(directory, { recursive: true });
  });

  test("each sees what the other has written, at once", async () => {
    const [alpha, beta] = servers as [MiniServer, MiniServer];
    for (let at = 0; at < 20; at++) {
      const [from, to] = at % 2 === 0 ? [alpha, beta] : [beta, alpha];
      const body = { metadata: { name: `seen-${at}` }, data: { at: String(at) } };
      const created = await from.call("POST", "/api/v1/namespaces/default/configmaps", body);
      assert.equal(created.status, 201, created.text);
      const found = await to.call("GET", `/api/v1/namespaces/default/configmaps/seen-${at}`);
      assert.equal(found.status, 200, found.text);
      const list = await to.call("GET", "/api/v1/namespaces/default/configmaps");
      assert.ok(list.text.includes(`seen-${at}`));
    }
    await alpha.kubectl(["label", "configmap", "seen-1", "by=alpha"]);
    assert.equal(
      await beta.kubectl(["get", "configmap", "-l", "by=alpha", "-o", "name"]),
      "configmap/seen-1\n",
    );
  });

  test("they are one cluster: one CA, certificates and tokens of one are good at the other", async () => {
    const [alpha, beta] = servers as [MiniServer, MiniServer];
    const [one, two] = [alpha, beta].map(({ kubeconfig }) => credentialsIn(readFileSync(kubeconfig, "utf8")));
    assert.equal(one?.ca, two?.ca);
    const whoami = ["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"];
    assert.equal(await alpha.kubectl(["--server", beta.url, ...whoami]), "system:admin");
    const token = (await alpha.kubectl(["create", "token", "default"])).trim();
    const bare = ["--kubeconfig=/dev/null", "--server", beta.url, "--insecure-skip-tls-verify"];
    assert.equal(
      await beta.kubectl([...bare, "--token", token, ...whoami]),
      "system:serviceaccount:default:default",
    );
    for (const { output } of servers) assert.doesNotMatch(output, /open-sesame/);
  });

  test("pods find both servers", async () => {
    const [alpha] = servers as [MiniServer];
    assert.deepEqual(
      await endpointPorts(alpha),
      servers.map(({ port }) => port).toSorted((a, b) => a - b),
    );
  });

  test("no address and no node port is given out twice", async () => {
    await Promise.all(servers.map((server) => server.kubectl(["apply", "-f", "-"], services(server.name))));
    const [alpha] = servers as [MiniServer];
    const columns = "jsonpath={range .items[*]}{.spec.clusterIP} {.spec.ports[0].nodePort}{'\\n'}{end}";
    const rows = (await alpha.kubectl(["get", "services", "-o", columns])).trim().split("\n");
    const made = rows.map((row) => row.split(" ")).filter(([, port]) => port !== undefined && port !== "");
    assert.equal(made.length, 40);
    assert.equal(new Set(made.map(([address]) => address)).size, 40);
    assert.equal(new Set(made.map(([, port]) => port)).size, 40);
  });

  test("a member dies, then a second one, then both come back: nothing acknowledged is lost", async () => {
    const [alpha] = servers as [MiniServer];
    const [one, two] = members as [EtcdMember, EtcdMember];
    const ledger = new Ledger(servers, 4);
    const grow = async (what: string): Promise<void> => {
      const from = ledger.acknowledged.length;
      await eventually(what, regainMaxMs, () => Promise.resolve(ledger.acknowledged.length > from + 40));
    };
    await grow("writes are acknowledged");
    await one.kill();
    await grow("writes go on with two members");
    await two.kill();
    await eventually("writes fail without a majority", regainMaxMs, () =>
      Promise.resolve(ledger.faults.length >= 4),
    );
    await Promise.all([one.start(), two.start()]);
    await grow("writes go on after the members are back");
    await ledger.stop();
    for (const { exitCode, output } of servers) assert.equal(exitCode, null, output.slice(-3000));
    const list = await alpha.call("GET", "/api/v1/namespaces/default/configmaps");
    const { items } = JSON.parse(list.text) as { items: { metadata: { name: string }; data?: object }[] };
    const found = new Set(items.map(({ metadata }) => metadata.name));
    assert.deepEqual(
      ledger.acknowledged.filter((name) => !found.has(name)),
      [],
    );
    const known = new Set([...ledger.acknowledged, ...ledger.open]);
    assert.deepEqual(
      [...found].filter((name) => name.startsWith("entry-") && !known.has(name)),
      [],
    );
  });

  test("controllers and scheduler run at the leader, and move when it is killed", async () => {
    const [alpha] = servers as [MiniServer];
    const names = ["kube-controller-manager", "kube-scheduler"];
    const holder = await leaseHolder(alpha, "kube-controller-manager");
    const leader = servers.find(({ name }) => holder.startsWith(`${name}_`));
    const other = servers.find((server) => server !== leader);
    assert.ok(leader !== undefined && other !== undefined, holder);
    await other.kubectl(["create", "deployment", "before", "--image=web", "--replicas=2"]);
    await eventually("the leader makes pods for a deployment of the other", regainMaxMs, async () => {
      const pods = await other.kubectl(["get", "pods", "-l", "app=before", "-o", "name"]);
      return pods.trim().split("\n").length === 2;
    });
    await leader.kill();
    await other.kubectl(["create", "deployment", "behind", "--image=web", "--replicas=3"]);
    await eventually("the other takes over", handOverMaxMs, async () => {
      for (const name of names) {
        if (!(await leaseHolder(other, name)).startsWith(`${other.name}_`)) return false;
      }
      const pods = await other.kubectl(["get", "pods", "-l", "app=behind", "-o", "name"]);
      return pods.trim().split("\n").length === 3;
    });
    await eventually("pods are no longer led to the dead server", handOverMaxMs, async () => {
      const ports = await endpointPorts(other);
      return ports.length === 1 && ports[0] === other.port;
    });
  });
});
