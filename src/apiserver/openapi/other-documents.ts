/**
 * What has a document besides group versions: which there are, the server's version, the keys of its tokens.
 * upstream: apiserver/pkg/endpoints/discovery/{root,group,legacy}.go, apiserver/pkg/server/routes/{version,openidmetadata}.go
 */
import { operationPrefix, tagOf, unauthorized } from "./paths.ts";
import { refTo, versionSchema, type Schema } from "./schemas.ts";

export interface OtherDocument {
  /** "apis/apps" */
  readonly path: string;
  /** What there is at it. */
  readonly item: Schema;
  /** The schemas that it begins with. */
  readonly roots: readonly string[];
}

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";

interface Reading {
  readonly description: string;
  readonly operationId: string;
  readonly tag: string;
  /** Text where there is none. */
  readonly struct?: string;
  readonly mediaType?: string;
}

function document(path: string, reading: Reading): OtherDocument {
  const { description, operationId, tag, struct, mediaType = "application/json" } = reading;
  const content = { [mediaType]: { schema: struct === undefined ? { type: "string" } : refTo(struct) } };
  const responses = { "200": { content, description: "OK" }, ...unauthorized };
  return {
    path,
    item: { get: { description, operationId, responses, tags: [tag] } },
    roots: struct === undefined ? [] : [struct],
  };
}

/** `groups`: all that are served, without the core group. */
export function otherDocuments(groups: readonly string[]): OtherDocument[] {
  return [
    document("api", {
      description: "get available API versions",
      operationId: "getCoreAPIVersions",
      tag: "core",
      struct: `${meta}.APIVersions`,
    }),
    document("apis", {
      description: "get available API versions",
      operationId: "getAPIVersions",
      tag: "apis",
      struct: `${meta}.APIGroupList`,
    }),
    ...groups.map((group) => {
      const own = { group, version: "" };
      return document(`apis/${group}`, {
        description: "get information of a group",
        operationId: `get${operationPrefix(own)}APIGroup`,
        tag: tagOf(own).replace(/_$/, ""),
        struct: `${meta}.APIGroup`,
      });
    }),
    document("version", {
      description: "get the version information for this server",
      operationId: "getCodeVersion",
      tag: "version",
      struct: versionSchema,
    }),
    document(".well-known/openid-configuration", {
      description: "get what OpenID clients must know of this issuer",
      operationId: "getServiceAccountIssuerOpenIDConfiguration",
      tag: "WellKnown",
    }),
    document("openid/v1/jwks", {
      description: "get the keys by which tokens of service accounts are verified",
      operationId: "getServiceAccountIssuerOpenIDKeyset",
      tag: "openid",
      mediaType: "application/jwk-set+json",
    }),
  ];
}
