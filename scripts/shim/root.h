/* Whoever joins a container's mount namespace lands at that namespace's root. RUNC makes the image its root by
   pivot_root, which exchanges the directory that is "/" to RUNC: below a chroot that is not the namespace's root, and a
   later exec in the container would land on the machine itself. So RUNC gets a namespace of its own there, the chroot's
   directory its root. Mounts made outside later still reach it (slave); the other way they don't. */
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

static int open_root(void) { return (int)check(sys_open("/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "/"); }

/* Joining one's own mount namespace leads to its root. */
static long to_namespace_root(void) {
  int ns = (int)sys_open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC, 0);
  if (ns < 0) return ns;
  long r = sc(SYS_setns, ns, CLONE_NEWNS, 0, 0);
  sys_close(ns);
  return r;
}

static void look_at(int fd, struct statx *found) {
  memset(found, 0, sizeof *found);
  check(sc6(SYS_statx, fd, (long)"", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, (long)found, 0), "/");
}

/* Whether "/" is another directory than the mount namespace's root. Asked in a process of its own: asking leads there. */
static int is_chrooted(void) {
  struct statx here, there;
  look_at(open_root(), &here);
  int child = (int)check(sys_fork(), "fork"), status = 0;
  if (child == 0) {
    if (to_namespace_root() < 0) sys_exit(0); /* not allowed: RUNC will say what it misses */
    look_at(open_root(), &there);
    sys_exit(here.stx_ino != there.stx_ino || here.stx_mnt_id != there.stx_mnt_id ||
             here.stx_dev_major != there.stx_dev_major || here.stx_dev_minor != there.stx_dev_minor);
  }
  check(sys_wait(child, &status, 0), "wait");
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static void own_root(void) {
  static char directory[4096];
  if (!is_chrooted()) return;
  check(sc(SYS_getcwd, directory, sizeof directory, 0, 0), "getcwd");
  check(sc(SYS_unshare, CLONE_NEWNS, 0, 0, 0), "unshare");
  int root = open_root();
  check(to_namespace_root(), "setns");
  check(sc6(SYS_mount, 0, (long)"/", 0, MS_SLAVE | MS_REC, 0, 0), "slave");
  /* A copy on top of itself: the new root has to be a mount. */
  int tree = (int)check(sc(SYS_open_tree, root, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, 0),
                        "open_tree");
  long moved = sc6(SYS_move_mount, tree, (long)"", root, (long)"", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH, 0);
  check(moved, "move_mount");
  check(sc(SYS_fchdir, tree, 0, 0, 0), "fchdir");
  check(sc(SYS_pivot_root, ".", ".", 0, 0), "pivot_root");
  check(sc(SYS_umount2, ".", MNT_DETACH, 0, 0), "umount");
  check(sc(SYS_chdir, directory, 0, 0, 0), directory);
}
