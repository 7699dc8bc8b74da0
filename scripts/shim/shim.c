/* The shim of the embedded runtime. It stands between a container and the kubelet, so that the kubelet may die:
   it is the parent of the container's process, keeps its streams, writes its log and remembers its exit.

   shim run FLAGS LOG -- RUNC ARGS...    a container; FLAGS: t terminal, i stdin, o stdin closes with its first client
   shim exec FLAGS -- RUNC ARGS...       a process in a container; talks frames over stdin and stdout
   shim namespaces DIR KINDS HOSTNAME [PATH VALUE]...   pins new namespaces (n u i) at DIR/net, uts, ipc; writes sysctls
   shim mount TYPE SOURCE TARGET FLAGS OPTIONS
   shim unmount TARGET...
   shim nodes                            reads device nodes and attributes to make from stdin (see nodes.h)
   shim forward NETNS PORT               connects stdin and stdout to a port of that namespace's loopback

   run and exec work in the current directory: RUNC writes the process id to ./pid; run listens on ./s, writes ./shim
   (its own process id) at the start and ./exit ("code nanoseconds") at the end. "@tty" in ARGS becomes the path of
   the socket for the terminal. run says "ok PID" or "failed CODE" on stdout once RUNC has ended.

   Built by build.sh without a C library: a few kilobytes, no dependency, runs on any Linux of its processor. */
#include "sys.h"

#include "log.h"
#include "nodes.h"
#include "network.h"
#include "root.h"
#include "serve.h"

static void mount_command(char **args, int count) {
  if (count != 5) die("mount TYPE SOURCE TARGET FLAGS OPTIONS", 0);
  long r = sc6(SYS_mount, (long)args[1], (long)args[2], (long)args[0], (long)number(args[3]), (long)args[4], 0);
  check(r, args[2]);
}

static void unmount_command(char **args, int count) {
  int failed = 0;
  for (int i = 0; i < count; i++) {
    long r = sc(SYS_umount2, args[i], MNT_DETACH, 0, 0);
    if (r < 0 && r != -EINVAL && r != -ENOENT) failed = 1;
  }
  if (failed) die("unmount", 0);
}

void start(long *stack) {
  int count = (int)stack[0];
  char **args = (char **)(stack + 1);
  char **env = args + count + 1;
  if (count < 2) die("no command", 0);
  const char *command = args[1];
  args += 2, count -= 2;
  if (same(command, "run")) serve_command(1, args, count, env);
  else if (same(command, "exec")) serve_command(0, args, count, env);
  else if (same(command, "namespaces")) namespaces_command(args, count);
  else if (same(command, "mount")) mount_command(args, count);
  else if (same(command, "unmount")) unmount_command(args, count);
  else if (same(command, "nodes")) nodes_command();
  else if (same(command, "forward")) forward_command(args, count);
  else die("unknown command", 0);
  sys_exit(0);
}
