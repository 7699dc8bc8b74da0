/** Where images come from. */
import type { ImageAuth } from "../runtime/runtime.ts";
import type { ImageSource } from "./oci.ts";

export interface Puller {
  /** Finds the image for this machine; its layers are fetched when they are opened. */
  pull(image: string, auth: ImageAuth | undefined, signal: AbortSignal): Promise<ImageSource>;
}
