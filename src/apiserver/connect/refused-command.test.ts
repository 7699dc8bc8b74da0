/** Commands that kubelets refuse, as clients of each protocol hear of it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { after, test } from "node:test";
import { WebSocket } from "ws";
import { nodes, pods, serviceAccounts } from "#api/resources.ts";
import { channelV4, channelV5 } from "#wire/channels.ts";
import { openDoor } from "#testing/door-client.ts";

const { server, admin, close } = await openDoor();
const { certificatePem, keyPem } = server.servingCertificate("system:node:n1");
/** Says what it is asked to say. */
const kubelet = createServer({ cert: certificatePem, key: keyPem });
kubelet.on("upgrade", (request: IncomingMessage, socket: Duplex) => {
  const { searchParams } = new URL(request.url ?? "/", "http://x");
  socket.end(searchParams.get("command") ?? "");
});
await new Promise<void>((resolve) => kubelet.listen(0, "127.0.0.1", resolve));
after(async () => {
  kubelet.close();
  await close();
});

const client = server.client({ name: "admin", groups: ["system:masters"] });
await client.resource(serviceAccounts, "default").create({ metadata: { name: "default" } });
for (const [name, port] of [
  ["there", (kubelet.address() as AddressInfo).port],
  ["gone", 1],
] as const) {
  await client.resource(nodes).create({
    metadata: { name },
    status: {
      addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    },
  });
  const spec = { nodeName: name, containers: [{ name: "c", image: "x" }] };
  await client.resource(pods, "default").create({ metadata: { name }, spec });
}

const openTo = (pod: string, said: string, protocol: string): WebSocket =>
  new WebSocket(
    `${server.url}/api/v1/namespaces/default/pods/${pod}/exec?stdout=true&command=${encodeURIComponent(said)}`,
    [protocol],
    { ca: server.caPem, cert: admin.certificatePem, key: admin.keyPem },
  );

/** Of a channel and a Status. */
async function heard(pod: string, said: string): Promise<unknown[]> {
  const socket = openTo(pod, said, channelV5);
  const closing = once(socket, "close") as Promise<[code: number]>;
  const [message] = (await once(socket, "message")) as [Buffer];
  const [code] = await closing;
  const status = JSON.parse(message.subarray(1).toString()) as Record<string, unknown>;
  return [message[0], status["status"], status["code"], status["message"], code];
}

const plain = (status: string, body: string): string =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const forbidden = { kind: "Status", apiVersion: "v1", status: "Failure", message: "no", code: 403 };
const failed = (why: string): unknown[] => [
  3,
  "Failure",
  500,
  `Internal error occurred: unable to upgrade connection: ${why}`,
  1000,
];

for (const [what, said, expected] of [
  [
    "what it says",
    plain("404 Not Found", 'container not found ("c")\n'),
    failed('container not found ("c")'),
  ],
  ["a status", plain("403 Forbidden", JSON.stringify(forbidden)), [3, "Failure", 403, "no", 1000]],
  ["what it says to something else", plain("200 OK", "hello"), failed("hello")],
  [
    "that it broke off",
    "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nhalf",
    failed("unable to read error from server response"),
  ],
] as const) {
  test(`who can hear it in a channel hears ${what}`, async () => {
    assert.deepEqual(await heard("there", said), expected);
  });
}

test("and why it can't be asked", async () => {
  assert.deepEqual(await heard("gone", "x"), [
    3,
    "Failure",
    500,
    'Internal error occurred: error sending request: Post "https://127.0.0.1:1/exec/default/gone/c?command=x&output=1": dial tcp 127.0.0.1:1: connect: connection refused',
    1000,
  ]);
});

test("who can't is refused the connection", async () => {
  const socket = openTo("there", plain("404 Not Found", "no"), channelV4);
  const [error] = (await once(socket, "error")) as [Error];
  assert.equal(error.message, "Unexpected server response: 404");
});
