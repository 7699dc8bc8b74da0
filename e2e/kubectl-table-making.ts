/** The first rows of kubectl-table.ts: what is made, run and rolled out. */
export interface Step {
  /** The arguments, split at blanks. $NS is the version's own namespace. */
  readonly run: string;
  /** Standard output, or standard error of what fails. A text is exact, for 1.35; a pattern is for all versions. */
  readonly says?: string | RegExp;
  /** 0 unless said; a record is by version. */
  readonly code?: number | Readonly<Record<string, number>>;
  readonly input?: string;
  readonly editor?: string;
}

export interface Row {
  readonly name: string;
  readonly steps: readonly Step[];
}

const unknownField = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: bad }\ndat: {}\n";

const creating: Row = {
  name: "create: every generator",
  steps: [
    { run: "create namespace $NS --dry-run=server", code: 1, says: /namespaces "\$NS" already exists/ },
    { run: "create configmap c --from-literal=a=1", says: "configmap/c created\n" },
    { run: "create configmap c", code: 1, says: /configmaps "c" already exists/ },
    { run: "create secret generic s --from-literal=p=q", says: "secret/s created\n" },
    {
      run: "create secret docker-registry reg --docker-username=u --docker-password=p",
      says: "secret/reg created\n",
    },
    {
      run: "create deployment web --image=nginx:1 --replicas=2 --port=80",
      says: "deployment.apps/web created\n",
    },
    { run: "create job j --image=busybox -- true", says: "job.batch/j created\n" },
    {
      run: "create cronjob cj --image=busybox --schedule=@hourly -- true",
      says: "cronjob.batch/cj created\n",
    },
    { run: "create job of-cj --from=cronjob/cj", says: "job.batch/of-cj created\n" },
    {
      run: "create role r --verb=get,list --resource=pods",
      says: "role.rbac.authorization.k8s.io/r created\n",
    },
    {
      run: "create rolebinding rb --role=r --serviceaccount=$NS:default",
      says: "rolebinding.rbac.authorization.k8s.io/rb created\n",
    },
    {
      run: "create clusterrole $NS --verb=get --non-resource-url=/x",
      says: "clusterrole.rbac.authorization.k8s.io/$NS created\n",
    },
    {
      run: "create clusterrolebinding $NS --clusterrole=view --user=u",
      says: "clusterrolebinding.rbac.authorization.k8s.io/$NS created\n",
    },
    { run: "create serviceaccount sa", says: "serviceaccount/sa created\n" },
    { run: "create quota q --hard=secrets=9", says: "resourcequota/q created\n" },
    {
      run: "create pdb p --selector=app=web --min-available=1",
      says: "poddisruptionbudget.policy/p created\n",
    },
    {
      run: "create priorityclass $NS --value=100",
      says: "priorityclass.scheduling.k8s.io/$NS created\n",
    },
    {
      run: "create ingress i --rule=a.example/x=web:80",
      says: "ingress.networking.k8s.io/i created\n",
    },
    { run: "create service clusterip sc --tcp=80:80", says: "service/sc created\n" },
    { run: "create service nodeport snp --tcp=80:80", says: "service/snp created\n" },
    { run: "create service loadbalancer slb --tcp=80:80", says: "service/slb created\n" },
    { run: "create service externalname sen --external-name=a.example", says: "service/sen created\n" },
    { run: "create token sa --duration=10m", says: /^[\w-]+\.[\w-]+\.[\w-]+$/ },
    { run: "create token nobody", code: 1, says: /serviceaccounts "nobody" not found/ },
    {
      run: "create -f -",
      input: unknownField,
      code: 1,
      says: /ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dat"/,
    },
    { run: "create --validate=warn -f -", input: unknownField, says: "configmap/bad created\n" },
  ],
};

const running: Row = {
  name: "run, expose, autoscale",
  steps: [
    { run: "run pod --image=nginx:1 --restart=Never --labels=a=b", says: "pod/pod created\n" },
    {
      run: "get pod pod -o jsonpath={.spec.restartPolicy},{.spec.containers[*].image}",
      says: "Never,nginx:1",
    },
    {
      run: "run other --image=nginx:1 --dry-run=client -o yaml",
      says: /^apiVersion: v1\nkind: Pod\nmetadata:\n[\s\S]*image: nginx:1\n/,
    },
    { run: "run other --image=nginx:1 --dry-run=server -o name", says: "pod/other\n" },
    {
      run: "run UPPER --image=nginx:1",
      code: 1,
      says: /The Pod "UPPER" is invalid: .*metadata\.name: Invalid value: "UPPER": a lowercase RFC 1123 subdomain/s,
    },
    { run: "expose deployment web --port=80", says: "service/web exposed\n" },
    { run: "expose pod pod --port=80 --name=of-pod", says: "service/of-pod exposed\n" },
    {
      run: "autoscale deployment web --min=1 --max=3",
      says: "horizontalpodautoscaler.autoscaling/web autoscaled\n",
    },
    {
      run: "autoscale deployment web --min=4 --max=3 --name=turned",
      code: 1,
      says: /max=MAXPODS must be larger or equal to --min=MINPODS|must be larger or equal to/,
    },
  ],
};

const rollouts: Row = {
  name: "scale, rollout, set",
  steps: [
    { run: "scale deployment web --replicas=3", says: "deployment.apps/web scaled\n" },
    {
      run: "scale deployment web --replicas=4 --current-replicas=9",
      code: 1,
      says: /[Ee]xpected replicas to be 9, was 3/,
    },
    {
      run: "wait --for=jsonpath={.status.observedGeneration}=2 deployment/web --timeout=10s",
      says: "deployment.apps/web condition met\n",
    },
    {
      run: "rollout history deployment web",
      says: "deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n\n",
    },
    { run: "set image deployment web nginx=nginx:2", says: "deployment.apps/web image updated\n" },
    { run: "set env deployment web A=b", says: "deployment.apps/web env updated\n" },
    { run: "set env deployment web --list", says: "# Deployment web, container nginx\nA=b\n" },
    {
      run: "set resources deployment web --limits=cpu=100m",
      says: "deployment.apps/web resource requirements updated\n",
    },
    { run: "set serviceaccount deployment web sa", says: "deployment.apps/web serviceaccount updated\n" },
    { run: "set selector service web x=y", says: "service/web selector updated\n" },
    {
      run: "set subject rolebinding rb --user=bob",
      says: "rolebinding.rbac.authorization.k8s.io/rb subjects updated\n",
    },
    { run: "rollout pause deployment web", says: "deployment.apps/web paused\n" },
    { run: "rollout pause deployment web", code: 1, says: /deployments\.apps "web" is already paused/ },
    { run: "rollout restart deployment web", code: 1, says: /can't restart paused deployment/ },
    { run: "rollout resume deployment web", says: "deployment.apps/web resumed\n" },
    { run: "rollout restart deployment web", says: "deployment.apps/web restarted\n" },
    {
      run: "wait --for=jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}=6 deployment/web --timeout=10s",
    },
    {
      run: "rollout history deployment web --revision=1",
      says: /^deployment\.apps\/web with revision #1\nPod Template:\n  Labels:\tapp=web\n[\s\S]*Image:\tnginx:1\n/,
    },
    {
      run: "rollout undo deployment web --to-revision=1",
      says: "deployment.apps/web rolled back\n",
    },
    {
      run: "get deployment web -o jsonpath={..image}{.spec.template.spec.serviceAccountName}",
      says: /^nginx:1$/,
    },
    { run: "rollout undo deployment web --to-revision=77", code: 1, says: /unable to find .*revision/ },
    { run: "rollout status deployment web --timeout=1s", code: 1, says: /timed out waiting/ },
    { run: "rollout status deployment web --watch=false", says: /^Waiting for deployment "web" rollout/ },
  ],
};

export const kubectlTableMaking: readonly Row[] = [creating, running, rollouts];
