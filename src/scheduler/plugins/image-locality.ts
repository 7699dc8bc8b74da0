/**
 * Rather nodes that have the pod's images, by size; less so while few nodes have them, lest all pods go there.
 * upstream: pkg/scheduler/framework/plugins/imagelocality
 */
import { scoreMax, type ScorePlugin } from "../framework/plugin.ts";

const mebibyte = 1024 * 1024;
/** Upstream's: below the first it isn't worth it, above the second (per container) it doesn't get better. */
const bytesMin = 23 * mebibyte;
const bytesMaxPerContainer = 1000 * mebibyte;

export const imageLocality: ScorePlugin = {
  name: "ImageLocality",
  weight: 1,
  prepareScore: ({ pod }, cache) => {
    const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
    const found = containers.flatMap(({ image = "" }) => cache.images.get(normalized(image)) ?? []);
    if (found.length === 0) return undefined;
    const weighted = found.map(({ nodes, bytes }) => ({
      nodes,
      bytes: Math.floor(bytes * (nodes.size / cache.nodes.length)),
    }));
    const bytesMax = bytesMaxPerContainer * containers.length;
    return {
      score: ({ name }) => {
        let bytes = 0;
        for (const image of weighted) if (image.nodes.has(name)) bytes += image.bytes;
        const counted = Math.min(bytesMax, Math.max(bytesMin, bytes));
        return Math.floor((scoreMax * (counted - bytesMin)) / (bytesMax - bytesMin));
      },
    };
  },
};

/** An image without tag or digest is the latest. */
function normalized(image: string): string {
  return image.lastIndexOf(":") <= image.lastIndexOf("/") ? `${image}:latest` : image;
}
