import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "#base/options.ts";
import { serverSpecs } from "../option-tables.ts";
import { readServerOptions } from "../options.ts";

const machine = { isRoot: true, home: "/root", hostname: "one" };

function server(values: Record<string, unknown>): ReturnType<typeof readServerOptions> {
  const parsed = parseOptions(serverSpecs, values, (name) => `--${name}`);
  assert.deepEqual(parsed.faults, []);
  return readServerOptions(parsed.values, machine);
}

test("etcd's API is served only when asked for", () => {
  assert.equal(server({}).options.etcdListen, undefined);
  const { options, faults } = server({ "etcd-listen": ["http://127.0.0.1:2379,unix:///run/etcd.sock"] });
  assert.deepEqual(faults, []);
  assert.deepEqual(options.etcdListen?.urls, ["http://127.0.0.1:2379", "unix:///run/etcd.sock"]);
});

for (const [values, fault] of [
  [
    { "etcd-listen": ["127.0.0.1:2379"] },
    "--etcd-listen is 127.0.0.1:2379, must be http://HOST:PORT, https://HOST:PORT or unix:///PATH",
  ],
  [
    { "etcd-listen": ["https://127.0.0.1:2379"] },
    "--etcd-listen with https needs --etcd-cert-file and --etcd-key-file",
  ],
  [
    { "etcd-cert-file": "a.pem" },
    "--etcd-cert-file, --etcd-key-file and --etcd-trusted-ca-file need an https URL in --etcd-listen",
  ],
  [
    { "etcd-listen": ["http://127.0.0.1:2379"], "datastore-endpoint": "http://10.0.0.1:2379" },
    "--etcd-listen can't be had with --datastore-endpoint: ask that datastore",
  ],
] as const) {
  test(`refused: ${fault}`, () => {
    assert.deepEqual(server(values).faults, [fault]);
  });
}
