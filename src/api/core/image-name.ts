/** What an image's name says about pulling it. upstream: pkg/util/parsers/parsers.go */

/** "latest" when the name has neither tag nor digest. */
function tagOf(image: string): string {
  const [name = "", digest] = image.split("@");
  const lastPart = name.slice(name.lastIndexOf("/") + 1);
  const colon = lastPart.indexOf(":");
  if (colon >= 0) return lastPart.slice(colon + 1);
  return digest === undefined ? "latest" : "";
}

/** A name that is no image's counts as having no tag at all. */
const imageName = /^[A-Za-z0-9]([A-Za-z0-9._:/-]*[A-Za-z0-9_.-])?(@[A-Za-z0-9+._-]+:[0-9a-fA-F]{32,})?$/;

export function pullPolicyOf(image: string): "Always" | "IfNotPresent" {
  return imageName.test(image) && tagOf(image) === "latest" ? "Always" : "IfNotPresent";
}
