import { constants } from "node:os";
import { RuntimeError } from "../runtime.ts";

/** "TERM", "SIGTERM", "15", "SIGRTMIN+3" → its number on Linux. */
export function signalNumber(name: string): number {
  if (/^\d+$/.test(name)) return checked(Number(name), name);
  const short = name.toUpperCase().replace(/^SIG/, "");
  const [, base, sign, distance = "0"] = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(short) ?? [];
  if (base !== undefined) {
    const start = base === "MIN" ? realtimeMin : signalMax;
    return checked(sign === "-" ? start - Number(distance) : start + Number(distance), name);
  }
  return checked(new Map<string, number>(Object.entries(constants.signals)).get(`SIG${short}`) ?? 0, name);
}

const realtimeMin = 34;
const signalMax = 64;

function checked(number: number, name: string): number {
  if (number >= 1 && number <= signalMax) return number;
  throw new RuntimeError("invalid", `${name} is no signal`);
}
