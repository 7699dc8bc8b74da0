import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "#base/options.ts";
import { datastoreName } from "./datastore/endpoint.ts";
import { agentSpecs, serverSpecs } from "./option-tables.ts";
import { readAgentOptions, readServerOptions, type Machine } from "./options.ts";

const machine: Machine = { isRoot: true, home: "/home/me", hostname: "Laptop" };

function server(values: Record<string, unknown>): ReturnType<typeof readServerOptions> {
  const parsed = parseOptions(serverSpecs, values, (name) => `--${name}`);
  assert.deepEqual(parsed.faults, []);
  return readServerOptions(parsed.values, machine);
}

test("defaults are k3s's", () => {
  const { options, faults } = server({});
  assert.deepEqual(faults, []);
  assert.equal(options.nodeName, "laptop");
  assert.equal(options.dataDir, "/var/lib/mini-k8s");
  assert.equal(options.clusterCidr, "10.42.0.0/16");
  assert.equal(options.clusterDns, "10.43.0.10");
  assert.deepEqual(options.serviceNodePortRange, { from: 30000, to: 32767 });
  assert.equal(options.writeKubeconfig, "/etc/mini-k8s/mini-k8s.yaml");
});

test("admission plugins are named in one list or in several", () => {
  const { options, faults } = server({
    "enable-admission-plugins": ["AlwaysPullImages, DenyServiceExternalIPs", "AlwaysAdmit"],
    "disable-admission-plugins": "LimitRanger",
  });
  assert.deepEqual(faults, []);
  assert.deepEqual(options.admissionPlugins, {
    enable: ["AlwaysPullImages", "DenyServiceExternalIPs", "AlwaysAdmit"],
    disable: ["LimitRanger"],
  });
});

test("who isn't root keeps everything at home", () => {
  const { options } = readServerOptions({}, { ...machine, isRoot: false });
  assert.equal(options.dataDir, "/home/me/.mini-k8s");
  assert.equal(options.writeKubeconfig, "/home/me/.mini-k8s/kubeconfig.yaml");
});

for (const [flag, value, fault] of [
  ["https-listen-port", "70000", "--https-listen-port is 70000, must lie in 1-65535"],
  [
    "service-node-port-range",
    "80-90",
    "--service-node-port-range is 80-90, must be FROM-TO within 1024-65535",
  ],
  [
    "cluster-cidr",
    "10.42.0.1/16",
    "--cluster-cidr is 10.42.0.1/16, must be an IPv4 range such as 10.42.0.0/16",
  ],
  ["cluster-dns", "10.99.0.1", "--cluster-dns is 10.99.0.1, must lie in --service-cidr 10.43.0.0/16"],
  ["service-cidr", "10.42.0.0/24", "--service-cidr 10.42.0.0/24 and --cluster-cidr 10.42.0.0/16 overlap"],
  [
    "node-name",
    "Not_valid",
    "--node-name is not_valid, must be lower-case letters, digits, '-' and '.', at most 253",
  ],
  ["node-label", "x", "--node-label is x, must be KEY=VALUE"],
  [
    "node-taint",
    "a=b:Never",
    "--node-taint is a=b:Never, must be KEY=VALUE:EFFECT with an effect of NoSchedule, PreferNoSchedule, NoExecute",
  ],
  ["runtime", "podman", "--runtime is podman, must be one of auto, docker, cri, embedded, fake"],
  ["write-kubeconfig-mode", "rw", "--write-kubeconfig-mode is rw, must be an octal file mode such as 0644"],
] as const) {
  test(`--${flag} ${value} is refused by name`, () => {
    assert.deepEqual(server({ [flag]: value }).faults, [fault]);
  });
}

test("all faults are told at once", () => {
  assert.equal(server({ "https-listen-port": "0", runtime: "x", "node-ip": "here" }).faults.length, 3);
});

test("values of the wrong type are refused where they were written", () => {
  const parsed = parseOptions(
    serverSpecs,
    { "https-listen-port": "many", debug: "perhaps" },
    (name) => `config.yaml: ${name}`,
  );
  assert.deepEqual(parsed.faults, [
    'config.yaml: debug is "perhaps", must be true or false',
    'config.yaml: https-listen-port is "many", must be an integer',
  ]);
});

test("an agent needs a server and a token", () => {
  const parsed = parseOptions(agentSpecs, {}, (name) => `--${name}`);
  assert.equal(readAgentOptions(parsed.values, machine).faults.length, 2);
  const good = readAgentOptions({ join: "https://h1:6443/", token: "K10x::node:y" }, machine);
  assert.deepEqual(good.faults, []);
  assert.equal(good.options.server, "https://h1:6443");
});

test("--docker and an endpoint choose the runtime", () => {
  assert.equal(server({ docker: true }).options.runtime, "docker");
  assert.equal(server({ "container-runtime-endpoint": "/run/x.sock" }).options.runtime, "cri");
  assert.equal(server({ docker: true, runtime: "cri" }).faults.length, 1);
});

const fault = (values: Record<string, string>): readonly string[] => server(values).faults;

test("a datastore is read from its endpoint", () => {
  const files = { caFile: "/ca", certFile: "/crt", keyFile: "/key" };
  const flags = { "datastore-cafile": "/ca", "datastore-certfile": "/crt", "datastore-keyfile": "/key" };
  assert.deepEqual(server({}).options.datastore, { kind: "sqlite" });
  assert.deepEqual(
    server({ ...flags, "datastore-endpoint": "https://a:2379, https://b,https://[::1]:9" }).options.datastore,
    { kind: "etcd", members: ["a:2379", "b:2379", "[::1]:9"], isTls: true, files },
  );
  const url = "postgres://me:secret@db:5432/kubernetes?sslmode=require";
  const postgres = server({ "datastore-endpoint": url }).options.datastore;
  assert.equal(postgres.kind, "postgres");
  assert.equal(datastoreName(postgres), "postgres://db:5432/kubernetes");
});

test("everything that is wrong with a datastore is said at once, passwords are not", () => {
  assert.deepEqual(
    fault({ "datastore-endpoint": "http://a:1,https://b:70000,", "datastore-keyfile": "/k" }),
    [
      "--datastore-keyfile is given, --datastore-certfile is missing",
      "--datastore-endpoint has https://b:70000, must be https://HOST:PORT",
      "--datastore-endpoint has an empty entry, must be https://HOST:PORT",
      "--datastore-endpoint mixes http:// and https://, all members must have the same",
      "--datastore-cafile, --datastore-certfile and --datastore-keyfile need https:// endpoints",
    ],
  );
  assert.match(
    fault({ "datastore-endpoint": "mysql://me:secret@db/x" })[0] ?? "",
    /has the scheme mysql, must/,
  );
  assert.match(fault({ "datastore-endpoint": "me:secret@db" })[0] ?? "", /has no scheme, must/);
  assert.match(fault({ "datastore-endpoint": "postgres://db:x/y" })[0] ?? "", /no valid postgres/);
  assert.match(fault({ "datastore-endpoint": "postgres://me@a,b/y" })[0] ?? "", /names several hosts/);
  for (const endpoint of [
    "mysql://me:secret@db/x",
    "me:secret@db",
    "https://me:secret@a:1",
    "postgres://me:secret@db:x/y",
  ]) {
    assert.doesNotMatch(fault({ "datastore-endpoint": endpoint }).join(), /secret/);
  }
  assert.match(fault({ "datastore-cafile": "/ca" })[0] ?? "", /need --datastore-endpoint/);
  const postgres = "postgres://me:secret@db/x?sslmode=";
  assert.match(
    fault({ "datastore-endpoint": `${postgres}yes` })[0] ?? "",
    /sslmode=yes, must be one of disable/,
  );
  assert.match(
    fault({ "datastore-endpoint": `${postgres}prefer`, "datastore-cafile": "/ca" })[0] ?? "",
    /sslmode=prefer: .* need require, verify-ca or verify-full/,
  );
  assert.match(
    fault({ "datastore-endpoint": `${postgres}require&sslrootcert=/ca` })[0] ?? "",
    /has sslrootcert: give that file with --datastore-cafile/,
  );
});
