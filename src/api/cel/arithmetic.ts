/** Operators. Overflow is an error, never a wrap. upstream: cel-go common/types/{int,uint,double,overflow}.go */
import {
  compare,
  Duration,
  Fault,
  intMax,
  intMin,
  ListValue,
  noSuchOverload,
  Timestamp,
  Uint,
  uintMax,
  type Value,
} from "./values.ts";

const intOverflow = new Fault("integer overflow");
const uintOverflow = new Fault("unsigned integer overflow");
const durationOverflow = new Fault("duration overflow");
const timestampOverflow = new Fault("timestamp overflow");
const divideByZero = new Fault("division by zero");
const modulusByZero = new Fault("modulus by zero");

/** Doubling a list again and again costs little; to walk it then must end. */
const listSizeMax = 10_000_000;
const tooManyItems = new Fault(`a list may not have more than ${listSizeMax} items`);

const nanosPerSecond = 1_000_000_000n;
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z. */
const timestampMin = -62_135_596_800n * nanosPerSecond;
const timestampMax = 253_402_300_800n * nanosPerSecond - 1n;

export const intOr = (value: bigint): Value => (value > intMax || value < intMin ? intOverflow : value);
export const uintOr = (value: bigint): Value =>
  value > uintMax || value < 0n ? uintOverflow : new Uint(value);
export const durationOr = (nanos: bigint): Value =>
  nanos > intMax || nanos < intMin ? durationOverflow : new Duration(nanos);
export const timestampOr = (nanos: bigint, offsetSeconds = 0): Value =>
  nanos > timestampMax || nanos < timestampMin ? timestampOverflow : new Timestamp(nanos, offsetSeconds);

export function add(a: Value, b: Value): Value {
  if (typeof a === "bigint" && typeof b === "bigint") return intOr(a + b);
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (typeof a === "string" && typeof b === "string") return a + b;
  if (a instanceof Uint && b instanceof Uint) return uintOr(a.value + b.value);
  if (a instanceof ListValue && b instanceof ListValue) {
    return a.size + b.size > listSizeMax ? tooManyItems : a.concat(b);
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Uint8Array.from([...a, ...b]);
  return addTimes(a, b);
}

function addTimes(a: Value, b: Value): Value {
  if (a instanceof Duration && b instanceof Duration) return durationOr(a.nanos + b.nanos);
  if (a instanceof Duration && b instanceof Timestamp) return timestampOr(a.nanos + b.nanos, b.offsetSeconds);
  if (a instanceof Timestamp && b instanceof Duration) return timestampOr(a.nanos + b.nanos, a.offsetSeconds);
  return noSuchOverload;
}

export function subtract(a: Value, b: Value): Value {
  if (typeof a === "bigint" && typeof b === "bigint") return intOr(a - b);
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (a instanceof Uint && b instanceof Uint) return uintOr(a.value - b.value);
  if (a instanceof Duration && b instanceof Duration) return durationOr(a.nanos - b.nanos);
  if (a instanceof Timestamp && b instanceof Duration) return timestampOr(a.nanos - b.nanos, a.offsetSeconds);
  if (a instanceof Timestamp && b instanceof Timestamp) return durationOr(a.nanos - b.nanos);
  return noSuchOverload;
}

export function multiply(a: Value, b: Value): Value {
  if (typeof a === "bigint" && typeof b === "bigint") return intOr(a * b);
  if (typeof a === "number" && typeof b === "number") return a * b;
  if (a instanceof Uint && b instanceof Uint) return uintOr(a.value * b.value);
  return noSuchOverload;
}

export function divide(a: Value, b: Value): Value {
  if (typeof a === "bigint" && typeof b === "bigint") return b === 0n ? divideByZero : intOr(a / b);
  if (typeof a === "number" && typeof b === "number") return a / b;
  if (a instanceof Uint && b instanceof Uint) {
    return b.value === 0n ? divideByZero : new Uint(a.value / b.value);
  }
  return noSuchOverload;
}

export function modulo(a: Value, b: Value): Value {
  if (typeof a === "bigint" && typeof b === "bigint") {
    if (b === 0n) return modulusByZero;
    return a === intMin && b === -1n ? intOverflow : a % b;
  }
  if (a instanceof Uint && b instanceof Uint) {
    return b.value === 0n ? modulusByZero : new Uint(a.value % b.value);
  }
  return noSuchOverload;
}

export function negate(a: Value): Value {
  if (typeof a === "bigint") return intOr(-a);
  return typeof a === "number" ? -a : noSuchOverload;
}

/** `<` and its like: `accepts` is asked of the order. */
export function ordered(a: Value, b: Value, accepts: (order: number) => boolean): Value {
  const order = compare(a, b);
  if (order === undefined) return noSuchOverload;
  return order instanceof Fault ? order : accepts(order);
}
