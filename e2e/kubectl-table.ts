/** The commands of kubectl that need no running pod, and what comes of each: one list for three versions of it. */
import { kubectlTableMaking, type Row } from "./kubectl-table-making.ts";

const both = (a: string, replicas: number): string => `apiVersion: v1
kind: ConfigMap
metadata: { name: m }
data: { a: "${a}" }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: applied }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: applied } }
  template:
    metadata: { labels: { app: applied } }
    spec: { containers: [{ name: c, image: "nginx:1" }] }
`;

const role = `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reconciled, namespace: $NS }
rules: [{ apiGroups: [""], resources: [pods], verbs: [get] }]
`;

/** A request of CN=joe, made by openssl: its key is forgotten. */
const certificateRequest = [
  "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlJQ1V6Q0NBVHNDQVFBd0RqRU1NQW9HQTFVRUF3d0RhbTlsTUlJ",
  "QklqQU5CZ2txaGtpRzl3MEJBUUVGQUFPQwpBUThBTUlJQkNnS0NBUUVBekRFdnBtSFFRWGk2T3BCbGdycmk3NURFdE03YVJRdTBj",
  "eHlEdXBtREJzQTBFNVZqCkE4S09pMnoya2tnV05nMmNMV0xNYm9GS2JkbVNld01vU2NsaHU0UUJMMUVTckpYN3JkTk1nMUs2aU9B",
  "VDI4M24KWjNYdXZjWlVSRGZZVk1XajUrY25DM1p4cTFGT2hhOHgyQzBSQUpqUDVoQkU0a0VCT3pmbWtVcmpndktWQ0gzWAo5RUE5",
  "eTlYYm9PZ2NvQ0FBYXJxa3B2NnNGUFRrZEVUdHdGR3lhWEFIbWJZZDAzOFI1S09JRXZMN1FRdXIzWUt0ClU4ZzloYUFKbXdzQkFi",
  "RC80MjBzL1VlN1dYcEdtY1ZLOHp2eEFxaFc1MU1YWTNhbGgxQmpjTWxaT1pQU1hSZmwKTkhjWDJqVC85MmVMcTA0T3owbHI3RUVJ",
  "V2Vzb213RE1sMTZaZHdJREFRQUJvQUF3RFFZSktvWklodmNOQVFFTApCUUFEZ2dFQkFId2R6aXJpTC91K29FdXlqMFVrM0ZJd1hM",
  "T29tVXNobmJjbkJPTDhYWmt2ZzN0MkRKUFBlNldkCjNSMVFhV2NWT1E1dE5ISjZoaDQwMUtzdXNKdmQ5YU5wc0FsbXFobm5yZHNx",
  "SGk2RFRhMEJOZXlNZ21qeWhuNGcKVVFkQVlTSVNPWm1MbGdrOElJVVY1elpDbCtiNWdIbkhvNmt5TGs0RTdCVzlERGJsTUw0UnpK",
  "eExudzhjWUtncApwVXZsdUNTSHR4aVk2Q0lxb1pjK01YTkJZZmFlUGt0YlFCTCtwMmJHa3RqV2d3ODhvb1VYNitYeEU4ZFhsczQr",
  "CnhZV24vbmM0cjFuMGJnQkpkN1RTa3J1Q3pmMkRBTjZBekZtWDFnOFJUbnRzVVB4SGR1SDZ0VExHZUxqT3lNYUUKOHBwdjBJcnda",
  "YysvSUYzOXFxZy9CYWVBWWRJZGdDOD0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==",
].join("");

const labelling: Row = {
  name: "label, annotate",
  steps: [
    { run: "label deployment web x=y", says: "deployment.apps/web labeled\n" },
    {
      run: "label deployment web x=z",
      code: 1,
      says: /'x' already has a value \(y\), and --overwrite is false/,
    },
    { run: "label deployment web x=z --overwrite", says: "deployment.apps/web labeled\n" },
    { run: "label deployment web --list", says: /^(?=.*app=web\n)(?=.*x=z\n)/s },
    { run: "get deployment web -L x", says: /^NAME .* X\nweb .* z\n$/ },
    { run: "label deployment web x-", says: "deployment.apps/web unlabeled\n" },
    { run: "get deployment web -L x", says: /^NAME .* X\nweb (?!.*z\n).*\n$/ },
    {
      run: "label deployment web x=-bad",
      code: 1,
      says: /a valid label must be an empty string or consist of/,
    },
    { run: "annotate deployment web note=1", says: "deployment.apps/web annotated\n" },
    { run: "annotate deployment web note-", says: "deployment.apps/web annotated\n" },
  ],
};

const getting: Row = {
  name: "get: every way to look",
  steps: [
    {
      run: "get all",
      says: /^pod\/pod\s[\s\S]*^service\/web\s[\s\S]*^deployment\.apps\/web\s[\s\S]*^replicaset\.apps\/web-[\s\S]*^horizontalpodautoscaler\.autoscaling\/web\s[\s\S]*^cronjob\.batch\/cj\s[\s\S]*^job\.batch\/j\s/m,
    },
    {
      run: "get pods --chunk-size=1",
      says: /^NAME +READY +STATUS +RESTARTS +AGE\npod +0\/1 +Pending +0 +\d+s\nweb-/,
    },
    { run: "get pods -l a=b -o name", says: "pod/pod\n" },
    { run: "get pods -l a!=b,app=web,!none -o name", says: /^pod\/web-/ },
    {
      run: "get pods --field-selector=status.phase=Pending,metadata.name=pod --no-headers",
      says: /^pod +0\/1 +Pending +0 +\d+s\n$/,
    },
    {
      run: "get pods --field-selector=x=y",
      code: 1,
      says: 'Error from server (BadRequest): Unable to find "/v1, Resource=pods" that match label selector "", field selector "x=y": field label not supported: x\n',
    },
    { run: "get pods nope", code: 1, says: 'Error from server (NotFound): pods "nope" not found\n' },
    { run: "get pods nope --ignore-not-found", says: "" },
    { run: "get nopes", code: 1, says: 'error: the server doesn\'t have a resource type "nopes"\n' },
    { run: "get configmaps -A -o name", says: /configmap\/kube-root-ca\.crt\n[\s\S]*configmap\/c\n/ },
    { run: "get configmap c -o jsonpath={.data}", says: '{"a":"1"}' },
    { run: "get configmap c -o go-template={{.data.a}}", says: "1" },
    { run: "get configmap c -o custom-columns=N:.metadata.name,D:.data.a", says: "N     D\nc     1\n" },
    { run: "get configmap c -L x --show-labels", says: /^NAME +DATA +AGE +X +LABELS\nc +1 +\d+s +<none>\n$/ },
    {
      run: "get cm --sort-by=.metadata.name -o name",
      says: "configmap/bad\nconfigmap/c\nconfigmap/kube-root-ca.crt\n",
    },
    {
      run: "get configmap c -o yaml",
      says: /^apiVersion: v1\ndata:\n  a: "1"\nkind: ConfigMap\nmetadata:\n/,
    },
    {
      run: "get deployment web --subresource=scale",
      says: /^NAME +DESIRED +AVAILABLE +AGE\nweb +3 +\d +\d+s\n$/,
    },
    {
      run: "get deploy,ing,pdb,cj -o wide",
      says: /^deployment\.apps\/web +0\/3 +\d +0 +\d+s +nginx +nginx:1 +app=web\n[\s\S]*^ingress\.networking\.k8s\.io\/i +<none> +a\.example +80 +\d+s\n[\s\S]*^poddisruptionbudget\.policy\/p +1 +N\/A +0 +\d+s\n[\s\S]*^cronjob\.batch\/cj +@hourly +<none> +False +0 +<none> +\d+s +cj +busybox +<none>\n/m,
    },
    { run: "get --raw /api/v1/namespaces/$NS/configmaps/c", says: /^\{"kind":"ConfigMap","apiVersion":"v1"/ },
    {
      run: "get events --field-selector=reason=ScalingReplicaSet",
      says: /deployment\/web +Scaled up replica set web-/,
    },
    {
      run: "events --for=deployment/web",
      says: /ScalingReplicaSet +Deployment\/web +Scaled up replica set web-/,
    },
    {
      run: "get cs",
      says: /^NAME +STATUS +MESSAGE +ERROR *\ncontroller-manager +Healthy +ok *\nscheduler +Healthy +ok *\netcd-0 +Healthy +ok *\n$/,
    },
    { run: "get cs etcd-1", code: 1, says: /componentstatus "etcd-1" not found/ },
    { run: "describe configmap c", says: /^Name: +c\nNamespace: +\$NS\n[\s\S]*^a:\n----\n1\n/m },
    {
      run: "describe deployment web",
      says: /^Replicas: +3 desired \| \d updated \| \d total \| 0 available/m,
    },
    { run: "describe pod pod", says: /^Status: +Pending$[\s\S]*FailedScheduling/m },
    { run: "describe quota q", says: /^Name: +q\n[\s\S]*^secrets +2 +9\n/m },
    { run: "describe namespace $NS", says: /^Status: +Active\n\nResource Quotas\n/m },
  ],
};

const patching: Row = {
  name: "patch: every type, status and scale",
  steps: [
    { run: 'patch configmap c -p {"data":{"b":"2"}}', says: "configmap/c patched\n" },
    { run: 'patch configmap c -p {"data":{"b":"2"}}', says: "configmap/c patched (no change)\n" },
    { run: 'patch configmap c --type=merge -p {"data":{"b":null}}', says: "configmap/c patched\n" },
    {
      run: 'patch configmap c --type=json -p [{"op":"add","path":"/data/z","value":"9"}]',
      says: "configmap/c patched\n",
    },
    {
      run: 'patch configmap c --type=json -p [{"op":"test","path":"/data/z","value":"8"}]',
      code: 1,
      says: /^The request is invalid|the server rejected our request/,
    },
    { run: "get configmap c -o jsonpath={.data}", says: '{"a":"1","z":"9"}' },
    {
      run: 'patch pod pod --dry-run=server -p {"spec":{"containers":[{"name":"pod","image":"busybox"}]}}',
      says: /^pod\/pod patched/,
    },
    { run: "get pod pod -o jsonpath={..image}", says: "nginx:1" },
    { run: "get pod pod -o jsonpath={.spec.containers[0].resources}", says: "{}" },
    {
      run: 'patch deployment web --type=json -p [{"op":"add","path":"/spec/template/spec/containers/0/resources/limits","value":{"cpu":"1"}}]',
      says: "deployment.apps/web patched\n",
    },
    { run: 'patch pod pod -p {"metadata":{"annotations":{"x":"y"}}}', says: "pod/pod patched\n" },
    {
      run: 'patch deployment web --subresource=scale --type=merge -p {"spec":{"replicas":1}}',
      says: "scale.autoscaling/web patched\n",
    },
    {
      run: 'patch deployment web --subresource=status --type=merge -p {"status":{"collisionCount":0}}',
      says: /^deployment\.apps\/web patched/,
    },
    {
      run: 'patch deployment web -p {"spec":{"replicas":-1}}',
      code: 1,
      says: 'The Deployment "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0\n',
    },
  ],
};

const applying: Row = {
  name: "apply, diff, edit, replace, by the client",
  steps: [
    {
      run: "apply -f - --dry-run=server",
      input: both("1", 0),
      says: "configmap/m created (server dry run)\ndeployment.apps/applied created (server dry run)\n",
    },
    { run: "diff -f -", input: both("1", 0), code: 1 },
    {
      run: "apply -f -",
      input: both("1", 0),
      says: "configmap/m created\ndeployment.apps/applied created\n",
    },
    {
      run: "apply -f -",
      input: both("1", 0),
      says: "configmap/m unchanged\ndeployment.apps/applied unchanged\n",
    },
    { run: "diff -f -", input: both("1", 0), says: /^$/ },
    {
      run: "diff -f -",
      input: both("1", 0).replace("nginx:1", "busybox"),
      code: 1,
      says: /^-.* image: nginx:1\n\+.* image: busybox$/m,
    },
    {
      run: "apply -f -",
      input: both("2", 0),
      says: "configmap/m configured\ndeployment.apps/applied unchanged\n",
    },
    { run: "apply view-last-applied configmap m", says: /^apiVersion: v1\ndata:\n  a: "2"\n/ },
    { run: "apply set-last-applied -f -", input: both("1", 0), says: /^configmap\/m configured\n/ },
    {
      run: "apply --server-side --force-conflicts -f -",
      input: both("2", 0),
      says: "configmap/m serverside-applied\ndeployment.apps/applied serverside-applied\n",
    },
    {
      run: "replace -f -",
      input: both("1", 0),
      says: "configmap/m replaced\ndeployment.apps/applied replaced\n",
    },
    {
      run: "replace --force -f -",
      input: both("1", 0),
      says: 'configmap "m" deleted from $NS namespace\ndeployment.apps "applied" deleted from $NS namespace\nconfigmap/m replaced\ndeployment.apps/applied replaced\n',
    },
    { run: "edit configmap m", editor: "sed -i 's/^  a:/  b:/'", says: "configmap/m edited\n" },
    { run: "edit configmap m", editor: "true", says: /^$/ },
    {
      run: "edit configmap m",
      editor: "sed -i 's/^data:/dta:/'",
      code: 1,
      says: /Edit cancelled|unknown field "dta"/,
    },
    { run: "get configmap m -o jsonpath={.data}", says: '{"b":"1"}' },
    { run: "apply -k kustomized", says: "configmap/k-of-kustomize created\n" },
    {
      run: "kustomize kustomized",
      says: /^apiVersion: v1\ndata:\n  a: b\nkind: ConfigMap\nmetadata:\n  name: k-of-kustomize\n$/,
    },
    { run: "delete -k kustomized", says: 'configmap "k-of-kustomize" deleted from $NS namespace\n' },
  ],
};

const nodes: Row = {
  name: "taint, cordon, drain a node that nobody runs",
  steps: [
    {
      run: "create -f -",
      input: "apiVersion: v1\nkind: Node\nmetadata: { name: $NS }\n",
      says: "node/$NS created\n",
    },
    { run: "taint node $NS a=b:NoSchedule", says: "node/$NS tainted\n" },
    { run: "taint node $NS a=c:NoSchedule", code: 1, says: /already has a taint|\ba\b.*overwrite is false/s },
    { run: "taint node $NS a:NoSchedule-", says: "node/$NS untainted\n" },
    { run: "cordon $NS", says: "node/$NS cordoned\n" },
    { run: "cordon $NS", says: "node/$NS already cordoned\n" },
    { run: "uncordon $NS", says: "node/$NS uncordoned\n" },
    { run: "drain $NS --ignore-daemonsets --force", says: "node/$NS cordoned\nnode/$NS drained\n" },
    {
      run: "get node $NS",
      says: /^NAME +STATUS +ROLES +AGE +VERSION\n\S+ +Unknown,SchedulingDisabled +<none> +\d+s/,
    },
    { run: "describe node $NS", says: /^Unschedulable: +true$/m },
    { run: "delete node $NS", says: 'node "$NS" deleted\n' },
  ],
};

const authorizing: Row = {
  name: "auth, certificates",
  steps: [
    { run: "auth can-i create pods", says: "yes\n" },
    { run: "auth can-i create pods --as=nobody", code: 1 },
    { run: "auth can-i create pods --as=system:serviceaccount:$NS:default", code: 1 },
    { run: "auth can-i --list", says: /^\*\.\* +\[\] +\[\] +\[\*\]$/m },
    {
      run: "auth can-i --list --as=system:serviceaccount:$NS:default --as-group=system:authenticated",
      says: /^selfsubjectreviews\.authentication\.k8s\.io +\[\] +\[\] +\[create\]$/m,
    },
    {
      run: "auth whoami",
      code: { "1.27": 1 },
      says: /^Username +system:admin\nGroups +\[system:masters system:authenticated\]$|selfsubjectreviews API is not enabled/m,
    },
    {
      run: "auth reconcile -f -",
      input: role,
      says: /^role\.rbac\.authorization\.k8s\.io\/reconciled reconciled\n/,
    },
    {
      run: "auth reconcile -f -",
      input: role,
      says: /^role\.rbac\.authorization\.k8s\.io\/reconciled (unchanged|reconciled)\n/,
    },
    {
      run: "get pods --as=nobody",
      code: 1,
      says: /pods is forbidden: User "nobody" cannot list resource "pods" in API group "" in the namespace "\$NS"/,
    },
    {
      run: "create -f -",
      input: `apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: { name: $NS }
spec: { signerName: example.com/own, usages: [client auth], request: ${certificateRequest} }`,
      says: "certificatesigningrequest.certificates.k8s.io/$NS created\n",
    },
    { run: "get csr $NS", says: /\$NS +\d+s +example\.com\/own +system:admin +<none> +Pending\n/ },
    {
      run: "certificate approve $NS",
      says: "certificatesigningrequest.certificates.k8s.io/$NS approved\n",
    },
    { run: "get csr $NS", says: /\$NS +\d+s +example\.com\/own +system:admin +<none> +Approved\n/ },
    { run: "certificate deny $NS", code: 1, says: /certificate signing request "\$NS" is already Approved/ },
    {
      run: "delete csr $NS",
      says: 'certificatesigningrequest.certificates.k8s.io "$NS" deleted\n',
    },
  ],
};

const discovering: Row = {
  name: "api-resources, api-versions, explain, version, config, completion",
  steps: [
    {
      run: "api-resources",
      says: /^pods +po +v1 +true +Pod$[\s\S]*^deployments +deploy +apps\/v1 +true +Deployment$[\s\S]*^volumeattributesclasses +vac +storage\.k8s\.io\/v1 +false +VolumeAttributesClass$/m,
    },
    { run: "api-resources --namespaced=false --verbs=watch -o name", says: /^namespaces$[\s\S]*^nodes$/m },
    {
      run: "api-resources --api-group=batch --no-headers",
      says: /^cronjobs +cj +batch\/v1 +true +CronJob\njobs +batch\/v1 +true +Job\n$/,
    },
    {
      run: "api-versions",
      says: /^apps\/v1$[\s\S]*^autoscaling\/v2$[\s\S]*^storage\.k8s\.io\/v1$[\s\S]*^v1$/m,
    },
    { run: "explain configmap", says: /^KIND: +ConfigMap\nVERSION: +v1\n[\s\S]*^  immutable\t<boolean>$/m },
    { run: "explain deploy.spec.replicas", says: /^FIELD: replicas <integer>$/m },
    {
      run: "explain pod.spec.containers.resources --recursive",
      says: /^  claims\t<\[\]ResourceClaim>\n(?: {3,4}name\t<string> (?:-required-)?\n)?/m,
    },
    { run: "explain pod.nope", code: 1, says: /field "nope" does not exist/ },
    { run: "version", says: /^Client Version: [\s\S]*v1\.[\s\S]*^Server Version: [\s\S]*v1\.35\./m },
    { run: "cluster-info", says: /Kubernetes control plane.* is running at .*https:\/\/127\.0\.0\.1:\d+/ },
    { run: "cluster-info dump --namespaces=$NS", says: /^\{\n    "kind": "NodeList"/ },
    { run: "get --raw /readyz", says: "ok" },
    { run: "get --raw /readyz?verbose", says: /^\[\+\]ping ok\n[\s\S]*readyz check passed\n$/ },
    {
      run: "config view --minify -o jsonpath={.clusters[0].cluster.server}",
      says: /^https:\/\/127\.0\.0\.1:\d+$/,
    },
    { run: "config current-context", says: "default\n" },
    { run: "completion bash", says: /bash completion/ },
    { run: "top pods", code: 1, says: /Metrics API not available/ },
    { run: "logs nope", code: 1, says: /pods "nope" not found/ },
    { run: "exec nope -- true", code: 1, says: /pods "nope" not found/ },
    { run: "port-forward nope 80", code: 1, says: /pods "nope" not found/ },
    { run: "cp nope:/x x", code: 1, says: /pods "nope" not found/ },
  ],
};

const waiting: Row = {
  name: "wait, delete",
  steps: [
    { run: "wait --for=jsonpath={.data.b}=1 configmap/m --timeout=5s", says: "configmap/m condition met\n" },
    {
      run: "wait --for=jsonpath={.data.b}=2 configmap/m --timeout=1s",
      code: 1,
      says: /timed out waiting for the condition/,
    },
    {
      run: "wait --for=condition=Available deployment/applied --timeout=10s",
      says: "deployment.apps/applied condition met\n",
    },
    { run: "wait --for=create configmap/m --timeout=1s", code: { "1.27": 1 } },
    {
      run: "delete configmap m --dry-run=server",
      says: 'configmap "m" deleted from $NS namespace (server dry run)\n',
    },
    { run: "delete configmap m --now", says: 'configmap "m" deleted from $NS namespace\n' },
    { run: "delete configmap m", code: 1, says: 'Error from server (NotFound): configmaps "m" not found\n' },
    { run: "delete configmap m --ignore-not-found", says: /^$/ },
    { run: "wait --for=delete configmap/m --timeout=1s", says: /^$/ },
    { run: "delete pod pod --grace-period=0 --force", says: /^pod "pod" force deleted/ },
    {
      run: "delete deployment applied --cascade=foreground",
      says: 'deployment.apps "applied" deleted from $NS namespace\n',
    },
    {
      run: "delete deployment web --cascade=orphan",
      says: 'deployment.apps "web" deleted from $NS namespace\n',
    },
    { run: "get rs -l app=web -o name", says: /^replicaset\.apps\/web-/ },
    { run: "delete rs --all", says: /^replicaset\.apps "web-/ },
    { run: "delete cm,secret -l none=such", says: /^No resources found/ },
    { run: "delete clusterrole,clusterrolebinding,priorityclass $NS", says: /deleted\n$/ },
    { run: "delete namespace $NS", says: 'namespace "$NS" deleted\n' },
    { run: "get namespace $NS", code: 1, says: 'Error from server (NotFound): namespaces "$NS" not found\n' },
  ],
};

/** In their order: each goes on from what the one before has left. */
export const kubectlTable: readonly Row[] = [
  ...kubectlTableMaking,
  labelling,
  getting,
  patching,
  applying,
  nodes,
  authorizing,
  discovering,
  waiting,
];
