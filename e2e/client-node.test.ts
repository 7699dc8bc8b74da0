/** Acceptance: what people do with @kubernetes/client-node. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startServer, type Cluster } from "./cluster.ts";
import { createLab, type Lab } from "./lab.ts";
import { Leftovers } from "./leftovers.ts";

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: {
    readonly status: string;
    readonly reason?: string;
    readonly details?: { readonly causes?: readonly { readonly reason: string; readonly message: string }[] };
  };
}

/** What client-node/script.ts prints. */
interface Report {
  readonly informer: {
    readonly seen: readonly string[];
    readonly cached: readonly string[];
    readonly errors: readonly string[];
  };
  readonly watch: { readonly events: readonly string[] };
  readonly refusals: Readonly<Record<string, string>>;
  readonly exec: { readonly output: Ran; readonly input: Ran; readonly failure: Ran };
  readonly logs: {
    readonly all: string;
    readonly last: string;
    readonly messages: string;
    readonly followed: string;
  };
  readonly portForward: { readonly answer: string; readonly errors: string };
  readonly deployment: { readonly replicaSets: number; readonly replicas: number };
}

suite("client-node", { timeout: 120_000 }, () => {
  let lab: Lab;
  let cluster: Cluster;
  let report: Report;
  const leftovers = Leftovers.now();
  const stack = new AsyncDisposableStack();

  before(async () => {
    lab = stack.use(await createLab(1));
    cluster = stack.use(await startServer(lab.host(1), { args: ["--runtime", "embedded"] }));
    const script = `${import.meta.dirname}/client-node/script.ts`;
    const { stdout } = await lab.host(1).exec([process.execPath, script, cluster.kubeconfig]);
    report = JSON.parse(stdout) as Report;
  });
  after(async () => {
    await stack.disposeAsync();
    assert.deepEqual(leftovers.added(), []);
  });

  test("an informer lists, then sees create, replace, patch and delete", () => {
    assert.deepEqual(report.informer, {
      seen: ["add before 0", "add watched 1", "update watched 2", "update watched 3", "delete watched 3"],
      cached: ["before"],
      errors: [],
    });
  });

  test("a watch goes on from a list's revision", () => {
    assert.deepEqual(report.watch.events, ["ADDED seen", "DELETED seen"]);
  });

  test("what is refused is refused with a code and a reason", () => {
    assert.deepEqual(report.refusals, {
      missing: "404 NotFound",
      twice: "409 AlreadyExists",
      invalid: "422 Invalid",
    });
  });

  test("exec: output, input, exit code", () => {
    const { output, input, failure } = report.exec;
    assert.deepEqual([output.stdout, output.stderr, output.status.status], ["out\n", "err\n", "Success"]);
    assert.deepEqual([input.stdout, input.status.status], ["a line\nand another\n", "Success"]);
    assert.deepEqual([failure.status.status, failure.status.reason], ["Failure", "NonZeroExitCode"]);
    assert.deepEqual(failure.status.details?.causes, [{ reason: "ExitCode", message: "7" }]);
  });

  test("logs: all, the last line, in messages of a WebSocket, followed", () => {
    assert.deepEqual(report.logs, {
      all: "first\nsecond\nlater\n",
      last: "later\n",
      messages: "first\nsecond\nlater\n",
      followed: "first\nsecond\nlater\n",
    });
  });

  test("a port is forwarded", () => {
    assert.match(report.portForward.answer, /^HTTP\/1\.\d 200 OK\r\n[\s\S]*\r\n\r\nserved\n$/);
    assert.equal(report.portForward.errors, "");
  });

  test("a deployment and its scale", () => {
    assert.deepEqual(report.deployment, { replicaSets: 1, replicas: 0 });
  });
});
