/**
 * `npm run crash [-- --rounds 500 --seed N --dir /tmp]`: kills a writing store that serves etcd's API that often, and
 * checks after each time that nothing it promised is lost. The same as in the unit tests, for as long as one likes.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "#base/random.ts";
import { crashRounds } from "#store/testing/crash-rounds.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "500" },
    seed: { type: "string", default: String(process.hrtime.bigint() % 1_000_000n) },
    dir: { type: "string", default: tmpdir() },
  },
});
const rounds = Number(values.rounds);
const folder = await mkdtemp(join(values.dir, "mini-k8s-crash-"));
console.log(`${rounds} rounds, seed ${values.seed}`);
try {
  const promises = await crashRounds({
    path: join(folder, "crash.db"),
    rounds,
    random: new SeededRandom(Number(values.seed)),
    onRound: (round, promised, revision) => {
      if ((round + 1) % 50 !== 0) return;
      console.log(`${round + 1} kills: ${promised} promises kept, revision ${revision}`);
    },
  });
  console.log(`${rounds} kills, ${promises} promises: 0 lost, 0 revisions repeated`);
} finally {
  await rm(folder, { recursive: true });
}
