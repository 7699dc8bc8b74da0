/**
 * Image names as Docker writes them: "busybox" is docker.io/library/busybox:latest.
 * upstream: github.com/distribution/reference
 */
import { RuntimeError } from "../runtime/runtime.ts";

export interface ImageReference {
  /** "docker.io", "registry.k8s.io", "127.0.0.1:5000". */
  readonly registry: string;
  /** "library/busybox". */
  readonly repository: string;
  readonly tag: string | undefined;
  /** "sha256:…". */
  readonly digest: string | undefined;
}

const repositoryPattern =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const registryPattern = /^(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::\d+)?$/;
const tagPattern = /^[\w][\w.-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;
const nameLengthMax = 255;

/** Throws RuntimeError "invalid" with upstream's wording. A name with neither tag nor digest gets ":latest". */
export function parseReference(text: string): ImageReference {
  const invalid = (): RuntimeError =>
    new RuntimeError(
      "invalid",
      `failed to parse image reference ${JSON.stringify(text)}: invalid reference format`,
    );
  let rest = text;
  let digest: string | undefined;
  const at = rest.indexOf("@");
  if (at >= 0) {
    digest = rest.slice(at + 1);
    rest = rest.slice(0, at);
    if (!digestPattern.test(digest)) throw invalid();
  }
  let tag: string | undefined;
  const colon = rest.lastIndexOf(":");
  if (colon > rest.lastIndexOf("/")) {
    tag = rest.slice(colon + 1);
    rest = rest.slice(0, colon);
    if (!tagPattern.test(tag)) throw invalid();
  }
  const { registry, repository } = splitRegistry(rest);
  if (!repositoryPattern.test(repository) || !registryPattern.test(registry)) throw invalid();
  if (registry.length + repository.length + 1 > nameLengthMax) throw invalid();
  if (tag === undefined && digest === undefined) tag = "latest";
  return { registry, repository, tag, digest };
}

function splitRegistry(name: string): { registry: string; repository: string } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first;
  const registry = isHost ? first : "docker.io";
  const repository = isHost ? name.slice(slash + 1) : name;
  if (registry === "index.docker.io") return { registry: "docker.io", repository };
  return {
    registry,
    repository: registry === "docker.io" && !repository.includes("/") ? `library/${repository}` : repository,
  };
}

/** "docker.io/library/busybox". */
export function repositoryName(reference: ImageReference): string {
  return `${reference.registry}/${reference.repository}`;
}

/** The name under which an image is kept: with the digest when there is one, else with the tag. */
export function canonicalName(reference: ImageReference): string {
  const name = repositoryName(reference);
  return reference.digest === undefined
    ? `${name}:${reference.tag ?? "latest"}`
    : `${name}@${reference.digest}`;
}

/** An image id, whole ("sha256:…") or its hex digits alone; undefined for anything else. */
export function asImageId(text: string): string | undefined {
  if (digestPattern.test(text)) return text;
  return /^[0-9a-f]{64}$/.test(text) ? `sha256:${text}` : undefined;
}
