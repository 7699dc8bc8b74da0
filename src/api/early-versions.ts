/** Versions before v1 whose objects are those of a later one, but for their apiVersion: they share its rules. */
const laterVersions: ReadonlyMap<string, string> = new Map([
  ["admissionregistration.k8s.io/v1alpha1", "admissionregistration.k8s.io/v1beta1"],
  ["certificates.k8s.io/v1alpha1", "certificates.k8s.io/v1beta1"],
  ["networking.k8s.io/v1beta1", "networking.k8s.io/v1"],
  ["resource.k8s.io/v1beta2", "resource.k8s.io/v1"],
  ["storage.k8s.io/v1beta1", "storage.k8s.io/v1"],
]);

/** "resource.k8s.io/v1" of "resource.k8s.io/v1beta2"; what has types of its own itself. */
export const typesOf = (apiVersion: string): string => laterVersions.get(apiVersion) ?? apiVersion;
