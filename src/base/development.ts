/** Whether sources run as they are, and check what they promise each other at some cost. */

/** Defined in bundles: scripts/bundle.ts. */
declare const SHIPPED: true | undefined;

export const isDevelopment = typeof SHIPPED === "undefined";
