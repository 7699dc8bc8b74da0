/** Acceptance: helm 3 and 4 with a chart that has a definition and objects of it, hooks and a webhook configuration. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { PlainServer } from "./plain-server.ts";

const chart = join(import.meta.dirname, "testdata", "charts", "full");

suite("helm", { timeout: 200_000 }, () => {
  let server: PlainServer;
  before(async () => {
    server = await PlainServer.start();
  });
  after(() => server[Symbol.asyncDispose]());

  for (const version of ["3", "4"] as const) {
    test(`helm ${version}: install, upgrade, rollback, uninstall, each waiting`, async () => {
      const release = `full${version}`;
      const helm = (...args: readonly string[]): Promise<string> => server.run(`helm-${version}`, args);
      const get = (what: string, path: string): Promise<string> =>
        server.kubectl("1.35", ["get", ...what.split(" "), "-o", `jsonpath={${path}}`]);
      const waiting = ["--wait", "--timeout", "60s"];
      const message = async (): Promise<readonly string[]> => [
        await get(`widget ${release}`, ".spec.message"),
        Buffer.from(await get(`secret ${release}`, ".data.message"), "base64").toString(),
        await get(`configmap ${release}-before`, ".data.revision"),
      ];

      assert.match(await helm("install", release, chart, ...waiting), /^STATUS: deployed$/m);
      assert.deepEqual(await message(), ["one", "one", "1"]);
      assert.equal(
        await get(`validatingwebhookconfiguration ${release}`, ".webhooks[0].failurePolicy"),
        "Fail",
      );
      await helm("upgrade", release, chart, "--set", "message=two", ...waiting);
      assert.deepEqual(await message(), ["two", "two", "2"]);
      await helm("rollback", release, "1", ...waiting);
      assert.deepEqual((await message()).slice(0, 2), ["one", "one"]);
      const history = JSON.parse(await helm("history", release, "-o", "json")) as { status: string }[];
      assert.deepEqual(
        history.map(({ status }) => status),
        ["superseded", "superseded", "deployed"],
      );
      assert.match(await helm("status", release), /^STATUS: deployed$/m);
      assert.match(await helm("list"), new RegExp(`^${release}\\s+default\\s+3\\s`, "m"));
      assert.equal(await helm("uninstall", release, ...waiting), `release "${release}" uninstalled\n`);

      const kinds = "widgets,secrets,services,deployments,validatingwebhookconfigurations,configmaps";
      const left = await server.kubectl("1.35", ["get", kinds, "-o", "name"]);
      const own = left.split("\n").filter((name) => name.includes(release));
      assert.deepEqual(own, [`configmap/${release}-after`, `configmap/${release}-before`]);
      assert.match(await server.kubectl("1.35", ["get", "crd", "-o", "name"]), /widgets\.helm\.example\.com/);
    });
  }
});
