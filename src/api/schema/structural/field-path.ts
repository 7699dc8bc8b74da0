/** Paths as field errors name them. upstream: apimachinery/pkg/util/validation/field/path.go */

export const childPath = (path: string, name: string): string => (path === "" ? name : `${path}.${name}`);
export const keyPath = (path: string, key: string): string => `${path}[${key}]`;

/** What upstream prints for a fault of the whole object. */
export const wholeObject = "<nil>";
