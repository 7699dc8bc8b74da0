/** Image references. upstream: pkg/util/parsers/parsers.go, github.com/distribution/reference (grammar) */

const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const domainPart = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const domain = `(?:${domainPart}(?:\\.${domainPart})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const reference = new RegExp(
  `^(?:(${domain})/)?(${component}(?:/${component})*)` +
    "(?::([\\w][\\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$",
);

export interface ImageName {
  /** As written, with ":latest" where neither tag nor digest is given. */
  readonly full: string;
  /** "docker.io" where the name has none. */
  readonly registry: string;
  /** With the registry's default folder: "library/nginx". */
  readonly repository: string;
}

/** Undefined when it isn't one. */
export function parseImageName(text: string): ImageName | undefined {
  if (/^[0-9a-f]{64}$/.test(text)) return undefined; // an id, which can't be pulled
  const match = reference.exec(text);
  if (match === null) return undefined;
  const [, host = "", path = "", tag, digest] = match;
  // As Docker reads it: the first part is a host only with a dot, a port, an upper-case letter, or as "localhost".
  const isHost = /[.:A-Z]/.test(host) || host === "localhost";
  const registry = host !== "" && isHost ? host : "docker.io";
  const written = host === "" || isHost ? path : `${host}/${path}`;
  const repository = registry === "docker.io" && !written.includes("/") ? `library/${written}` : written;
  if (repository.length > 255) return undefined;
  return {
    full: tag === undefined && digest === undefined ? `${text}:latest` : text,
    registry,
    repository,
  };
}
