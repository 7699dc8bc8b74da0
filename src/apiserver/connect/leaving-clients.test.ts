/** Clients that leave before they have all of what another server says: nobody needs to look into that. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request, type RequestOptions } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { nodes } from "#api/resources.ts";
import { silentLogger, type Logger } from "#base/log.ts";
import { openDoor } from "#testing/door-client.ts";

test("what others say is broken off when the client leaves, and no failure", async () => {
  const failures: unknown[] = [];
  const error: Logger["error"] = (message, fields) => void failures.push([message, fields]);
  const log: Logger = { ...silentLogger, error, child: () => log };
  const { server, admin, session, close } = await openDoor({}, { log });
  const { certificatePem: cert, keyPem: key } = server.servingCertificate("system:node:n1");
  const asked: (() => void)[] = [];
  const backend = createServer({ cert, key }, (incoming: IncomingMessage, response: ServerResponse) => {
    if (incoming.url === "/page") response.setHeader("content-type", "text/html");
    response.write("what there is so far");
    asked.shift()?.();
  });
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
  const { port } = backend.address() as AddressInfo;
  const addresses = [{ type: "InternalIP", address: "127.0.0.1" }];
  const daemonEndpoints = { kubeletEndpoint: { Port: port } };
  await server
    .client({ name: "admin", groups: ["system:masters"] })
    .resource(nodes)
    .create({ metadata: { name: "n1" }, status: { addresses, daemonEndpoints } });
  const path = "/api/v1/nodes/n1/proxy";
  const own = { host: "127.0.0.1", port: server.port, ca: server.caPem, agent: false };
  const as: RequestOptions = { ...own, cert: admin.certificatePem, key: admin.keyPem };

  const one = request({ ...as, path: `${path}/text` });
  one.on("error", () => undefined).end();
  const [answer] = (await once(one, "response")) as [IncomingMessage];
  answer.on("error", () => undefined);
  await once(answer, "data");
  one.destroy();

  const stream = session.request({ ":path": `${path}/text` });
  await once(stream, "data");
  stream.close(8);

  // All of a page is read before any of it is passed on.
  const isAsked = new Promise<void>((resolve) => asked.push(resolve));
  const page = request({ ...as, path: `${path}/page` });
  page.on("error", () => undefined).end();
  await isAsked;
  page.destroy();

  // Until nothing is worked on any more.
  await close();
  backend.closeAllConnections();
  backend.close();
  assert.deepEqual(failures, []);
});
