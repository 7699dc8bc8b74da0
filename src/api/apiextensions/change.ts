/**
 * What became of a value, and whether what is wrong with it was so before: then it may stay.
 * upstream: apiserver/pkg/cel/common (CorrelatedObject), apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go (ratchetingOptions)
 */
import { isList, isMap, jsonEqual } from "../patch/json-value.ts";
import { Counterparts } from "../schema/structural/counterparts.ts";
import { fieldOf, itemsOf, type Structural } from "../schema/structural/structural.ts";

export class Change {
  readonly #value: unknown;
  readonly #old: unknown;
  readonly #schema: Structural;
  #isNone: boolean | undefined;
  #counterparts: Counterparts | undefined;

  constructor(value: unknown, old: unknown, schema: Structural) {
    this.#value = value;
    this.#old = old;
    this.#schema = schema;
  }

  /** Of what has no schema it can't be told. */
  get isNone(): boolean {
    return (this.#isNone ??= this.#findNone());
  }

  /** Undefined where one of the two isn't there, or nothing is known of it. */
  key(name: string): Change | undefined {
    const [value, old] = [this.#value, this.#old];
    const schema = fieldOf(this.#schema, name);
    if (schema === undefined || !isMap(value) || !isMap(old)) return undefined;
    if (!Object.hasOwn(value, name) || !Object.hasOwn(old, name)) return undefined;
    return new Change(value[name], old[name], schema);
  }

  index(index: number): Change | undefined {
    const [value, old] = [this.#value, this.#old];
    const schema = itemsOf(this.#schema);
    if (schema === undefined || !isList(value) || !isList(old)) return undefined;
    this.#counterparts ??= new Counterparts(old, this.#schema);
    const before = this.#counterparts.of(value[index]);
    return before === undefined ? undefined : new Change(value[index], before, schema);
  }

  #findNone(): boolean {
    const [value, old] = [this.#value, this.#old];
    if (isList(value) && isList(old)) {
      if (value.length !== old.length) return false;
      if (this.#schema["x-kubernetes-list-type"] !== "map") return jsonEqual(value, old);
      return value.every((_, index) => this.index(index)?.isNone === true);
    }
    if (!isMap(value) || !isMap(old)) return jsonEqual(value, old);
    const names = Object.keys(value);
    return names.length === Object.keys(old).length && names.every((name) => this.key(name)?.isNone === true);
  }
}

/** Of one place: its own change, or where that can't be told the nearest around it. */
export class Ratchet {
  readonly #own: Change | undefined;
  readonly #around: Change | undefined;

  constructor(own: Change | undefined, around?: Change) {
    this.#own = own;
    this.#around = around;
  }

  get applies(): boolean {
    return (this.#own ?? this.#around)?.isNone === true;
  }

  /** What type the whole object is was never for its owner to change: conversion does. */
  key(name: string): Ratchet {
    if (this.#own === undefined) return this;
    const isRoot = this.#around === undefined;
    if (isRoot && (name === "apiVersion" || name === "kind")) return new Ratchet(undefined);
    return new Ratchet(this.#own.key(name), this.#own);
  }

  index(index: number): Ratchet {
    return this.#own === undefined ? this : new Ratchet(this.#own.index(index), this.#own);
  }
}
