/** Where a request goes, read once for URLs that come again and again: clients renew, poll and watch the same few. */
import { badRequestError } from "#api/meta/status.ts";
import type { Classified } from "#apiserver/flowcontrol/flow-control.ts";
import { parseRequestInfo, type RequestInfo } from "#apiserver/request/info.ts";
import type { RequestKind } from "./metrics.ts";
import type { Shape } from "./shape.ts";

export class Target {
  /** Decoded. */
  readonly path: string;
  /** Shared: not to be changed. */
  readonly query: URLSearchParams;
  readonly rawQuery: string;
  readonly info: RequestInfo;
  /** What others found out about this target and may use again; each says when. */
  kind: RequestKind | undefined;
  shape: { readonly accept: string; readonly isHuman: boolean; readonly shape: Shape } | undefined;
  flow: Classified | undefined;

  /** Throws 400 for a path that can't be decoded. */
  constructor(method: string, url: string) {
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    this.rawQuery = mark < 0 ? "" : url.slice(mark + 1);
    this.query = queryOf(this.rawQuery);
    try {
      this.path = path.includes("%") ? decodeURIComponent(path) : path;
    } catch (error) {
      throw badRequestError(`invalid path ${JSON.stringify(path)}`, { cause: error });
    }
    this.info = parseRequestInfo(method, this.path, this.query);
  }
}

/** A pair that Go can't read isn't there for it. upstream: net/url ParseQuery */
function queryOf(text: string): URLSearchParams {
  if (!text.includes("%") && !text.includes(";")) return new URLSearchParams(text);
  const pairs = text.split("&").filter((pair) => !/;|%(?![0-9a-f]{2})/i.test(pair));
  return new URLSearchParams(pairs.join("&"));
}

/** Of each generation. Some 1 KiB each. */
const rememberedMax = 1024;
/** Longer ones are somebody's only once. */
const rememberedUrlMax = 512;

/** Keeps the targets of the last one to two thousand URLs. */
export class Targets {
  #young = new Map<string, Target>();
  #old: ReadonlyMap<string, Target> = new Map();

  /** Throws 400 for a path that can't be decoded. */
  of(method: string, url: string): Target {
    // Over HTTP/2 a path may be any text, also one that looks like another request's key.
    if (!url.startsWith("/") || url.length > rememberedUrlMax) return new Target(method, url);
    const key = method === "GET" ? url : `${method} ${url}`;
    const known = this.#young.get(key);
    if (known !== undefined) return known;
    const target = this.#old.get(key) ?? new Target(method, url);
    if (this.#young.size >= rememberedMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, target);
    return target;
  }
}
