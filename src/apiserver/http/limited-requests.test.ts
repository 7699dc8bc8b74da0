/** A server without priority and fairness, over real connections. upstream: apiserver/pkg/server/filters/maxinflight_test.go */
import assert from "node:assert/strict";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { after, suite, test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { valueIn } from "#apiserver/metrics/testing/measured-server.ts";
import { openDoor, parsed, type Got } from "#testing/door-client.ts";

suite("without priority and fairness", async () => {
  const door = await openDoor({ isFair: false, requestLimits: { reading: 1, mutating: 1 } });
  const { server, h1, h2 } = door;
  after(() => door.close());
  const credentials = (name: string): object => {
    const { certificatePem: cert, keyPem: key } = server.certificate(name, ["people"]);
    return { cert, key };
  };
  const path = "/api/v1/namespaces/default/configmaps";
  const create = (who: object, name: string): Promise<Got> =>
    h1(
      { ...who, method: "POST", path, headers: { "content-type": "application/json" } },
      JSON.stringify({ metadata: { name } }),
    );
  /** A write whose body is never whole. */
  const hold = async (who: object): Promise<TLSSocket> => {
    const socket = connect({ host: "127.0.0.1", port: server.port, ca: server.caPem, ...who });
    await once(socket, "secureConnect");
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 40\r\n`;
    socket.write(`${head}Expect: 100-continue\r\n\r\n`);
    // By then it is being worked on.
    const [said] = (await once(socket, "data")) as [Buffer];
    assert.match(said.toString(), /^HTTP\/1\.1 100 Continue/);
    return socket;
  };
  const metrics = async (): Promise<string> => (await h2("GET", "/metrics")).body.toString("utf8");

  test("the second write at once is refused as by upstream, unless a cluster's master asks", async () => {
    const [anna, bert] = [credentials("anna"), credentials("bert")];
    const json = { "content-type": "application/json" };
    const binding = {
      metadata: { name: "people" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ kind: "Group", name: "people" }],
    };
    const bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    assert.equal((await h2("POST", bindings, json, JSON.stringify(binding))).status, 201);
    assert.equal((await create(bert, "one")).status, 201);
    const socket = await hold(anna);
    const refused = await create(bert, "two");
    assert.equal(refused.status, 429);
    assert.equal(refused.body.toString(), "Too many requests, please try again later.\n");
    const { headers } = refused;
    assert.equal(headers["retry-after"], "1");
    assert.equal(headers["content-type"], "text/plain; charset=utf-8");
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["cache-control"], "no-cache, private");
    const told = await metrics();
    const labels = { verb: "POST", resource: "configmaps", code: "429" };
    assert.equal(valueIn(told, "apiserver_request_terminations_total", labels), 1);
    assert.equal(valueIn(told, "apiserver_request_total", labels), 1);
    // Reads have a limit of their own.
    assert.equal((await h1({ ...bert, path: "/version" })).status, 200);
    const body = JSON.stringify({ metadata: { name: "of-a-master" } });
    assert.equal((await h2("POST", path, json, body)).status, 201);
    const said = text(socket);
    socket.end(" ".repeat(40));
    assert.match(await said, /^HTTP\/1\.1 400 /);
    assert.equal((await create(bert, "three")).status, 201);
  });

  test("nobody is told of flow schemas, and there is nothing to look into", async () => {
    const { headers } = await h2("GET", path);
    assert.deepEqual(
      Object.keys(headers).filter((name) => name.startsWith("x-kubernetes-pf")),
      [],
    );
    const dump = "/debug/api_priority_and_fairness/dump_priority_levels";
    assert.equal((await h2("GET", dump)).status, 404);
    const told = await metrics();
    assert.doesNotMatch(told, /^apiserver_flowcontrol_(?!read_vs_write)/m);
    assert.doesNotMatch(told, /filter="priorityandfairness"/);
    assert.match(told, /^apiserver_current_inflight_requests\{request_kind="readOnly"\} /m);
  });

  test("the group is served, and its objects are there, though nobody writes their status", async () => {
    const flow = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/catch-all";
    assert.deepEqual(parsed(await h2("GET", flow))["status"], {});
  });

  test("it is ready", async () => {
    const answer = (await h2("GET", "/readyz?verbose")).body.toString("utf8");
    assert.match(answer, /^\[\+\]poststarthook\/max-in-flight-filter ok$/m);
    assert.match(answer, /^\[\+\]poststarthook\/priority-and-fairness-config-producer ok$/m);
    assert.doesNotMatch(answer, /priority-and-fairness-(?:filter|config-consumer)/);
  });
});
