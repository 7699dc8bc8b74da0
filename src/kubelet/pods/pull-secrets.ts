/** Credentials for a registry out of imagePullSecrets. upstream: pkg/credentialprovider/{config,keyring}.go */
import type { Secret } from "#api/generated/types/core-v1.ts";
import type { ImageAuth } from "../runtime/runtime.ts";
import type { ImageName } from "./image-name.ts";

interface AuthEntry {
  readonly username?: unknown;
  readonly password?: unknown;
  readonly auth?: unknown;
}

const dockerHub = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/** All credentials that may fit the image, the most specific first. */
export function credentialsFor(image: ImageName, secrets: readonly Secret[]): readonly ImageAuth[] {
  const found: { readonly path: string; readonly auth: ImageAuth }[] = [];
  for (const secret of secrets) {
    for (const [server, entry] of Object.entries(authEntries(secret))) {
      const path = server
        .replace(/^https?:\/\//, "")
        .replace(/\/v[12]\/?$/, "")
        .replace(/\/+$/, "");
      const auth = authOf(entry);
      if (auth !== undefined && matches(image, path)) found.push({ path, auth });
    }
  }
  return found.toSorted((a, b) => b.path.length - a.path.length).map(({ auth }) => auth);
}

function authEntries({ type, data }: Secret): Record<string, AuthEntry> {
  try {
    if (type === "kubernetes.io/dockerconfigjson") {
      const text = Buffer.from(data?.[".dockerconfigjson"] ?? "", "base64").toString();
      return (JSON.parse(text) as { auths?: Record<string, AuthEntry> }).auths ?? {};
    }
    if (type === "kubernetes.io/dockercfg") {
      const text = Buffer.from(data?.[".dockercfg"] ?? "", "base64").toString();
      return JSON.parse(text) as Record<string, AuthEntry>;
    }
  } catch {
    // What can't be read gives no credentials: the registry's refusal says more to the user than we could.
  }
  return {};
}

function authOf({ username, password, auth }: AuthEntry): ImageAuth | undefined {
  if (typeof username === "string" && typeof password === "string") return { username, password };
  if (typeof auth !== "string") return undefined;
  const decoded = Buffer.from(auth, "base64").toString();
  const colon = decoded.indexOf(":");
  return colon < 0 ? undefined : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function matches({ registry, repository }: ImageName, path: string): boolean {
  const slash = path.indexOf("/");
  const host = slash < 0 ? path : path.slice(0, slash);
  const folder = slash < 0 ? "" : path.slice(slash + 1);
  const isSameHost =
    host === registry ||
    (dockerHub.includes(host) && dockerHub.includes(registry)) ||
    (host.includes("*") && globMatches(host, registry));
  return isSameHost && (folder === "" || repository === folder || repository.startsWith(`${folder}/`));
}

/** "*.example.com" fits one label in place of each star. */
function globMatches(pattern: string, host: string): boolean {
  const wanted = pattern.split(".");
  const parts = host.split(".");
  return (
    wanted.length === parts.length &&
    wanted.every((part, i) => {
      const text = part.replace(/[\\^$+?()[\]{}|]/g, "\\$&").replaceAll("*", "[^.]*");
      return new RegExp(`^${text}$`).test(parts[i] ?? "");
    })
  );
}
