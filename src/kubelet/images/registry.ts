/**
 * Pulls from registries: the OCI distribution protocol over HTTPS, and Docker's forms of it.
 * upstream: github.com/opencontainers/distribution-spec
 */
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { errorText, type Logger } from "#base/log.ts";
import { RuntimeError, type ImageAuth } from "../runtime/runtime.ts";
import { sha256 } from "./digest.ts";
import {
  choosePlatform,
  isIndex,
  mediaTypes,
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
  type ImageSource,
  type LayerSource,
} from "./oci.ts";
import type { Puller } from "./puller.ts";
import { canonicalName, parseReference, repositoryName, type ImageReference } from "./reference.ts";
import { endpointsOf, tlsOf, type Endpoint, type RegistriesConfig } from "./registries.ts";
import { readBody, RegistrySession } from "./registry-http.ts";

export interface RegistryOptions {
  readonly registries: RegistriesConfig;
  /** Node's name of the processor. */
  readonly arch: string;
}

const manifestBytesMax = 4 * 1024 * 1024;
const configBytesMax = 8 * 1024 * 1024;

export class RegistryPuller implements Puller {
  readonly #options: RegistryOptions;
  readonly #log: Logger;

  constructor(options: RegistryOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
  }

  /** Asks the mirrors in order, then the registry; the last answer is the one that is told. */
  async pull(image: string, auth: ImageAuth | undefined, signal: AbortSignal): Promise<ImageSource> {
    const reference = parseReference(image);
    const { registries } = this.#options;
    const endpoints = endpointsOf(reference.registry, reference.repository, registries);
    let failure: unknown;
    for (const endpoint of endpoints) {
      try {
        // The pod's credentials are for the registry it names, and go to no mirror.
        const usedAuth = endpoint.namespace === undefined ? (auth ?? endpoint.auth) : endpoint.auth;
        const session = new RegistrySession({ tls: await tlsOf(endpoint.base, registries), auth: usedAuth });
        return await new Pull(reference, endpoint, session, this.#options.arch).source(signal);
      } catch (error) {
        signal.throwIfAborted();
        failure = error;
        this.#log.debug("registry endpoint failed", { image, endpoint: endpoint.base.href, error });
      }
    }
    const name = canonicalName(reference);
    const code = failure instanceof RuntimeError ? failure.code : "unknown";
    throw new RuntimeError(
      code,
      `failed to pull and unpack image ${JSON.stringify(name)}: failed to resolve reference ${JSON.stringify(name)}: ` +
        errorText(failure),
      { cause: failure },
    );
  }
}

/** One image from one endpoint. */
class Pull {
  readonly #reference: ImageReference;
  readonly #endpoint: Endpoint;
  readonly #session: RegistrySession;
  readonly #arch: string;

  constructor(reference: ImageReference, endpoint: Endpoint, session: RegistrySession, arch: string) {
    this.#reference = reference;
    this.#endpoint = endpoint;
    this.#session = session;
    this.#arch = arch;
  }

  async source(signal: AbortSignal): Promise<ImageSource> {
    const { digest, tag } = this.#reference;
    const top = await this.#manifest(digest ?? tag ?? "latest", digest, signal);
    const digests = [`${repositoryName(this.#reference)}@${top.digest}`];
    let { manifest } = top;
    if (isIndex(manifest)) {
      const chosen = choosePlatform(manifest, this.#arch);
      if (chosen === undefined) {
        throw new RuntimeError("not-found", `no match for platform in manifest ${top.digest}: not found`);
      }
      ({ manifest } = await this.#manifest(chosen.digest, chosen.digest, signal));
    }
    if (isIndex(manifest)) throw new RuntimeError("invalid", `an index inside the index ${top.digest}`);
    const config = await this.#blob(manifest.config, signal);
    return {
      config: await this.#checked(config, manifest.config.digest),
      layers: manifest.layers.map((layer) => this.#layer(layer)),
      tags: tag === undefined || digest !== undefined ? [] : [canonicalName(this.#reference)],
      digests,
    };
  }

  async #manifest(
    name: string,
    digest: string | undefined,
    signal: AbortSignal,
  ): Promise<{ manifest: ImageManifest | ImageIndex; digest: string }> {
    const accept = [...mediaTypes.manifest, ...mediaTypes.index];
    const answer = await this.#get(`manifests/${name}`, accept, signal);
    const body = await readBody(answer, manifestBytesMax);
    const own = sha256(body);
    if (digest !== undefined && own !== digest) {
      throw new RuntimeError("unknown", `manifest ${digest} arrived as ${own}`);
    }
    const manifest = JSON.parse(body.toString()) as Partial<ImageManifest & ImageIndex>;
    if (
      manifest.manifests === undefined &&
      (manifest.config === undefined || manifest.layers === undefined)
    ) {
      const type = answer.headers["content-type"] ?? "none";
      throw new RuntimeError("invalid", `manifest ${own} has the unsupported media type ${type}`);
    }
    return { manifest: manifest as ImageManifest | ImageIndex, digest: own };
  }

  async #checked(answer: IncomingMessage, digest: string): Promise<Buffer> {
    const body = await readBody(answer, configBytesMax);
    if (sha256(body) === digest) return body;
    throw new RuntimeError("unknown", `config ${digest} arrived as ${sha256(body)}`);
  }

  #layer(descriptor: Descriptor): LayerSource {
    return {
      digest: descriptor.digest,
      sizeBytes: descriptor.size,
      open: (signal): Promise<Readable> => this.#blob(descriptor, signal),
    };
  }

  #blob({ digest }: Descriptor, signal: AbortSignal): Promise<IncomingMessage> {
    return this.#get(`blobs/${digest}`, [], signal);
  }

  async #get(path: string, accept: readonly string[], signal: AbortSignal): Promise<IncomingMessage> {
    const { base, repository, namespace } = this.#endpoint;
    const url = new URL(`${base.href}/${repository}/${path}`);
    if (namespace !== undefined) url.searchParams.set("ns", namespace);
    const answer = await this.#session.get(url, accept, signal);
    if (answer.statusCode === 200) return answer;
    answer.resume();
    throw this.#failure(answer, url);
  }

  #failure(answer: IncomingMessage, url: URL): RuntimeError {
    const status = `${answer.statusCode ?? 0} ${answer.statusMessage ?? ""}`.trim();
    const name = canonicalName(this.#reference);
    if (answer.statusCode === 404) return new RuntimeError("not-found", `${name}: not found`);
    if (answer.statusCode === 401 || answer.statusCode === 403) {
      return new RuntimeError(
        "unknown",
        "pull access denied, repository does not exist or may require authorization: " +
          `authorization failed: ${status}`,
      );
    }
    return new RuntimeError("unknown", `unexpected status from GET request to ${url.href}: ${status}`);
  }
}
