/** Debian's PostgreSQL as a process of its own, as the user postgres, on a port of the loopback. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../free-ports.ts";
import { startOrRemove } from "./etcd.ts";
import { folderInMemory } from "./folder-in-memory.ts";

const programs = "/usr/lib/postgresql";

export interface PostgresSetup {
  /** Where the tables lie, which the user postgres gets; its log of writes stays elsewhere. */
  readonly tables?: string;
  /** Everybody must use TLS. */
  readonly tls?: {
    readonly caPem: string;
    readonly certificatePem: string;
    readonly keyPem: string;
    /** They must show a certificate for their user's name, too. */
    readonly clientCertificates: boolean;
  };
}

export class PostgresServer {
  readonly #directory: string;
  readonly #data: string;
  readonly port: number;
  readonly #settings: Record<string, string> = {};
  readonly #user: { readonly uid: number; readonly gid: number };
  #child: ChildProcess | undefined;
  #output = "";

  constructor(port: number, { tables, tls }: PostgresSetup = {}) {
    this.port = port;
    this.#user = { uid: idOf("-u"), gid: idOf("-g") };
    this.#directory = folderInMemory("postgres");
    this.#own(this.#directory);
    this.#data = join(tables ?? this.#directory, "data");
    const args = ["-D", this.#data, "-A", "trust", "-U", "kubernetes", "--no-sync"];
    if (tables !== undefined) {
      this.#own(tables);
      args.push("--waldir", join(this.#directory, "wal"));
    }
    execFileSync(program("initdb"), args, { ...this.#user, cwd: this.#directory, stdio: "pipe" });
    if (tls !== undefined) this.#demandTls(tls);
  }

  #own(path: string): void {
    chownSync(path, this.#user.uid, this.#user.gid);
  }

  #demandTls(tls: NonNullable<PostgresSetup["tls"]>): void {
    const directory = join(this.#directory, "tls");
    mkdirSync(directory);
    this.#own(directory);
    const write = (setting: string, pem: string): void => {
      const path = join(directory, setting);
      writeFileSync(path, pem);
      chmodSync(path, 0o600);
      this.#own(path);
      this.#settings[setting] = path;
    };
    write("ssl_ca_file", tls.caPem);
    write("ssl_cert_file", tls.certificatePem);
    write("ssl_key_file", tls.keyPem);
    this.#settings["ssl"] = "on";
    const method = tls.clientCertificates ? "cert" : "trust";
    writeFileSync(join(this.#data, "pg_hba.conf"), `hostssl all all 127.0.0.1/32 ${method}\n`);
  }

  url(database: string, port = this.port): string {
    return `postgres://kubernetes:secret@127.0.0.1:${port}/${database}`;
  }

  async start(): Promise<void> {
    const settings = {
      port: `${this.port}`,
      listen_addresses: "127.0.0.1",
      unix_socket_directories: this.#directory,
      max_connections: "100",
      ...this.#settings,
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const child = spawn(program("postgres"), ["-D", this.#data, ...args], {
      ...this.#user,
      cwd: this.#directory,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    this.#output = "";
    const serves = Promise.withResolvers<void>();
    child.stderr.on("data", (chunk: Buffer) => {
      this.#output += chunk.toString();
      if (this.#output.includes("ready to accept connections")) serves.resolve();
    });
    child.once("error", serves.reject);
    child.once("exit", (code) => {
      serves.reject(new Error(`postgres ended with ${code}:\n${this.#output.slice(-2000)}`));
    });
    await serves.promise;
  }

  get output(): string {
    return this.#output;
  }

  /** As after a loss of power: nothing is written any more, clients are cut off. */
  async crash(): Promise<void> {
    await this.#end("SIGQUIT");
  }

  async remove(): Promise<void> {
    await this.#end("SIGQUIT");
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }
}

export async function startPostgres(setup: PostgresSetup = {}): Promise<PostgresServer> {
  const [port = 0] = await freePorts(1);
  const server = new PostgresServer(port, setup);
  await startOrRemove(server);
  return server;
}

const idOf = (flag: string): number => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));

function program(name: string): string {
  const version = readdirSync(programs).toSorted((a, b) => Number(b) - Number(a))[0];
  if (version === undefined) throw new Error(`no PostgreSQL in ${programs}`);
  return join(programs, version, "bin", name);
}
