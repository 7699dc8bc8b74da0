/**
 * A server that extends the API, for tests: over TLS, trusting the front proxies that it is told of, with one resource
 * in memory. It does what servers built on k8s.io/apiserver do, as far as clients and aggregators look at it.
 */
import { X509Certificate } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { json as readJson } from "node:stream/consumers";
import type { TLSSocket } from "node:tls";
import { systemClock } from "#base/clock.ts";
import { systemRandom } from "#base/random.ts";
import { createCa, issueCertificate } from "#pki/ca.ts";
import { extensionGroups, extensionOpenApi, extensionResources } from "./extension-documents.ts";

export interface ExtensionOptions {
  readonly host: string;
  /** The name that its certificate is for: SERVICE.NAMESPACE.svc; undefined: for nobody. */
  readonly serverName?: string | undefined;
}

/** Of the config map extension-apiserver-authentication. */
export interface FrontProxies {
  readonly caPem: string;
  readonly allowedNames: readonly string[];
}

interface Widget {
  kind: "Widget";
  apiVersion: "demo.example.com/v1";
  metadata: {
    name: string;
    namespace: string;
    resourceVersion: string;
    uid: string;
    creationTimestamp: string;
  };
  spec?: unknown;
}

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly user: string;
  readonly groups: string;
  readonly extra: Readonly<Record<string, string>>;
}

/** A widget whose answer ends in its midst. */
export const brokenOff = "broken-off";
/** Widgets whose answers are others: one with links and rights of browsers, and one that is somewhere else. */
export const paged = "paged";
export const moved = "moved";

const prefix = "/apis/demo.example.com/v1";

export class ExtensionServer implements AsyncDisposable {
  readonly caBundle: string;
  /** What front proxies asked, in order. */
  readonly asked: Asked[] = [];
  /** Answers everything with 500 as long as this is true. */
  isBroken = false;
  readonly #server: Server;
  readonly #widgets = new Map<string, Widget>();
  readonly #watches = new Set<ServerResponse>();
  /** All that ever happened: a test is short. */
  readonly #events: { readonly revision: number; readonly line: string }[] = [];
  #revision = 100;
  #trusted: FrontProxies | undefined;

  constructor({ serverName }: ExtensionOptions) {
    const deps = { clock: systemClock, random: systemRandom };
    const ca = createCa({ commonName: "extension-ca", days: 1, ...deps });
    const pair = issueCertificate(ca, {
      commonName: "extension",
      dnsNames: serverName === undefined ? [] : [serverName],
      usage: "server",
      days: 1,
    });
    this.caBundle = Buffer.from(ca.certificatePem).toString("base64");
    this.#server = createServer(
      { cert: pair.certificatePem, key: pair.keyPem, requestCert: true, rejectUnauthorized: false },
      (request, response) => void this.#handle(request, response),
    );
    this.#server.on("upgrade", (request, socket) => {
      const user = String(request.headers["x-remote-user"]);
      if (request.url?.endsWith("/echo") !== true) {
        socket.end(
          request.url?.endsWith("/refused") === true
            ? "HTTP/1.1 403 Forbidden\r\nX-Why: so\r\nContent-Length: 2\r\n\r\nno"
            : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        );
        return;
      }
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
      socket.write(`hello ${user}\n`);
      socket.pipe(socket);
    });
  }

  static async start(options: ExtensionOptions): Promise<ExtensionServer> {
    const extension = new ExtensionServer(options);
    await new Promise<void>((done) => {
      extension.#server.listen(0, options.host, done);
    });
    return extension;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  trust(proxies: FrontProxies): void {
    this.#trusted = proxies;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((done) => this.#server.close(done));
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", "https://x");
    if (this.isBroken) return say(response, 500, status(500, "InternalError", "it is broken"));
    if (!this.#isTrusted(request)) return say(response, 401, status(401, "Unauthorized", "Unauthorized"));
    this.asked.push(askedOf(request));
    if (pathname === "/apis") return say(response, 200, extensionGroups);
    if (pathname === prefix) return say(response, 200, extensionResources);
    if (pathname === "/openapi/v3") {
      const own = { serverRelativeURL: `/openapi/v3${prefix}?hash=1` };
      return say(response, 200, { paths: { [prefix.slice(1)]: own } });
    }
    if (pathname === `/openapi/v3${prefix}`) return say(response, 200, extensionOpenApi);
    const [, namespace = "", name = ""] =
      /^(?:\/namespaces\/([^/]+))?\/widgets(?:\/([^/]+))?$/.exec(pathname.slice(prefix.length)) ?? [];
    if (this.#isOdd(name, request, response)) return undefined;
    if (!pathname.includes("/widgets")) return say(response, 404, status(404, "NotFound", "not found"));
    if (/^(true|1)$/.test(searchParams.get("watch") ?? "")) return this.#watch(response, searchParams);
    return this.#serve(request, response, { namespace, name });
  }

  /** Answers for widgets that aren't answered as others are. */
  #isOdd(name: string, { socket, headers }: IncomingMessage, response: ServerResponse): boolean {
    switch (name) {
      case brokenOff:
        response.writeHead(200, { "content-type": "application/json" });
        response.write("{");
        setImmediate(() => socket.destroy());
        return true;
      case paged:
        response.writeHead(200, {
          "content-type": "text/html",
          "access-control-allow-origin": "*",
          "cache-control": "no-store",
          "x-seen": headers["x-forwarded-uri"],
        });
        response.end(`<a href="https://${headers.host ?? ""}/x">x</a><a href="http://other/x">x</a>`);
        return true;
      case moved:
        response.writeHead(302, { location: "/elsewhere" }).end();
        return true;
      default:
        return false;
    }
  }

  /** As k8s.io/apiserver does it: the certificate first, then what the headers say. */
  #isTrusted(request: IncomingMessage): boolean {
    const { raw } = (request.socket as TLSSocket).getPeerCertificate() as { raw?: Buffer };
    if (raw === undefined || this.#trusted === undefined) return false;
    const certificate = new X509Certificate(raw);
    const authority = new X509Certificate(this.#trusted.caPem);
    const name = /CN=(.*)/.exec(certificate.subject)?.[1] ?? "";
    return (
      certificate.verify(authority.publicKey) &&
      this.#trusted.allowedNames.includes(name) &&
      request.headers["x-remote-user"] !== undefined
    );
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    { namespace, name }: { readonly namespace: string; readonly name: string },
  ): Promise<void> {
    const key = `${namespace}/${name}`;
    const widget = this.#widgets.get(key);
    if (request.method === "POST") {
      const sent = (await readJson(request)) as Widget;
      return say(response, 201, this.#create(namespace, sent));
    }
    if (name === "") {
      const items = [...this.#widgets.values()].filter(
        ({ metadata }) => namespace === "" || metadata.namespace === namespace,
      );
      const metadata = { resourceVersion: String(this.#revision) };
      return say(response, 200, { kind: "WidgetList", apiVersion: "demo.example.com/v1", metadata, items });
    }
    if (widget === undefined) {
      return say(response, 404, status(404, "NotFound", `widgets.demo.example.com "${name}" not found`));
    }
    if (request.method === "DELETE") {
      this.#widgets.delete(key);
      this.#revision += 1;
      const metadata = { ...widget.metadata, resourceVersion: String(this.#revision) };
      this.#tell("DELETED", { ...widget, metadata });
    }
    return say(response, 200, widget);
  }

  #create(namespace: string, sent: Widget): Widget {
    this.#revision += 1;
    const metadata = {
      ...sent.metadata,
      namespace,
      resourceVersion: String(this.#revision),
      uid: `widget-${this.#revision}`,
      creationTimestamp: "2026-01-01T00:00:00Z",
    };
    const widget: Widget = { ...sent, metadata };
    this.#widgets.set(`${namespace}/${metadata.name}`, widget);
    this.#tell("ADDED", widget);
    return widget;
  }

  #watch(response: ServerResponse, query: URLSearchParams): void {
    if (query.has("sendInitialEvents")) {
      // As servers without streamed lists answer: clients list and watch instead.
      const forbidden = "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch";
      say(response, 422, status(422, "Invalid", `ListOptions.meta.k8s.io "" is invalid: ${forbidden}`));
      return;
    }
    const after = Number(query.get("resourceVersion") ?? "0");
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    this.#watches.add(response);
    response.once("close", () => this.#watches.delete(response));
    for (const { revision, line } of this.#events) {
      if (revision > after) response.write(line);
    }
  }

  #tell(type: string, object: Widget): void {
    const line = `${JSON.stringify({ type, object })}\n`;
    this.#events.push({ revision: this.#revision, line });
    for (const watch of this.#watches) watch.write(line);
  }
}

function askedOf({ method = "", url = "", headers }: IncomingMessage): Asked {
  const extra = Object.entries(headers).filter(([name]) => name.startsWith("x-remote-extra-"));
  return {
    method,
    url,
    user: String(headers["x-remote-user"]),
    groups: String(headers["x-remote-group"] ?? ""),
    extra: Object.fromEntries(extra.map(([name, value]) => [name, String(value)])),
  };
}

const status = (code: number, reason: string, message: string): unknown => ({
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Failure",
  message,
  reason,
  code,
});

function say(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
