/** The plugins in their order. upstream: pkg/scheduler/apis/config/v1/default_plugins.go */
import type { Plugins } from "../framework/cycle.ts";
import { balancedAllocation } from "./balanced-allocation.ts";
import { imageLocality } from "./image-locality.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { nodeName } from "./node-name.ts";
import { nodePorts } from "./node-ports.ts";
import { nodeResourcesFit } from "./node-resources-fit.ts";
import { nodeUnschedulable } from "./node-unschedulable.ts";
import { taintToleration } from "./taint-toleration.ts";

export const defaultPlugins: Plugins = {
  filters: [nodeUnschedulable, nodeName, taintToleration, nodeAffinity, nodePorts, nodeResourcesFit],
  scores: [taintToleration, nodeAffinity, nodeResourcesFit, balancedAllocation, imageLocality],
};
