import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, suite, test } from "node:test";
import { silentLogger } from "#base/log.ts";
import { sha256 } from "./digest.ts";
import { endpointsOf } from "./registries.ts";
import { parseChallenge } from "./registry-http.ts";
import { RegistryPuller } from "./registry.ts";

const { signal } = new AbortController();
const config = Buffer.from(JSON.stringify({ rootfs: { type: "layers", diff_ids: ["sha256:x"] } }));
const layer = Buffer.from("a layer");
const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
const descriptor = (bytes: Buffer, mediaType: string): object => ({
  mediaType,
  digest: sha256(bytes),
  size: bytes.length,
});
const manifest = json({
  schemaVersion: 2,
  config: descriptor(config, "application/vnd.oci.image.config.v1+json"),
  layers: [descriptor(layer, "application/vnd.oci.image.layer.v1.tar+gzip")],
});
const index = json({
  schemaVersion: 2,
  manifests: [
    { ...descriptor(Buffer.from("other"), "m"), platform: { os: "linux", architecture: "s390x" } },
    { ...descriptor(Buffer.from("attestation"), "m"), platform: { os: "unknown", architecture: "unknown" } },
    { ...descriptor(manifest, "m"), platform: { os: "linux", architecture: "amd64" } },
  ],
});

/** A registry of one image, with as many kinds of protection as there are paths. */
class TestRegistry {
  readonly asked: string[] = [];
  readonly #server = createServer((request, response) => {
    this.#answer(request, response);
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "", `http://${this.host}`);
    const { authorization } = request.headers;
    this.asked.push(`${url.pathname}${url.search} ${authorization ?? "-"}`);
    const send = (status: number, body: Buffer | string = "", headers: Record<string, string> = {}): void => {
      response.writeHead(status, headers).end(body);
    };
    if (url.pathname === "/token") {
      const token = this.#token(authorization, url.searchParams.get("scope") ?? "");
      send(token === undefined ? 401 : 200, JSON.stringify({ token }));
      return;
    }
    this.#answerContent(url, authorization, send);
  }

  #answerContent(
    url: URL,
    authorization: string | undefined,
    send: (status: number, body?: Buffer | string, headers?: Record<string, string>) => void,
  ): void {
    const [, repository = "", kind = "", name = ""] =
      /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(url.pathname) ?? [];
    const refusal = this.#refusal(repository, authorization);
    const content = this.#content(kind, name);
    if (refusal !== undefined) send(401, "", { "www-authenticate": refusal });
    else if (kind === "blobs" && repository === "moved/app") {
      send(307, "", { location: `/v2/app/blobs/${name}` });
    } else if (kind === "blobs" && repository === "liar") send(200, "something else");
    else send(content === undefined ? 404 : 200, content);
  }

  #token(authorization: string | undefined, scope: string): string | undefined {
    const isKnown = authorization === `Basic ${Buffer.from("me:secret").toString("base64")}`;
    if (authorization !== undefined && !isKnown) return undefined;
    return `for ${scope} ${String(isKnown)}`;
  }

  #content(kind: string, name: string): Buffer | undefined {
    if (kind === "manifests" && name === "1") return index;
    return [index, manifest, config, layer].find((bytes) => sha256(bytes) === name);
  }

  #refusal(repository: string, authorization: string | undefined): string | undefined {
    const realm = `realm="http://${this.host}/token",service="test"`;
    if (repository === "basic" && authorization !== `Basic ${Buffer.from("me:secret").toString("base64")}`) {
      return 'Basic realm="test"';
    }
    if (repository === "open/token" && authorization === undefined) return `Bearer ${realm},scope="pull"`;
    if (repository === "private" && authorization !== "Bearer for private true") {
      return `Bearer ${realm},scope="private"`;
    }
    return undefined;
  }
}

const puller = (registries = {}): RegistryPuller =>
  new RegistryPuller({ registries, arch: "x64" }, silentLogger);

suite("registry", () => {
  const registry = new TestRegistry();
  before(() => registry.start());
  after(() => {
    registry.stop();
  });
  const me = { username: "me", password: "secret" };

  test("the platform's manifest is chosen, and its names are the index's", async () => {
    const image = await puller().pull(`${registry.host}/app:1`, undefined, signal);
    assert.deepEqual(image.config, config);
    assert.deepEqual(image.tags, [`${registry.host}/app:1`]);
    assert.deepEqual(image.digests, [`${registry.host}/app@${sha256(index)}`]);
    const chunks = await (await image.layers[0]?.open(signal))?.toArray();
    assert.deepEqual(Buffer.concat(chunks as Buffer[]), layer);
  });

  test("by digest it has no tag", async () => {
    const image = await puller().pull(`${registry.host}/app@${sha256(index)}`, undefined, signal);
    assert.deepEqual(image.tags, []);
  });

  test("a registry that asks for a token gives one to anybody", async () => {
    await puller().pull(`${registry.host}/open/token:1`, undefined, signal);
  });

  test("a private repository needs credentials", async () => {
    await puller().pull(`${registry.host}/private:1`, me, signal);
    await assert.rejects(
      puller().pull(`${registry.host}/private:1`, undefined, signal),
      /pull access denied/,
    );
    await assert.rejects(
      puller().pull(`${registry.host}/private:1`, { username: "me", password: "wrong" }, signal),
      /failed to authorize.*401/,
    );
  });

  test("basic authentication, also from registries.yaml", async () => {
    await puller().pull(`${registry.host}/basic:1`, me, signal);
    await puller({ configs: { [registry.host]: { auth: me } } }).pull(
      `${registry.host}/basic:1`,
      undefined,
      signal,
    );
    await assert.rejects(
      puller().pull(`${registry.host}/basic:1`, undefined, signal),
      /no basic auth credentials/,
    );
  });

  test("a redirected blob is followed", async () => {
    const image = await puller().pull(`${registry.host}/moved/app:1`, undefined, signal);
    assert.deepEqual(image.config, config);
  });

  test("what isn't there is not-found, with the name", async () => {
    await assert.rejects(puller().pull(`${registry.host}/app:2`, undefined, signal), {
      code: "not-found",
      message: new RegExp(`failed to pull and unpack image "${registry.host}/app:2".*: not found`),
    });
  });

  test("content that isn't what its name says is refused", async () => {
    await assert.rejects(
      puller().pull(`${registry.host}/liar:1`, undefined, signal),
      /config sha256:.* arrived as/,
    );
  });

  test("a mirror is asked first, told whom it stands for, and gets no credentials", async () => {
    registry.asked.length = 0;
    const mirrors = {
      "docker.io": { endpoint: [`http://${registry.host}`], rewrite: { "^library/(.*)": "$1" } },
    };
    const image = await puller({ mirrors }).pull("app:1", me, signal);
    assert.deepEqual(image.tags, ["docker.io/library/app:1"]);
    assert.equal(registry.asked[0], "/v2/app/manifests/1?ns=docker.io -");
  });

  test("an endpoint that can't be reached fails with the reason", async () => {
    await assert.rejects(puller().pull("127.0.0.1:1/app:1", undefined, signal), /ECONNREFUSED/);
  });
});

const endpoints: readonly [string, string, string][] = [
  ["docker.io", "library/a", "https://registry-1.docker.io/v2"],
  ["registry.k8s.io", "pause", "https://registry.k8s.io/v2"],
  ["localhost:5000", "a", "http://localhost:5000/v2"],
  ["10.0.0.1:5000", "a", "https://10.0.0.1:5000/v2"],
];
for (const [registry, repository, expected] of endpoints) {
  test(`endpointsOf: ${registry}`, () => {
    assert.deepEqual(
      endpointsOf(registry, repository, {}).map(({ base }) => base.href),
      [expected],
    );
  });
}

test("parseChallenge keeps commas inside quotes", () => {
  const { scheme, parameters } = parseChallenge(
    'Bearer realm="https://a/b",service=r,scope="repository:x:pull,push"',
  );
  assert.equal(scheme, "bearer");
  assert.deepEqual(Object.fromEntries(parameters), {
    realm: "https://a/b",
    service: "r",
    scope: "repository:x:pull,push",
  });
});
