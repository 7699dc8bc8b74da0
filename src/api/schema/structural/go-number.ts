/** Numbers as Go's %v prints them. */

const exponentMin = -4;
const exponentMax = 6;

/** A float64: without an exponent from 1e-4 to below 1e6. upstream: Go's strconv, format g, shortest */
export function goFloat(value: number): string {
  const [mantissa = "", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (value === 0 || (power >= exponentMin && power < exponentMax)) return String(value);
  const sign = power < 0 ? "-" : "+";
  return `${mantissa}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
}
