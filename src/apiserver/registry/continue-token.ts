/** Where a paged list goes on. upstream: apiserver/pkg/storage/continue.go */
import { posix } from "node:path";
import { DecodeError } from "#api/codec/decode-error.ts";
import { parseJson } from "#api/codec/json-text.ts";
import { badRequestError } from "#api/meta/status.ts";
import type { Position } from "./resource-cache.ts";

export interface Continuation {
  /** The revision of the first page; undefined: go on with what is there now. */
  readonly revision: bigint | undefined;
  readonly start: Position;
}

const version = "meta.k8s.io/v1";

/** A continuation after the object `last`. */
export function encodeContinue(
  last: { readonly namespace: string; readonly name: string },
  revision: bigint | undefined,
): string {
  const start = `${last.namespace === "" ? "" : `${last.namespace}/`}${last.name}\0`;
  // The revision is written as a bare number: it may outgrow what JSON.stringify can say exactly.
  const text = `{"v":"${version}","rv":${revision ?? -1n},"start":${JSON.stringify(start)}}`;
  return Buffer.from(text, "utf8").toString("base64url");
}

function refuse(why: string): never {
  throw badRequestError(`invalid continue token: continue key is not valid: ${why}`);
}

/** In the words of Go's decoder of base64 without padding. Throws 400. */
function decodedToken(token: string): string {
  const bad = /[^A-Za-z0-9_-]/.exec(token)?.index ?? (token.length % 4 === 1 ? token.length - 1 : undefined);
  if (bad !== undefined) return refuse(`illegal base64 data at input byte ${bad}`);
  return Buffer.from(token, "base64url").toString("utf8");
}

/** Throws 400. */
export function decodeContinue(token: string, namespaced: boolean): Continuation {
  let parsed: { v?: unknown; rv?: unknown; start?: unknown };
  try {
    // Null is read as a token that says nothing.
    parsed = parseJson(decodedToken(token)) ?? {};
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return refuse(error.message);
  }
  const { v, rv, start } = parsed;
  if (v !== version) {
    return refuse(`server does not recognize this encoded version ${typeof v === "string" ? v : ""}`);
  }
  if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv === 0) {
    return refuse("incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
  }
  if (typeof start !== "string" || start === "") {
    return refuse("encoded start key empty (version meta.k8s.io/v1)");
  }
  if (posix.normalize(`/${start}`) !== `/${start}`) return refuse(start);
  const slash = namespaced ? start.indexOf("/") : -1;
  return {
    revision: rv < 0 ? undefined : BigInt(rv),
    start: { namespace: slash < 0 ? "" : start.slice(0, slash), name: start.slice(slash + 1) },
  };
}
