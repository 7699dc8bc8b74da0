import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { suite, test } from "node:test";
import { ManualClock, systemClock } from "#base/clock.ts";
import { fixedIdentity } from "#client/identity.ts";
import { KubeconfigHook, KubeconfigHookError } from "./kubeconfig-hook.ts";

interface Failure {
  readonly message: string;
  readonly mayPass: boolean;
}

suite("a server that a kubeconfig names", () => {
  const cases: [
    string,
    (response: ServerResponse) => void,
    Failure | { readonly kind: string } | undefined,
  ][] = [
    ["answers", (response) => response.end('{"kind":"Review"}'), { kind: "Review" }],
    ["takes it without a word", (response) => response.end(), undefined],
    [
      "is broken",
      (response) => response.writeHead(500, { "content-type": "text/plain" }).end("boom\n"),
      { message: 'an error on the server ("boom") has prevented the request from succeeding', mayPass: true },
    ],
    [
      "doesn't know who asks",
      (response) => response.writeHead(401).end(),
      { message: "the server has asked for the client to provide credentials", mayPass: false },
    ],
    [
      "is busy",
      (response) => response.writeHead(503, { "retry-after": "1" }).end(),
      { message: "the server is currently unable to handle the request", mayPass: true },
    ],
    [
      "tells a Status",
      (response) => response.writeHead(403).end('{"kind":"Status","status":"Failure","message":"go away"}'),
      { message: "go away", mayPass: false },
    ],
    [
      "says hello",
      (response) => response.end("hello"),
      {
        message: `couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
        mayPass: false,
      },
    ],
  ];
  test("that only has to take it may say anything", async () => {
    const server = createServer((incoming, response) => {
      incoming.resume();
      response.statusCode = incoming.url?.startsWith("/broken") === true ? 500 : 200;
      response.end("ok");
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const { port } = server.address() as AddressInfo;
    const hookAt = (path: string): KubeconfigHook => {
      const options = { server: `http://127.0.0.1:${port}/${path}` };
      return new KubeconfigHook({ options, identity: fixedIdentity({}), namespace: "default" }, systemClock);
    };
    const [taken, broken] = [hookAt("audit"), hookAt("broken")];
    await taken.tell({}, 5000);
    await assert.rejects(taken.post({}, 5000), KubeconfigHookError);
    await assert.rejects(broken.tell({}, 5000), { status: 500 });
    taken.close();
    broken.close();
    await new Promise((closed) => server.close(closed));
  });

  test("that says nothing in time", async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    const server = createServer(() => {
      resolve();
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const { port } = server.address() as AddressInfo;
    const options = { server: `http://127.0.0.1:${port}/review` };
    const clock = new ManualClock();
    const hook = new KubeconfigHook({ options, identity: fixedIdentity({}), namespace: "default" }, clock);
    const said = assert.rejects(hook.post({}, 2000), {
      message: `Post "http://127.0.0.1:${port}/review?timeout=2s": context deadline exceeded`,
      isLate: true,
      mayPass: false,
    });
    await asked;
    await clock.advance(2000);
    await said;
    hook.close();
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });

  for (const [name, answer, wanted] of cases) {
    test(`that ${name}`, async () => {
      const asked: (string | undefined)[] = [];
      const server = createServer((incoming, response) => {
        asked.push(incoming.url);
        incoming.resume();
        answer(response);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      const options = { server: `http://127.0.0.1:${port}/review` };
      const access = { options, identity: fixedIdentity({}), namespace: "default" };
      const hook = new KubeconfigHook(access, systemClock);
      try {
        const said = await hook.post({}, 90_000).catch((error: unknown) => error);
        if (wanted === undefined || "kind" in wanted) assert.deepEqual(said, wanted);
        else {
          assert.ok(said instanceof KubeconfigHookError);
          assert.deepEqual({ message: said.message, mayPass: said.mayPass }, wanted);
        }
        assert.deepEqual(asked, ["/review?timeout=1m30s"]);
      } finally {
        hook.close();
        await new Promise((resolve) => server.close(resolve));
      }
    });
  }
});
