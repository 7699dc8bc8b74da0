/** Docker's images under Kubernetes' names. */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type Dockerode from "dockerode";
import { pack } from "tar-stream";
import { readArchive } from "../../images/archive.ts";
import { sha256 } from "../../images/digest.ts";
import { asImageId, canonicalName, parseReference } from "../../images/reference.ts";
import { programBytes } from "../programs.ts";
import { RuntimeError, type ImageAuth, type ImageInfo } from "../runtime.ts";
import { ask, askLeniently, statusCodeOf } from "./api.ts";

const pauseRepository = "mini-k8s/pause";

export class DockerImages {
  readonly #docker: Dockerode;
  readonly #arch: string;

  constructor(docker: Dockerode, arch: string) {
    this.#docker = docker;
    this.#arch = arch;
  }

  async status(image: string): Promise<ImageInfo | undefined> {
    try {
      const found = await this.#docker.getImage(nameOf(image)).inspect();
      return infoOf({ ...found, user: found.Config.User });
    } catch (error) {
      if (statusCodeOf(error) === 404) return undefined;
      return ask(Promise.reject(error as Error));
    }
  }

  async list(): Promise<readonly ImageInfo[]> {
    const images = await ask(this.#docker.listImages());
    return images.map((image) => infoOf({ ...image, user: "" }));
  }

  async pull(image: string, auth: ImageAuth | undefined, signal: AbortSignal): Promise<string> {
    const name = canonicalName(parseReference(image));
    const options =
      auth === undefined ? {} : { authconfig: { ...auth, serveraddress: parseReference(image).registry } };
    const progress = await this.#pulling(this.#docker.pull(name, { ...options, abortSignal: signal }), name);
    for await (const line of jsonLines(progress)) {
      if (typeof line["error"] === "string") throw pullError(name, line["error"]);
    }
    const found = await this.status(name);
    if (found === undefined) throw new RuntimeError("not-found", `${name}: not found`);
    return found.id;
  }

  async remove(image: string): Promise<void> {
    await askLeniently(
      this.#docker.getImage(nameOf(image)).remove({ force: asImageId(image) !== undefined }),
    );
  }

  /** Takes in the images of a tar, as far as they aren't there; returns their names. */
  async load(path: string): Promise<readonly string[]> {
    const sources = await readArchive(path, this.#arch);
    const names = sources.flatMap(({ tags }) => tags);
    for (const source of sources) {
      const present = await this.status(sha256(source.config));
      if (source.tags.every((tag) => present?.tags.includes(tag) === true)) continue;
      const said = (await ask(this.#docker.loadImage(createReadStream(path), { quiet: true }))) as Readable;
      for await (const line of jsonLines(said)) {
        if (typeof line["error"] === "string") throw new RuntimeError("unknown", `${path}: ${line["error"]}`);
      }
      break;
    }
    return names;
  }

  /** The image of the sandboxes, made here: 640 bytes that nobody has to pull. Returns its name. */
  async ensurePause(): Promise<string> {
    const program = programBytes("pause", this.#arch);
    const name = `${pauseRepository}:${sha256(program).slice(7, 19)}`;
    if ((await this.status(name)) !== undefined) return name;
    const tar = pack();
    tar.entry({ name: "pause", mode: 0o755 }, program);
    tar.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk);
    const [repo, tag] = name.split(":") as [string, string];
    const options = { repo, tag, changes: 'ENTRYPOINT ["/pause"]' };
    const said = await ask<NodeJS.ReadableStream>(this.#docker.importImage(Readable.from(chunks), options));
    for await (const line of jsonLines(said)) {
      if (typeof line["error"] === "string") {
        throw new RuntimeError("unknown", `pause image: ${line["error"]}`);
      }
    }
    return name;
  }

  async fsInfo(): Promise<{ mountpoint: string; usedBytes: number; inodesUsed: number }> {
    const [info, usage] = await ask(
      Promise.all([
        this.#docker.info() as Promise<{ DockerRootDir: string }>,
        this.#docker.df() as Promise<{ LayersSize?: number }>,
      ]),
    );
    return { mountpoint: info.DockerRootDir, usedBytes: usage.LayersSize ?? 0, inodesUsed: 0 };
  }

  async #pulling(start: Promise<NodeJS.ReadableStream>, name: string): Promise<NodeJS.ReadableStream> {
    try {
      return await start;
    } catch (error) {
      if (statusCodeOf(error) === undefined) return ask(Promise.reject(error as Error));
      throw pullError(name, error instanceof Error ? error.message : String(error), statusCodeOf(error));
    }
  }
}

function pullError(name: string, message: string, statusCode?: number): RuntimeError {
  const isMissing = statusCode === 404 || /manifest unknown|not found/.test(message);
  return new RuntimeError(
    isMissing ? "not-found" : "unknown",
    `failed to pull image ${JSON.stringify(name)}: ${message}`,
  );
}

function nameOf(image: string): string {
  return asImageId(image) ?? canonicalName(parseReference(image));
}

function infoOf(image: {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null | undefined;
  readonly RepoDigests?: readonly string[] | null | undefined;
  readonly Size: number;
  readonly user: string;
}): ImageInfo {
  const tags = named(image.RepoTags);
  return {
    id: image.Id,
    tags,
    digests: named(image.RepoDigests),
    sizeBytes: image.Size,
    user: image.user,
    pinned: tags.some((tag) => tag.startsWith(`docker.io/${pauseRepository}:`)),
  };
}

/** "<none>:<none>" is Docker's word for "no name". */
function named(names: readonly string[] | null | undefined): string[] {
  return (names ?? [])
    .filter((name) => !name.includes("<none>"))
    .map((name) => canonicalName(parseReference(name)));
}

async function* jsonLines(stream: NodeJS.ReadableStream): AsyncGenerator<Record<string, unknown>> {
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line) as Record<string, unknown>;
  }
  if (rest.trim() !== "") yield JSON.parse(rest) as Record<string, unknown>;
}
