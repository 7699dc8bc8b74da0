/**
 * Values under the protection of a KMS plugin: it encrypts a seed once, and values are encrypted here with what follows
 * from the seed. Its state is asked for again and again; a new key of its own brings a new seed. While it can't be asked,
 * seeds that are known go on reading, and for three minutes writing.
 * upstream: apiserver/pkg/server/options/encryptionconfig/config.go, apiserver/pkg/storage/value/encrypt/envelope/kmsv2/envelope.go
 */
import { createHash } from "node:crypto";
import { aborted } from "#base/abort.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { grpcStatusOf, type EnvelopeMetrics, type KmsMethod } from "#apiserver/metrics/envelope-metrics.ts";
import { LruCache } from "#pki/lru.ts";
import type { Message } from "#wire/protobuf.ts";
import { gcmCipher, type Cipher } from "../ciphers.ts";
import { seedBytes, seedCipher } from "./envelope-ciphers.ts";
import { encryptedObject, sourceTypes, type Annotation } from "./messages.ts";
import type { Encrypted, KmsPlugin, PluginStatus } from "./plugin.ts";

export interface KmsProviderDeps {
  readonly plugin: Pick<KmsPlugin, "status" | "encrypt" | "decrypt" | "close">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics?: EnvelopeMetrics | undefined;
}

interface State {
  readonly cipher: Cipher;
  readonly source: Encrypted;
  /** Nothing is written with it any more. */
  readonly expiresMs: number;
}

type Envelope = Message<typeof encryptedObject>;

const writeMaxMs = 180_000;
const healthyMs = 60_000;
const unhealthyMs = 10_000;
/** What health checks are told may be so old. upstream: kmsPluginHealthz{Positive,Negative}TTL */
const healthyKnownMs = 20_000;
const unhealthyKnownMs = 3000;
const keyIdBytesMax = 1024;
const sourceBytesMax = 1024;
const annotationBytesMax = 32 * 1024;
const versions = ["v2", "v2beta1"];
/** One for each start of a server, and for each key of the plugin, since everything was last written anew. */
const sourcesMax = 4096;

export class KmsProvider implements Cipher {
  readonly #name: string;
  readonly #deps: KmsProviderDeps;
  readonly #ciphers = new LruCache<Cipher>(sourcesMax);
  #state: State | undefined;
  #fault: string | undefined = "it wasn't asked yet";
  #version: string | undefined;
  #probing: Promise<void> | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(name: string, deps: KmsProviderDeps) {
    this.#name = name;
    this.#deps = deps;
  }

  /** What was wrong with it when it was last asked. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Asks how it is, and has a new seed encrypted when its key is another. Throws what is wrong with it. */
  probe(): Promise<void> {
    this.#probing ??= this.#probe().finally(() => {
      this.#askedAt = this.#deps.clock.monotonic();
      this.#probing = undefined;
    });
    return this.#probing;
  }

  /** What is wrong with it, asked anew unless it was asked just now. */
  async health(): Promise<string | undefined> {
    const age = this.#deps.clock.monotonic() - this.#askedAt;
    const isOld = age >= (this.#fault === undefined ? healthyKnownMs : unhealthyKnownMs);
    if (isOld) await this.probe().catch(() => undefined);
    return this.#fault;
  }

  async #probe(): Promise<void> {
    try {
      await this.#check(await this.#timed("Status", this.#deps.plugin.status()));
      this.#fault = undefined;
    } catch (error) {
      this.#fault = `kmsv2 Provider ${this.#name} is not healthy, error: ${messageOf(error)}`;
      throw new Error(this.#fault, { cause: error });
    }
  }

  /** Probes from time to time, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    const gone = aborted(signal);
    let wasHealthy = this.#fault === undefined;
    while (!signal.aborted) {
      const pause = Promise.withResolvers<void>();
      const cancel = clock.after(wasHealthy ? healthyMs : unhealthyMs, pause.resolve);
      await Promise.race([pause.promise, gone]);
      cancel();
      if (isOver(signal)) return;
      const isHealthy = await this.probe().then(
        () => true,
        () => false,
      );
      if (isOver(signal)) return;
      if (wasHealthy && !isHealthy) {
        log.error("KMS plugin not healthy", { provider: this.#name, reason: this.#fault });
      }
      if (!wasHealthy && isHealthy) log.info("KMS plugin healthy again", { provider: this.#name });
      wasHealthy = isHealthy;
    }
  }

  async close(): Promise<void> {
    await this.#deps.plugin.close();
  }

  encrypt(plain: Buffer, place: string): Buffer {
    const state = this.#state;
    if (state === undefined) throw new Error(`KMS provider ${this.#name} has no key yet`);
    const now = this.#deps.clock.now();
    if (now > state.expiresMs) {
      throw new Error(
        `encryptedDEKSource with keyID hash ${JSON.stringify(hashOf(state.source.keyId))} expired at ${toRfc3339(state.expiresMs)} (current time is ${toRfc3339(now)})`,
      );
    }
    const { ciphertext: encryptedSource, keyId, annotations } = state.source;
    const encryptedData = state.cipher.encrypt(plain, place);
    const sourceType = sourceTypes.seed;
    this.#deps.metrics?.used(this.#name, "to_storage", keyId, now);
    return encryptedObject.encode({ encryptedData, keyId, encryptedSource, annotations, sourceType });
  }

  decrypt(sealed: Buffer, place: string): Buffer {
    const envelope = readEnvelope(sealed);
    const cipher = this.#ciphers.get(sourceKey(envelope));
    if (cipher === undefined) throw new Error("the plugin wasn't asked for its key");
    const plain = cipher.decrypt(envelope.encryptedData, place);
    this.#deps.metrics?.used(this.#name, "from_storage", envelope.keyId, this.#deps.clock.now());
    return plain;
  }

  prepare(sealed: Buffer): Promise<void> | undefined {
    const envelope = readEnvelope(sealed);
    if (this.#ciphers.get(sourceKey(envelope)) !== undefined) return undefined;
    return this.#unwrap(envelope);
  }

  isStale(sealed: Buffer): boolean {
    const { keyId, sourceType } = readEnvelope(sealed);
    return keyId !== this.#state?.source.keyId || sourceType !== sourceTypes.seed;
  }

  async #unwrap(envelope: Envelope): Promise<void> {
    const { plugin, random } = this.#deps;
    const { encryptedSource: ciphertext, keyId, annotations, sourceType } = envelope;
    this.#deps.metrics?.missed();
    let secret: Buffer;
    try {
      const asking = plugin.decrypt({ ciphertext, keyId, annotations, uid: random.uuid() });
      secret = await this.#timed("Decrypt", asking);
    } catch (error) {
      throw new Error(`failed to decrypt DEK, error: ${messageOf(error)}`, { cause: error });
    }
    this.#remember(
      sourceKey(envelope),
      sourceType === sourceTypes.seed ? seedCipher(secret) : gcmCipher(secret),
    );
  }

  async #check({ healthz, version, keyId }: PluginStatus): Promise<void> {
    if (healthz !== "ok") throw new Error(`got unexpected healthz status: ${healthz}`);
    if (!versions.includes(version)) throw new Error(`expected KMSv2 API version v2, got ${version}`);
    this.#version ??= version;
    if (version !== this.#version) {
      throw new Error(
        `KMSv2 API version should not change after the initial status response version ${this.#version}, got ${version}`,
      );
    }
    this.#noteKeyId(keyId);
    checkKeyId(keyId);
    await this.#rotate(keyId);
  }

  #noteKeyId(keyId: string): void {
    const { metrics, clock } = this.#deps;
    const size = Buffer.byteLength(keyId);
    if (size === 0) metrics?.saidInvalid(this.#name, "empty");
    else if (size > keyIdBytesMax) metrics?.saidInvalid(this.#name, "too_long");
    else metrics?.said(this.#name, keyId, clock.now());
  }

  #remember(source: string, cipher: Cipher): void {
    this.#ciphers.set(source, cipher);
    this.#deps.metrics?.remembers(this.#name, this.#ciphers.size);
  }

  async #timed<T>(method: KmsMethod, answer: Promise<T>): Promise<T> {
    const { clock, metrics } = this.#deps;
    const began = clock.monotonic();
    const told = (error?: unknown): void => {
      metrics?.asked(this.#name, method, clock.monotonic() - began, error);
    };
    try {
      const given = await answer;
      told();
      return given;
    } catch (error) {
      told(error);
      throw error;
    }
  }

  async #rotate(keyId: string): Promise<void> {
    const { clock, random, plugin, log, metrics } = this.#deps;
    const expiresMs = clock.now() + writeMaxMs;
    if (this.#state?.source.keyId === keyId) {
      this.#state = { ...this.#state, expiresMs };
      return;
    }
    const began = clock.monotonic();
    const seed = random.bytes(seedBytes);
    metrics?.seedMade(clock.monotonic() - began);
    const source = await this.#timed("Encrypt", plugin.encrypt(seed, random.uuid()));
    checkSource(source);
    if (source.keyId !== keyId) {
      throw new Error(
        `failed to rotate DEK, statusKeyIDHash=${JSON.stringify(hashOf(keyId))}, encryptKeyIDHash=${JSON.stringify(hashOf(source.keyId))}`,
      );
    }
    const cipher = seedCipher(seed);
    const { ciphertext: encryptedSource, annotations } = source;
    this.#remember(sourceKey({ encryptedSource, keyId, annotations, sourceType: sourceTypes.seed }), cipher);
    this.#state = { cipher, source, expiresMs };
    log.info("KMS plugin's key in use", { provider: this.#name, keyIdHash: hashOf(keyId) });
  }
}

/** Also after an await, which the type checker doesn't know may change it. */
const isOver = (signal: AbortSignal): boolean => signal.aborted;

/** Key IDs may tell more than is good. */
const hashOf = (text: string): string =>
  text === "" ? "" : `sha256:${createHash("sha256").update(text).digest("hex")}`;

/** As Go's gRPC says it: its errors here begin with the number and name of their code. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return errorText(error);
  const said = /^\d+ [A-Z_]+: ([^]*)$/.exec(error.message)?.[1];
  return said === undefined ? error.message : `rpc error: code = ${grpcStatusOf(error)} desc = ${said}`;
}

function readEnvelope(sealed: Buffer): Envelope {
  const envelope = encryptedObject.decode(sealed);
  const { sourceType, encryptedData, encryptedSource: ciphertext, keyId, annotations } = envelope;
  if (sourceType !== sourceTypes.key && sourceType !== sourceTypes.seed) {
    throw new Error(`unknown encryptedDEKSourceType: ${sourceType}`);
  }
  if (encryptedData.length === 0) throw new Error("encrypted data is empty");
  checkSource({ ciphertext, keyId, annotations });
  return envelope;
}

function checkSource({ ciphertext, keyId, annotations }: Encrypted): void {
  if (ciphertext.length === 0) throw new Error("encrypted DEK source is empty");
  if (ciphertext.length > sourceBytesMax) {
    throw new Error(
      `encrypted DEK source is ${ciphertext.length} bytes, which exceeds the max size of ${sourceBytesMax}`,
    );
  }
  checkKeyId(keyId);
  const size = annotations.reduce((sum, { key, value }) => sum + Buffer.byteLength(key) + value.length, 0);
  if (size > annotationBytesMax) {
    throw new Error(
      `total size of annotations is ${size}, which exceeds the max size of ${annotationBytesMax}`,
    );
  }
}

function checkKeyId(keyId: string): void {
  const size = Buffer.byteLength(keyId);
  if (size === 0) throw new Error("keyID is empty");
  if (size > keyIdBytesMax) {
    throw new Error(`keyID is ${size} bytes, which exceeds the max size of ${keyIdBytesMax}`);
  }
}

function sourceKey({
  encryptedSource,
  keyId,
  annotations,
  sourceType,
}: Omit<Envelope, "encryptedData">): string {
  const sorted = annotations.toSorted((a: Annotation, b: Annotation) => (a.key < b.key ? -1 : 1));
  return JSON.stringify([
    sourceType,
    encryptedSource.toString("latin1"),
    keyId,
    sorted.map(({ key, value }) => [key, value.toString("latin1")]),
  ]);
}
