/** Acceptance: a cluster's state saved, changed, restored, forked, compared, looked back at and rewound, seen by the real kubectl. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, suite, test } from "node:test";
import { exec, ExecError } from "#base/exec.ts";
import { eventually } from "./wait.ts";

const root = resolve(import.meta.dirname, "..");
const program = join(root, "bin", "mini-k8s.js");
const kubectlProgram = join(root, ".cache", "bin", "kubectl-1.35");
const port = 16_592;

/** A server, or what runs one. */
class Running {
  output = "";
  readonly #child: ChildProcess;

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const keep = (chunk: Buffer): void => {
      this.output += chunk.toString();
    };
    this.#child.stdout?.on("data", keep);
    this.#child.stderr?.on("data", keep);
  }

  async ready(): Promise<this> {
    const isUp = (): boolean => this.output.includes("ready in ") || this.#child.exitCode !== null;
    await eventually("it is ready", 60_000, () => Promise.resolve(isUp()));
    assert.equal(this.#child.exitCode, null, this.output);
    return this;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = new Promise((done) => this.#child.once("exit", done));
    this.#child.kill("SIGTERM");
    await gone;
  }
}

const miniK8s = async (...args: string[]): Promise<string> =>
  (await exec(process.execPath, [program, ...args])).stdout;

const refusal = async (run: Promise<string>): Promise<string> => {
  try {
    return `it was done: ${await run}`;
  } catch (error) {
    if (error instanceof ExecError) return error.stderr;
    throw error;
  }
};

suite("snapshots and time", { timeout: 300_000 }, () => {
  const dataDir = mkdtempSync(join(tmpdir(), "mini-k8s-snapshot-e2e-"));
  const kubeconfig = join(dataDir, "kubeconfig.yaml");
  let server: Running;

  const start = async (): Promise<void> => {
    const own = ["--data-dir", dataDir, "--https-listen-port", String(port), "--history", "1h"];
    server = await new Running(["server", "--disable-agent", ...own]).ready();
  };
  const kubectl = async (...args: string[]): Promise<string> =>
    (await exec(kubectlProgram, ["--kubeconfig", kubeconfig, ...args])).stdout;
  const snapshot = (...args: string[]): Promise<string> =>
    miniK8s("snapshot", ...args, "--data-dir", dataDir);
  const past = (...args: string[]): Promise<string> => miniK8s(...args, "--kubeconfig", kubeconfig);
  /** A service account with its token, instead of the administrator's certificate. */
  const asJanitor = async (...args: string[]): Promise<void> => {
    await kubectl("create", "serviceaccount", "janitor");
    const rights = ["--clusterrole=edit", "--serviceaccount=default:janitor"];
    await kubectl("create", "clusterrolebinding", "janitor", ...rights);
    const token = (await kubectl("create", "token", "janitor")).trim();
    const ca = join(dataDir, "server", "tls", "server-ca.crt");
    const who = [`--server=https://127.0.0.1:${port}`, `--certificate-authority=${ca}`, `--token=${token}`];
    await exec(kubectlProgram, ["--kubeconfig=/dev/null", ...who, ...args]);
  };
  const field = (object: string, path: string): Promise<string> =>
    kubectl("get", object, "-o", `jsonpath={${path}}`);

  before(async () => {
    await start();
    await kubectl("create", "deployment", "web", "--image=example.com/web:1", "--replicas=2");
    await kubectl("create", "configmap", "settings", "--from-literal=color=blue");
    await kubectl("create", "secret", "generic", "key", "--from-literal=k=v");
  });
  after(async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true });
  });

  test("save while it runs, change, compare, check, list", async () => {
    assert.match(
      await snapshot("save", "before"),
      /^snapshot before saved: \d+ objects at revision \d+, in \d+ ms\n$/,
    );
    await kubectl("scale", "deployment/web", "--replicas=3", "--as=jane", "--as-group=system:masters");
    await asJanitor("delete", "configmap", "settings");
    await kubectl("create", "configmap", "extra", "--from-literal=a=1");
    const diff = await snapshot("diff", "before", "now");
    assert.match(diff, /^- ConfigMap default\/settings$/m);
    assert.match(diff, /^\+ ConfigMap default\/extra$/m);
    assert.match(diff, /^~ Deployment default\/web$[^~]*^ {4}\.spec\.replicas: 2 → 3$/m);
    assert.match(await snapshot("check"), /is sound: \d+ objects/);
    assert.match(await snapshot("list"), /^before +\d+ +\d+ .* hand /m);
  });

  test("an object's history, the state of then, and the way back", async () => {
    const history = await past("history", "deployment/web");
    assert.match(history, /^REVISION +TIME +USER +MANAGER +CHANGE$/m);
    assert.match(history, /^\d+ +\S+Z +system:admin +kubectl-create \(Update\) +created$/m);
    assert.match(history, / jane \(by system:admin\) .*\n.*\.spec\.replicas: 2 → 3$/m);
    assert.match(history, / system:serviceaccount:kube-system:deployment-controller .*\.status/m);
    assert.match(
      await past("history", "cm/settings"),
      /^\d+ .* system:admin .*created\n\d+ .* system:serviceaccount:default:janitor .*deleted\n$/m,
    );
    const created = Number(await field("secret/key", ".metadata.resourceVersion"));
    assert.match(
      await past("get", "configmaps", "--at", String(created)),
      /^NAME +DATA +AGE\n.*\nsettings +1 /,
    );
    assert.match(await past("get", "deploy/web", "-o", "yaml", "--at", String(created)), /replicas: 2/);

    const plan = await past("rewind", "cm", "--to", String(created));
    assert.match(plan, /^\+ ConfigMap default\/settings\n- ConfigMap default\/extra\n/m);
    assert.match(plan, /nothing is done yet/);
    assert.match(await refusal(kubectl("get", "cm", "settings")), /NotFound/);
    await past("rewind", "cm", "--to", String(created), "--yes");
    assert.equal(await field("configmap/settings", ".data.color"), "blue");
    assert.match(await refusal(kubectl("get", "cm", "extra")), /NotFound/);
    await past("rewind", "--all", "--to", String(created), "--yes");
    assert.equal(await field("deployment/web", ".spec.replicas"), "2");
    assert.match(await past("history", "cm/settings"), /deleted\n\d+ .*mini-k8s-rewind.*created\n$/);
  });

  test("a second cluster from the snapshot, which the first one knows nothing of", async () => {
    const fork = await new Running(["snapshot", "fork", "before", "--data-dir", dataDir]).ready();
    try {
      const config = join(dataDir, "forks", "before", "kubeconfig.yaml");
      const inFork = async (...args: string[]): Promise<string> =>
        (await exec(kubectlProgram, ["--kubeconfig", config, "--context", "before", ...args])).stdout;
      assert.match(await inFork("get", "cm,secret,deploy", "-o", "name"), /settings[^]*key[^]*web/);
      await inFork("delete", "configmap", "settings");
      assert.equal(await field("configmap/settings", ".data.color"), "blue");
      // Its authorities are its own.
      assert.notEqual(
        readFileSync(join(dataDir, "forks", "before", "server", "tls", "server-ca.crt"), "utf8"),
        readFileSync(join(dataDir, "server", "tls", "server-ca.crt"), "utf8"),
      );
    } finally {
      await fork.stop();
    }
  });

  test("restore: not while it runs; then everything is as it was, and old revisions are expired", async () => {
    await kubectl("delete", "deployment", "web");
    const last = await field("configmap/settings", ".metadata.resourceVersion");
    assert.match(await refusal(snapshot("restore", "before")), /in use by process \d+/);
    await server.stop();
    assert.match(
      await snapshot("restore", "before"),
      /the database before is kept as [^]*snapshot before restored/,
    );
    await start();
    assert.equal(await field("deployment/web", ".spec.replicas"), "2");
    assert.equal(await field("configmap/settings", ".data.color"), "blue");
    const watch = await kubectl(
      "get",
      "--raw",
      `/api/v1/configmaps?watch=1&resourceVersion=${last}&timeoutSeconds=5`,
    );
    assert.match(watch, /"reason":"Expired","code":410/);
    await kubectl("create", "configmap", "new", "--from-literal=a=1");
    assert.ok(
      Number(await field("configmap/new", ".metadata.resourceVersion")) > Number(last) + 1_000_000_000,
    );
  });
});
