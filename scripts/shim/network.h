/* Namespaces of a pod, and connections into them. */

static void write_file(const char *path, const char *value) {
  int fd = (int)check(sys_open(path, O_WRONLY | O_CLOEXEC, 0), path);
  check(write_all(fd, value, length(value)), path);
  sys_close(fd);
}

static void pin(const char *directory, const char *name, const char *source) {
  char path[4096];
  if (length(directory) + length(name) + 2 > sizeof path) die("directory name too long", 0);
  char *p = append(path, directory);
  *p++ = '/', p = append(p, name), *p = 0;
  int fd = (int)check(sys_open(path, O_CREAT | O_RDONLY | O_CLOEXEC, 0600), path);
  sys_close(fd);
  check(sc6(SYS_mount, (long)source, (long)path, 0, MS_BIND, 0, 0), path);
}

static void loopback_up(void) {
  int fd = (int)check(sys_socket(AF_INET, SOCK_DGRAM), "socket");
  struct ifreq request;
  memset(&request, 0, sizeof request);
  memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  check(sys_ioctl(fd, SIOCSIFFLAGS, &request), "lo");
  sys_close(fd);
}

static void namespaces_command(char **args, int count) {
  if (count < 3 || count % 2 == 0) die("namespaces DIR KINDS HOSTNAME [PATH VALUE]...", 0);
  const char *kinds = args[1];
  u64 flags = (has(kinds, 'n') ? CLONE_NEWNET : 0) | (has(kinds, 'u') ? CLONE_NEWUTS : 0) |
              (has(kinds, 'i') ? CLONE_NEWIPC : 0);
  check(sc(SYS_unshare, flags, 0, 0, 0), "unshare");
  if (has(kinds, 'u')) check(sc(SYS_sethostname, args[2], length(args[2]), 0, 0), "sethostname");
  if (has(kinds, 'n')) loopback_up();
  for (int i = 3; i + 1 < count; i += 2) write_file(args[i], args[i + 1]);
  if (has(kinds, 'n')) pin(args[0], "net", "/proc/self/ns/net");
  if (has(kinds, 'u')) pin(args[0], "uts", "/proc/self/ns/uts");
  if (has(kinds, 'i')) pin(args[0], "ipc", "/proc/self/ns/ipc");
}

static int connect_loopback(u32 port) {
  struct sockaddr_in v4;
  memset(&v4, 0, sizeof v4);
  v4.sin_family = AF_INET;
  v4.sin_port = (unsigned short)(port >> 8 | port << 8);
  v4.sin_addr.s_addr = 0x0100007f;
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the address above is written for little-endian processors"
#endif
  int fd = (int)check(sys_socket(AF_INET, SOCK_STREAM), "socket");
  long r = sc(SYS_connect, fd, &v4, sizeof v4, 0);
  if (r == 0) return fd;
  sys_close(fd);
  struct sockaddr_in6 v6;
  memset(&v6, 0, sizeof v6);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = v4.sin_port;
  v6.sin6_addr.s6_addr[15] = 1;
  long fd6 = sys_socket(AF_INET6, SOCK_STREAM);
  if (fd6 >= 0 && sc(SYS_connect, fd6, &v6, sizeof v6, 0) == 0) return (int)fd6;
  die(r == -ECONNREFUSED ? "connection refused" : "connect", r == -ECONNREFUSED ? 0 : r);
  return -1;
}

/* One direction: what was read and not yet written. */
struct pump {
  int from, to, ended;
  u32 begin, end;
  u8 data[65536];
};

static struct pump pumps[2];

static void finish(struct pump *p) {
  p->ended = 1;
  if (sc(SYS_shutdown, p->to, SHUT_WR, 0, 0) < 0 && p->to == 1) sys_close(1);
}

static void forward_command(char **args, int count) {
  if (count != 2) die("forward NETNS PORT", 0);
  int ns = (int)check(sys_open(args[0], O_RDONLY | O_CLOEXEC, 0), args[0]);
  check(sc(SYS_setns, ns, CLONE_NEWNET, 0, 0), "setns");
  int fd = connect_loopback((u32)number(args[1]));
  pumps[0].from = 0, pumps[0].to = fd, pumps[1].from = fd, pumps[1].to = 1;
  write_all(2, "ok\n", 3);
  /* Ends when the pod has said all, or nobody listens any more. */
  while (!pumps[1].ended) {
    struct pollfd polls[3] = {{-1, 0, 0}, {-1, 0, 0}, {1, 0, 0}};
    for (int i = 0; i < 2; i++) {
      struct pump *p = &pumps[i];
      if (p->ended) continue;
      polls[i].fd = p->begin < p->end ? p->to : p->from;
      polls[i].events = p->begin < p->end ? POLLOUT : POLLIN;
    }
    long ready = sys_poll(polls, 3, -1);
    if (ready == -EINTR) continue;
    check(ready, "poll");
    if (polls[2].revents & (POLLHUP | POLLERR) && pumps[0].ended) return;
    for (int i = 0; i < 2; i++) {
      struct pump *p = &pumps[i];
      if (p->ended || !polls[i].revents) continue;
      if (p->begin < p->end) {
        long n = sys_write(p->to, p->data + p->begin, p->end - p->begin);
        if (n < 0 && n != -EINTR && n != -EAGAIN) return;
        if (n > 0) p->begin += (u32)n;
      } else {
        long n = sys_read(p->from, p->data, sizeof p->data);
        if (n == -EINTR || n == -EAGAIN) continue;
        if (n <= 0) finish(p);
        else p->begin = 0, p->end = (u32)n;
      }
    }
  }
}
