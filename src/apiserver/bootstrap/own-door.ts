/**
 * The server's way into itself. Authorization and admission read objects through it, and the server is made of them,
 * so the door exists first and is opened when the server stands.
 */
import type { WatchEvent } from "#api/meta/object.ts";
import { assert } from "#base/assert.ts";
import type { ApiRequest, ApiResponse, Transport } from "#client/client.ts";

export class OwnDoor implements Transport {
  #inner: Transport | undefined;

  open(inner: Transport): void {
    assert(this.#inner === undefined, "the server's own door is opened twice");
    this.#inner = inner;
  }

  request(request: ApiRequest): Promise<ApiResponse> {
    return this.#opened().request(request);
  }

  watch(request: ApiRequest): AsyncIterable<WatchEvent> {
    return this.#opened().watch(request);
  }

  stream(request: ApiRequest): Promise<AsyncIterable<Uint8Array>> {
    return this.#opened().stream(request);
  }

  close(): Promise<void> {
    return this.#inner?.close() ?? Promise.resolve();
  }

  #opened(): Transport {
    assert(this.#inner !== undefined, "the server's own door is used before it is open");
    return this.#inner;
  }
}
