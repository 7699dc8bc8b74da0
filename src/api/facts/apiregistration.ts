/**
 * The structs of apiregistration.k8s.io/v1: no program among the development packages carries them.
 * A line: JSON name, protobuf number, type, and what applies of omitempty, merge=<key> (a list merged by that key).
 * upstream: staging/src/k8s.io/kube-aggregator/pkg/apis/apiregistration/v1/types.go
 */
export const apiregistrationPackage = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1";

export const apiregistration: Readonly<Record<string, readonly string[]>> = {
  APIService: [
    "kind 0 string omitempty",
    "apiVersion 0 string omitempty",
    "metadata 1 io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta omitempty",
    "spec 2 APIServiceSpec omitempty",
    "status 3 APIServiceStatus omitempty",
  ],
  APIServiceList: [
    "kind 0 string omitempty",
    "apiVersion 0 string omitempty",
    "metadata 1 io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta omitempty",
    "items 2 []APIService",
  ],
  APIServiceSpec: [
    "service 1 *ServiceReference omitempty",
    "group 2 string omitempty",
    "version 3 string omitempty",
    "insecureSkipTLSVerify 4 bool omitempty",
    "caBundle 5 bytes omitempty",
    "groupPriorityMinimum 7 int32",
    "versionPriority 8 int32",
  ],
  APIServiceStatus: ["conditions 1 []APIServiceCondition omitempty merge=type"],
  APIServiceCondition: [
    "type 1 string",
    "status 2 string",
    "lastTransitionTime 3 time omitempty",
    "reason 4 string omitempty",
    "message 5 string omitempty",
  ],
  ServiceReference: ["namespace 1 string omitempty", "name 2 string omitempty", "port 3 *int32 omitempty"],
};
