/** Big answers are compressed for clients that take it. upstream: apiserver/pkg/endpoints/handlers/responsewriters/writers.go */
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { constants, createGzip, gzip } from "node:zlib";

/** Smaller ones would gain less than they cost. */
export const compressedMinBytes = 128 << 10;
/** The fastest: it halves the time that the next one would take, and loses a tenth in size. */
const options = { level: constants.Z_BEST_SPEED };

/** Of an Accept-Encoding header. */
export const acceptsGzip = (header: string): boolean =>
  header !== "" &&
  header.split(",").some((part) => {
    const [coding = "", ...parameters] = part.split(";").map((word) => word.trim().toLowerCase());
    return coding === "gzip" && !parameters.some((each) => /^q=0(\.0*)?$/.test(each));
  });

/** In another thread. */
export function compressed(body: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    gzip(body, options, (error, result) => {
      if (error === null) resolve(result);
      else reject(error);
    });
  });
}

/** Passes chunks on compressed, no faster than `write` takes them. */
export async function compressChunks(
  chunks: Iterable<Uint8Array>,
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  await pipeline(Readable.from(chunks), createGzip(options), async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) await write(chunk);
  });
}
