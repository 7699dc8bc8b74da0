/** Doubles as Go writes them. upstream: Go's strconv.FormatFloat */

const specials = new Map([
  [Infinity, "+Inf"],
  [-Infinity, "-Inf"],
]);

/** What Go's 'g' takes for its precision when it was told to find the shortest. */
const plainDigitsMax = 6;

/** 'g' with the shortest digits that read back the same: "1e+06", "0.5". */
export function formatDouble(value: number): string {
  const special = Number.isNaN(value) ? "NaN" : specials.get(value);
  if (special !== undefined) return special;
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [mantissa = "", exponentText = "0"] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < plainDigitsMax) return plain(mantissa, exponent);
  const digits = String(Math.abs(exponent)).padStart(2, "0");
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`;
}

/** 'f' with the shortest digits: never an exponent. */
export function formatPlain(value: number): string {
  const [mantissa = "", exponentText = "0"] = value.toExponential().split("e");
  return plain(mantissa, Number(exponentText));
}

function plain(mantissa: string, exponent: number): string {
  const sign = mantissa.startsWith("-") ? "-" : "";
  const digits = mantissa.replace(/[-.]/g, "");
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const fraction = digits.slice(exponent + 1);
  return `${sign}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}
