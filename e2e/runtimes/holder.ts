/**
 * A process that holds a runtime open until it is killed: node holder.ts '{"kind":…,"dataDir":…,"stateDir":…}'.
 * Says "open" once it has found everything again.
 */
import Dockerode from "dockerode";
import { openRuntime, type OpenRuntimeOptions } from "../../src/kubelet/runtime/open.ts";
import { LoopbackNetwork, realDeps } from "./machine.ts";

const options = JSON.parse(process.argv[2] ?? "") as OpenRuntimeOptions;
const connectDocker = (address: object): Promise<Dockerode> => Promise.resolve(new Dockerode(address));
const { runtime } = await openRuntime(options, { ...realDeps(new LoopbackNetwork()), connectDocker });
console.log("open");
process.stdin.resume();
process.stdin.once("end", () => {
  void runtime.close();
});
