import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { MutatingWebhook } from "#api/generated/types/admissionregistration-v1.ts";
import { configMaps } from "#api/resources.ts";
import { systemClock } from "#base/clock.ts";
import { systemRandom } from "#base/random.ts";
import { createCa } from "#pki/ca.ts";
import { type HookAnswer, type HookServer } from "../testing/hook-server.ts";
import { allow, hookWorld, map } from "../testing/hook-world.ts";

const broken: HookAnswer = (_request, response) => {
  response.writeHead(503).end();
  return undefined;
};
const never: HookAnswer = () => undefined;
const refusing: HookAnswer = () => ({ allowed: false, status: { code: 403, message: "no" } });

const namesake = (commonName: string): string => {
  const { certificatePem } = createCa({ commonName, days: 1, clock: systemClock, random: systemRandom });
  return Buffer.from(certificatePem, "utf8").toString("base64");
};

suite("a webhook that fails", () => {
  const prefix =
    '500 Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: Post ';

  test("in time, or what it was asked about is refused", async () => {
    await hookWorld({ "/hook": never }, { validating: [{ timeoutSeconds: 1 }] }, async ({ ask, server }) => {
      const said = await ask(configMaps, { object: map("a") });
      assert.equal(
        said,
        `${prefix}"https://127.0.0.1:${server.port}/hook?timeout=1s": context deadline exceeded`,
      );
    });
  });

  test("is passed over where its policy says so", async () => {
    const settings = { clientConfig: { url: "https://127.0.0.1:1/hook" }, failurePolicy: "Ignore" };
    await hookWorld({}, { validating: [settings], mutating: [settings] }, async (world) => {
      const { ask, annotations } = world;
      assert.equal(await ask(configMaps, { object: map("a") }), undefined);
      const metrics = await world.metrics();
      for (const type of ["admit", "validating"]) {
        const labels = `name="hook.example.com",type="${type}"`;
        assert.ok(metrics.includes(`apiserver_admission_webhook_fail_open_count{${labels}} 1`), metrics);
        assert.ok(
          metrics.includes(
            `apiserver_admission_webhook_request_total{${labels},operation="CREATE",code="500",rejected="false"} 1`,
          ),
        );
      }
      assert.deepEqual(annotations, {
        "failed-open.mutation.webhook.admission.k8s.io/round_0_index_0": "hook.example.com",
        "mutation.webhook.admission.k8s.io/round_0_index_0":
          '{"configuration":"config","webhook":"hook.example.com","mutated":false}',
        "failed-open.validating.webhook.admission.k8s.io/round_0_index_0": "hook.example.com",
      });
    });
  });

  test("lets nothing pass once the request's time is over, whatever its policy says", async () => {
    const policy = { failurePolicy: "Ignore" };
    for (const hooks of [{ validating: [policy] }, { mutating: [policy] }]) {
      const time = new AbortController();
      const late: HookAnswer = () => {
        time.abort(new Error("the client is gone"));
        return undefined;
      };
      await hookWorld({ "/hook": late }, hooks, async ({ ask, annotations }) => {
        assert.equal(
          await ask(configMaps, { object: map("a"), signal: time.signal }),
          "504 Timeout: request did not complete within requested timeout",
        );
        assert.ok(!Object.keys(annotations).some((key) => key.startsWith("failed-open")));
      });
    }
  });

  test("is counted with what it refuses, and why", async () => {
    const settings = [
      { name: "refuses.example.com" },
      { name: "fails.example.com", clientConfig: { url: "https://127.0.0.1:1/hook" } },
    ];
    for (const setting of settings) {
      await hookWorld({ "/hook": refusing }, { mutating: [setting] }, async ({ ask, metrics }) => {
        await ask(configMaps, { object: map("a") });
        const [errorType, code] =
          setting.name === "refuses.example.com" ? ["no_error", 403] : ["calling_webhook_error", 500];
        const labels = `name="${setting.name}",type="admit",operation="CREATE"`;
        const told = await metrics();
        for (const line of [
          `webhook_rejection_count{${labels},error_type="${errorType}",rejection_code="${code}"} 1`,
          `webhook_admission_duration_seconds_count{${labels},rejected="true"} 1`,
        ]) {
          assert.ok(told.includes(`apiserver_admission_${line}`), line);
        }
      });
    }
  });

  test("is asked again when it says when to come, and only then", async () => {
    let left = 2;
    const busy: HookAnswer = (_request, response) => {
      if (left-- <= 0) return {};
      response.writeHead(left === 1 ? 429 : 503, { "retry-after": "0" }).end();
      return undefined;
    };
    await hookWorld({ "/hook": busy }, { validating: [{}] }, async ({ ask, server }) => {
      assert.equal(await ask(configMaps, { object: map("a") }), undefined);
      assert.equal(server.requests.length, 3);
    });
    await hookWorld({ "/hook": broken }, { validating: [{}] }, async ({ ask, server }) => {
      assert.match((await ask(configMaps, { object: map("a") })) ?? "", /currently unable to handle/);
      assert.equal(server.requests.length, 1);
    });
  });

  test("is believed when its own issuer is in the bundle, though nobody knows whose that is", async () => {
    const clientConfig: MutatingWebhook["clientConfig"] = {};
    await hookWorld({ "/hook": allow }, { validating: [{ clientConfig }] }, async ({ ask, server }) => {
      const caBundle = Buffer.from(server.certificatePem, "utf8").toString("base64");
      Object.assign(clientConfig, { url: `https://127.0.0.1:${server.port}/hook`, caBundle });
      assert.equal(await ask(configMaps, { object: map("a") }), undefined);
    });
  });

  const words: [string, (server: HookServer) => MutatingWebhook["clientConfig"], (port: number) => string][] =
    [
      [
        "nobody listens",
        () => ({ url: "https://127.0.0.1:1/hook" }),
        () => '"https://127.0.0.1:1/hook?timeout=5s": dial tcp 127.0.0.1:1: connect: connection refused',
      ],
      [
        "of an unknown authority",
        ({ port }) => ({ url: `https://127.0.0.1:${port}/hook` }),
        (port) =>
          `"https://127.0.0.1:${port}/hook?timeout=5s": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
      ],
      [
        "of an authority that another one is called like",
        ({ port }) => ({ url: `https://127.0.0.1:${port}/hook`, caBundle: namesake("webhook-ca") }),
        (port) =>
          `"https://127.0.0.1:${port}/hook?timeout=5s": tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of "x509: ECDSA verification failure" while trying to verify candidate authority certificate "webhook-ca")`,
      ],
      [
        "of another authority, under another name",
        ({ port }) => ({ url: `https://localhost:${port}/hook`, caBundle: namesake("other-ca") }),
        (port) =>
          `"https://localhost:${port}/hook?timeout=5s": tls: failed to verify certificate: x509: certificate is valid for hook.ns.svc, not localhost`,
      ],
      [
        "under another name",
        ({ port, caBundle }) => ({ url: `https://localhost:${port}/hook`, caBundle }),
        (port) =>
          `"https://localhost:${port}/hook?timeout=5s": tls: failed to verify certificate: x509: certificate is valid for hook.ns.svc, not localhost`,
      ],
      [
        "of another service",
        ({ caBundle }) => ({ service: { namespace: "ns", name: "other", path: "/hook" }, caBundle }),
        () =>
          '"https://other.ns.svc:443/hook?timeout=5s": tls: failed to verify certificate: x509: certificate is valid for hook.ns.svc, not other.ns.svc',
      ],
    ];
  for (const [name, configOf, expected] of words) {
    test(`is told of in Go's words: ${name}`, async () => {
      const clientConfig: MutatingWebhook["clientConfig"] = {};
      await hookWorld({ "/hook": allow }, { validating: [{ clientConfig }] }, async ({ ask, server }) => {
        Object.assign(clientConfig, configOf(server));
        assert.equal(await ask(configMaps, { object: map("a") }), `${prefix}${expected(server.port)}`);
      });
    });
  }

  test("a service is called by its name, on a connection that stays", async () => {
    const clientConfig: MutatingWebhook["clientConfig"] = {};
    await hookWorld({ "/hook": allow }, { validating: [{ clientConfig }] }, async ({ ask, server }) => {
      const { caBundle } = server;
      Object.assign(clientConfig, { service: { namespace: "ns", name: "hook", path: "/hook" }, caBundle });
      for (const name of ["a", "b", "c"]) {
        assert.equal(await ask(configMaps, { object: map(name) }), undefined);
      }
      assert.equal(server.requests.length, 3);
      assert.equal(server.connections, 1);
    });
  });
});
