/**
 * Bytes that stay in memory for long, in little of it: those much like others are kept as what differs. Who reads them
 * gets them as they were; they never change.
 */
import { applyDelta, deltaOf } from "./delta.ts";

/** Less isn't worth it, more takes long. */
const packedMin = 512;
const packedMax = 256 * 1024;
/** A delta of more than one such part of the bytes leaves the group in want of a better model. */
const deltaPart = 4;
/** Another group's model must be much better than that. */
const foreignDeltaPart = 10;
/** Of a group whose members come in kinds. */
const modelsMax = 3;
/** The groups used last. */
const groupsMax = 512;
/** What the models of all groups may take that may be nobody's any more. */
const modelBytesMax = 2 ** 21;

export class KeptBytes {
  readonly length: number;
  /** All of them, or what the delta is of. */
  #bytes: Buffer;
  #delta: string | undefined;

  constructor(bytes: Buffer) {
    this.length = bytes.length;
    this.#bytes = bytes;
    this.#delta = undefined;
  }

  get mayBePacked(): boolean {
    return true;
  }

  get isPacked(): boolean {
    return this.#delta !== undefined;
  }

  /** Made anew each time when they are packed: ask once. */
  get bytes(): Buffer {
    if (this.#delta === undefined) return this.#bytes;
    const bytes = Buffer.allocUnsafeSlow(this.length);
    applyDelta(this.#bytes, this.#delta, bytes, 0);
    return bytes;
  }

  /** Writes them to `target`, which has room, from `start`. Answers where they end. */
  copyTo(target: Buffer, start: number): number {
    if (this.#delta !== undefined) return applyDelta(this.#bytes, this.#delta, target, start);
    return start + this.#bytes.copy(target, start);
  }

  /** From now on they are what `delta` makes of `model`; without one, `model` itself. */
  replace(model: Buffer, delta?: string): void {
    this.#bytes = model;
    this.#delta = delta;
  }
}

/** Bytes that somebody knows by their identity. */
export class WholeBytes extends KeptBytes {
  override get mayBePacked(): boolean {
    return false;
  }
}

/** Bytes that are shown in place of others, which are what is stored. */
export class RenewedBytes extends KeptBytes {}

/** What is kept whole, for others to differ from: the newest of each group of bytes that are likely alike. */
export class ByteModels {
  readonly #groups = new Map<string, Buffer[]>();
  #newest: Buffer | undefined;
  #bytes = 0;

  /** Replaces bytes by what differs, if they are like any others. */
  pack(kept: KeptBytes, group: string): void {
    const { length } = kept;
    if (length < packedMin || length > packedMax || kept.isPacked || !kept.mayBePacked) return;
    const { bytes } = kept;
    const models = this.#use(group);
    for (const [at, model] of models.entries()) {
      const delta = deltaOf(model, bytes, length / deltaPart);
      if (delta === undefined) continue;
      kept.replace(model, delta);
      if (at > 0) models.unshift(...models.splice(at, 1));
      return;
    }
    if (models.length === 0 && this.#newest !== undefined) {
      const delta = deltaOf(this.#newest, bytes, length / foreignDeltaPart);
      if (delta !== undefined) {
        kept.replace(this.#newest, delta);
        return;
      }
    }
    this.#add(models, ownBytes(kept, bytes));
  }

  /** There is nothing left that could be like what comes. */
  clear(): void {
    this.#groups.clear();
    this.#newest = undefined;
    this.#bytes = 0;
  }

  #use(group: string): Buffer[] {
    const models = this.#groups.get(group) ?? [];
    this.#groups.delete(group);
    this.#groups.set(group, models);
    if (this.#groups.size > groupsMax) this.#forgetOldest();
    return models;
  }

  #add(models: Buffer[], model: Buffer): void {
    models.unshift(model);
    this.#newest = model;
    this.#bytes += model.length;
    if (models.length > modelsMax) this.#bytes -= models.pop()?.length ?? 0;
    while (this.#bytes > modelBytesMax && this.#groups.size > 1) this.#forgetOldest();
  }

  #forgetOldest(): void {
    for (const [group, models] of this.#groups) {
      this.#groups.delete(group);
      for (const model of models) this.#bytes -= model.length;
      return;
    }
  }
}

/** A model stays for as long as any that differs from it: not a large piece of memory for its sake. */
function ownBytes(kept: KeptBytes, bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength === bytes.length) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  kept.replace(own);
  return own;
}
