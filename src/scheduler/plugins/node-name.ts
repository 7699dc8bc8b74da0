/** A pod that names its node goes there only. upstream: pkg/scheduler/framework/plugins/nodename */
import { unresolvable, type FilterPlugin } from "../framework/plugin.ts";

const mismatch = unresolvable("node(s) didn't match the requested node name");

export const nodeName: FilterPlugin = {
  name: "NodeName",
  prepareFilter: ({ pod }) => {
    const wanted = pod.spec?.nodeName ?? "";
    return wanted === "" ? undefined : { filter: (node) => (node.name === wanted ? undefined : mismatch) };
  },
  mayHelp: ({ pod }, event) => event.kind === "node added" && event.node.name === pod.spec?.nodeName,
};
