import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { main } from "./main.ts";

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(argv: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  let out = "";
  let err = "";
  const code = await main({
    argv,
    program: "mini-k8s",
    env,
    signal: new AbortController().signal,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

const plain = (value: unknown): string => String(value);

for (const command of [
  "root",
  "server",
  "agent",
  "token",
  "secrets-encrypt",
  "snapshot",
  "get",
  "history",
  "rewind",
  "completion",
  "uninstall",
]) {
  test(`--help of ${command} is as it was`, async (t) => {
    const { code, out } = await run(command === "root" ? ["--help"] : [command, "--help"]);
    assert.equal(code, 0);
    t.assert.fileSnapshot(out, join(import.meta.dirname, "testdata", `${command}.help.txt`), {
      serializers: [plain],
    });
  });
}

test("all faults of the command line are told at once, each by its flag", async () => {
  const wrong = await run(["server", "--https-listen-port", "many", "--node-ip", "here"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /--https-listen-port is "many", must be an integer/);
  const values = await run(["server", "--https-listen-port", "0", "--node-ip", "here", "--runtime", "x"]);
  assert.deepEqual(
    values.err
      .trim()
      .split("\n")
      .map((line) => line.split(" ")[2]),
    ["--runtime", "--node-ip", "--https-listen-port"],
  );
  const unknown = await run(["server", "--nodename=x", "--colour", "red"]);
  assert.deepEqual(unknown.err.trim().split("\n"), [
    "mini-k8s server: unknown option --nodename",
    "mini-k8s server: unknown option --colour",
  ]);
});

test("a switch may have a value, as upstream's do", async () => {
  const contradicting = ["server", "--docker=true", "--runtime=cri"];
  assert.match((await run(contradicting)).err, /--docker contradicts --runtime cri/);
  const { err } = await run(["server", "--docker=false", "--runtime=cri", "--https-listen-port=0"]);
  assert.deepEqual(err.includes("--docker"), false);
  const wrong = await run(["server", "--anonymous-auth=perhaps"]);
  assert.match(wrong.err, /--anonymous-auth is "perhaps", must be true or false/);
});

test("an agent says what it lacks; an unknown command is named", async () => {
  const agent = await run(["agent"]);
  assert.match(agent.err, /--server is missing[^]*--token is missing/);
  const unknown = await run(["serve"]);
  assert.deepEqual([unknown.code, unknown.err.includes("unknown command serve")], [2, true]);
});

test("flags beat the environment, the environment beats the config file, whose faults name the file", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "mini-k8s-config-"));
  t.after(() => rm(directory, { recursive: true }));
  const config = join(directory, "config.yaml");
  await writeFile(config, "https-listen-port: none\nnode-ip: 10.0.0.1\nsurprise: 1\n");
  const { err } = await run(["server", "--config", config], { MINI_K8S_DEBUG: "perhaps" });
  assert.match(err, new RegExp(`${config}: unknown option surprise`));
  assert.match(err, new RegExp(`${config}: https-listen-port is "none", must be an integer`));
  assert.match(err, /MINI_K8S_DEBUG is "perhaps", must be true or false/);
});

test("completion knows every command and its flags", async () => {
  const { out } = await run(["completion", "bash"]);
  assert.match(out, /server\) words="[^"]*--https-listen-port/);
  assert.equal((await run(["completion", "fish"])).code, 2);
});
