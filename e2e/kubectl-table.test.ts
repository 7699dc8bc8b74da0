/** Acceptance: every kubectl command that needs no running pod, as 1.27, 1.33 and 1.35 say it. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { request, type RequestOptions } from "node:http";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { KubectlVersion } from "./cluster.ts";
import { kubectlTable } from "./kubectl-table.ts";
import type { Step } from "./kubectl-table-making.ts";
import { PlainServer } from "./plain-server.ts";

const versions = ["1.27", "1.33", "1.35"] as const;

suite("kubectl's table", { timeout: 300_000, concurrency: versions.length }, () => {
  let server: PlainServer;
  before(async () => {
    server = await PlainServer.start();
    const folder = join(server.directory, "kustomized");
    mkdirSync(folder);
    const own = "configMapGenerator: [{ name: of-kustomize, literals: [a=b] }]\nnamePrefix: k-\n";
    writeFileSync(
      join(folder, "kustomization.yaml"),
      `${own}generatorOptions: { disableNameSuffixHash: true }\n`,
    );
  });
  after(() => server[Symbol.asyncDispose]());

  for (const version of versions) {
    suite(`kubectl ${version}`, { concurrency: 1 }, () => {
      const namespace = `by-${version.replace(".", "-")}`;
      before(() => server.kubectl(version, ["create", "namespace", namespace]));
      for (const { name, steps } of kubectlTable) {
        test(name, async () => {
          for (const step of steps) await take(server, version, { namespace, step });
        });
      }
    });
  }

  test("get -w tells what comes, changes and goes", () => watchTable(server));
  test("proxy passes paths through, on a port and on a socket", () => proxied(server));
});

async function take(
  server: PlainServer,
  version: KubectlVersion,
  { namespace, step }: { namespace: string; step: Step },
): Promise<void> {
  const fill = (text: string): string => text.replaceAll("$NS", namespace);
  const args = fill(step.run).split(" ");
  const { code, stdout, stderr } = await server.tries(`kubectl-${version}`, ["-n", namespace, ...args], {
    input: fill(step.input ?? ""),
    ...(step.editor === undefined ? {} : { env: { KUBE_EDITOR: step.editor } }),
  });
  const wanted = typeof step.code === "number" ? step.code : (step.code?.[version] ?? 0);
  const told = `kubectl ${args.join(" ")}\n${stdout}${stderr}`;
  assert.equal(code, wanted, told);
  const said = code === 0 ? stdout : stdout + stderr;
  if (typeof step.says === "string" && version === "1.35") assert.equal(said, fill(step.says), told);
  if (step.says instanceof RegExp) {
    const { source, flags } = step.says;
    assert.match(said, new RegExp(source.replaceAll("\\$NS", namespace), flags), told);
  }
}

async function watchTable(server: PlainServer): Promise<void> {
  const own = ["-n", "default", "get", "configmaps", "-l", "watched=yes"];
  await using table = server.goesOn("kubectl-1.35", [...own, "-w", "--output-watch-events"]);
  await using names = server.goesOn("kubectl-1.27", [...own, "-w", "-o", "name"]);
  const kubectl = (...args: string[]): Promise<string> => server.kubectl("1.33", args);
  await kubectl("create", "configmap", "watched");
  await kubectl("label", "configmap", "watched", "watched=yes");
  await table.says(/^EVENT +NAME +DATA +AGE\nADDED +watched +0 +\d+s\n$/);
  await kubectl("patch", "configmap", "watched", "-p", '{"data":{"a":"b"}}');
  await table.says(/\nMODIFIED +watched +1 +\d+s\n$/);
  await kubectl("label", "configmap", "watched", "watched-");
  await table.says(/\nDELETED +watched +1 +\d+s\n$/);
  await names.says(/^(configmap\/watched\n){3}$/);
}

async function proxied(server: PlainServer): Promise<void> {
  await using onPort = server.goesOn("kubectl-1.35", ["proxy", "--port=0"]);
  const [, port = ""] = await onPort.says(/^Starting to serve on 127\.0\.0\.1:(\d+)\n$/);
  assert.match(await body({ host: "127.0.0.1", port, path: "/api/" }), /^\{\s*"kind":\s*"APIVersions"/);
  const socketPath = join(server.directory, "proxy.sock");
  await using onSocket = server.goesOn("kubectl-1.35", ["proxy", `--unix-socket=${socketPath}`]);
  await onSocket.says(/^Starting to serve on .*proxy\.sock\n$/);
  assert.match(await body({ socketPath, path: "/api/" }), /^\{\s*"kind":\s*"APIVersions"/);
}

function body(options: RequestOptions): Promise<string> {
  return new Promise((done, reject) => {
    const asked = request(options, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      answer.on("end", () => {
        done(text);
      });
    });
    asked.on("error", reject);
    asked.end();
  });
}
