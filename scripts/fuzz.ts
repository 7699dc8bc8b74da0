/**
 * `npm run fuzz [-- --minutes 10 --seed N --only bodies,paths --case N]`: damaged requests of every kind against a whole
 * apiserver in this process. The same as in the unit tests, for as long as one likes; `--case` is one case of an earlier
 * run of the same families. Ends with 1 if it found something.
 */
import { parseArgs } from "node:util";
import { fuzz, fuzzFamilies, growthOf } from "#testing/fuzz/fuzz.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(process.hrtime.bigint() % 1_000_000n) },
    case: { type: "string" },
    only: { type: "string", default: fuzzFamilies.join(",") },
  },
});
const families = values.only.split(",");
const unknown = families.filter((family) => !fuzzFamilies.includes(family));
if (unknown.length > 0) throw new Error(`--only knows ${fuzzFamilies.join(", ")}, not ${unknown.join(", ")}`);
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes is ${values.minutes}, must be more than 0`);
const caseSeed = values.case === undefined ? undefined : Number(values.case);
console.log(
  `${caseSeed === undefined ? `${minutes} minutes` : `case ${caseSeed}`} of ${families.join(", ")}, seed ${values.seed}`,
);

const mib = (bytes: number): number => Math.round(bytes / (1 << 20));
const report = await fuzz({
  seed: Number(values.seed),
  families,
  caseSeed,
  casesMax: Number.POSITIVE_INFINITY,
  runMs: minutes * 60_000,
  windowCases: 2000,
  onFinding: ({ family, caseSeed: found, fault, reproduction }) => {
    const again = `npm run fuzz -- --case ${found} --only ${families.join(",")}`;
    console.log(`\n${family}: ${fault}\n  ${reproduction}\n  ${again}\n`);
  },
  onWindow: ({ cases, heapBytes, residentBytes, findings }) => {
    console.log(
      `${cases} cases, heap ${mib(heapBytes)} MiB, resident ${mib(residentBytes)} MiB, ${findings} findings`,
    );
  },
});
console.log(
  [...report.statuses]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([what, count]) => `${what}: ${count}`)
    .join(", "),
);
const growth = growthOf(report.windows);
if (growth !== undefined) console.log(`memory grows: ${growth}`);
process.exitCode = report.findings.length > 0 || growth !== undefined ? 1 : 0;
