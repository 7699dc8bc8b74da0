/** Floating-point numbers in texts, as Go reads them: also hexadecimal ones, and digits in groups. upstream: Go's strconv/atof.go */

const digits = String.raw`\d+(?:_\d+)*`;
const hexDigits = String.raw`[\da-f]+(?:_[\da-f]+)*`;
const decimal = new RegExp(
  String.raw`^[+-]?(?:${digits}(?:\.(?:${digits})?)?|\.${digits})(?:e[+-]?${digits})?$`,
  "i",
);
const hexadecimal = new RegExp(
  String.raw`^([+-]?)0x(?:_?(${hexDigits})(?:\.(${hexDigits})?)?|\.(${hexDigits}))p([+-]?${digits})$`,
  "i",
);

/** Undefined for what is no number, and for one that is too large for a float64. */
export function parseGoFloat(text: string): number | undefined {
  if (/^nan$/i.test(text)) return NaN;
  const [, sign] = /^([+-]?)inf(?:inity)?$/i.exec(text) ?? [];
  if (sign !== undefined) return sign === "-" ? -Infinity : Infinity;
  const value = decimal.test(text) ? Number(plain(text)) : parseHexadecimal(text);
  return value !== undefined && Number.isFinite(value) ? value : undefined;
}

const plain = (text: string): string => text.replaceAll("_", "");

/** So many digits say all of a float64; of the others it counts whether there are any. */
const significantMax = 16;

function parseHexadecimal(text: string): number | undefined {
  const [, sign, whole = "", fraction = "", only = "", exponent = ""] = hexadecimal.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const behind = plain(fraction + only);
  const all = (plain(whole) + behind).replace(/^0+/, "");
  const [kept, rest] = [all.slice(0, significantMax), all.slice(significantMax)];
  const isMore = /[^0]/.test(rest);
  const mantissa = Number(BigInt(`0x0${kept}${isMore ? "1" : "0"}`));
  const power = Number(plain(exponent)) + 4 * (rest.length - 1 - behind.length);
  const value = mantissa === 0 ? 0 : scaled(mantissa, power);
  return sign === "-" ? -value : value;
}

/** In two steps: a power of two alone may be beyond what the product is. */
function scaled(mantissa: number, power: number): number {
  const half = Math.trunc(Math.min(Math.max(power, -3000), 3000) / 2);
  return mantissa * 2 ** half * 2 ** (Math.min(Math.max(power, -3000), 3000) - half);
}
