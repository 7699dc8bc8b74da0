/* run and exec: one process, its streams, its clients.

   Frames, both ways: type (1 byte), length (4 bytes, big-endian), payload.
   to the shim:   0 stdin data · 1 stdin ends · 2 resize (width, height: 2 bytes each) · 3 signal (1 byte)
                  4 reopen the log · 5 send me the output (1 byte: 1 when my stdin is the container's)
   from the shim: 1 stdout data · 2 stderr data · 3 exit (code: 4 bytes) · 4 started (pid: 4 bytes)
                  5 RUNC failed (its code: 4 bytes) · 6 the log is reopened */
#define CLIENTS_MAX 16
#define FRAME_MAX 65536
#define READ_MAX 16384
/* Room for small frames is kept free beside the data. */
#define DATA_MAX (4 * (READ_MAX + 5))
#define OUT_MAX (DATA_MAX + 256)
/* An attached client that takes nothing for so long is dropped: it holds up the container. */
#define STALL_MAX_MS 10000

struct client {
  int in, out, used, listens, owns_stdin;
  u64 stalled_since;
  u32 have, sent, queued;
  u8 input[FRAME_MAX + 5];
  u8 output[OUT_MAX];
};

static struct client clients[CLIENTS_MAX];
static int is_run, has_tty, closes_once;
static int runc_pid, process_pid, has_exited, exit_code, is_over;
static int signal_fd = -1, listen_fd = -1, console_fd = -1, stdin_fd = -1;
static int streams[2] = {-1, -1};
static u64 over_since;

static void unblock(int fd) {
  if (fd >= 0) sys_fcntl(fd, F_SETFL, sys_fcntl(fd, F_GETFL, 0) | O_NONBLOCK);
}

static void close_stdin(void) {
  if (stdin_fd >= 0 && !has_tty) sys_close(stdin_fd), stdin_fd = -1;
}

static void drop(struct client *c) {
  sys_close(c->in);
  if (c->out != c->in) sys_close(c->out);
  c->used = 0;
  if (is_run && closes_once && c->owns_stdin) close_stdin();
  /* Nobody waits for an exec whose client is gone. */
  if (!is_run && process_pid > 0 && !has_exited) sys_kill(process_pid, SIGKILL);
}

static int room_for(struct client *c, u32 n) { return c->queued + 5 + n <= OUT_MAX; }

static void queue(struct client *c, u8 type, const u8 *data, u32 n) {
  if (c->sent) {
    memmove(c->output, c->output + c->sent, c->queued - c->sent);
    c->queued -= c->sent, c->sent = 0;
  }
  if (!room_for(c, n)) return;
  u8 *p = c->output + c->queued;
  p[0] = type, p[1] = (u8)(n >> 24), p[2] = (u8)(n >> 16), p[3] = (u8)(n >> 8), p[4] = (u8)n;
  memcpy(p + 5, data, n);
  if (c->queued == 0) c->stalled_since = monotonic_ms();
  c->queued += 5 + n;
}

static void queue_number(struct client *c, u8 type, u32 value) {
  u8 bytes[4] = {(u8)(value >> 24), (u8)(value >> 16), (u8)(value >> 8), (u8)value};
  queue(c, type, bytes, 4);
}

static void broadcast(u8 type, u32 value) {
  for (int i = 0; i < CLIENTS_MAX; i++)
    if (clients[i].used) queue_number(&clients[i], type, value);
}

static void write_number_file(const char *path, u64 first, u64 second) {
  char text[64], *end = decimal(text, first, 1);
  if (second) *end++ = ' ', end = decimal(end, second, 1);
  *end++ = '\n';
  int fd = (int)sys_open("new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;
  write_all(fd, text, (u64)(end - text));
  sys_close(fd);
  sys_rename("new", path);
}

/* Acts on one whole frame. 0: its data can't be taken yet. */
static int act(struct client *c, u8 type, u8 *data, u32 *n) {
  switch (type) {
    case 0:
      while (stdin_fd >= 0 && *n) {
        long done = sys_write(stdin_fd, data, *n);
        if (done == -EINTR) continue;
        if (done == -EAGAIN) return 0;
        if (done < 0) {
          close_stdin();
          break;
        }
        *n -= (u32)done;
        memmove(data, data + done, *n);
      }
      return 1;
    case 1: close_stdin(); return 1;
    case 2:
      if (has_tty && stdin_fd >= 0 && *n >= 4) {
        struct winsize size = {(unsigned short)(data[2] << 8 | data[3]), (unsigned short)(data[0] << 8 | data[1]), 0, 0};
        sys_ioctl(stdin_fd, TIOCSWINSZ, &size);
      }
      return 1;
    case 3:
      if (*n >= 1 && process_pid > 0 && !has_exited) sys_kill(process_pid, data[0]);
      return 1;
    case 4:
      if (is_run) log_open();
      queue(c, 6, data, 0);
      return 1;
    case 5:
      c->listens = 1, c->owns_stdin = *n >= 1 && data[0] == 1;
      return 1;
    default: return 1;
  }
}

/* Acts on the frames that are there; the rest stays. */
static void take_frames(struct client *c) {
  u32 at = 0;
  while (c->used && c->have - at >= 5) {
    u8 *p = c->input + at;
    u32 n = (u32)p[1] << 24 | (u32)p[2] << 16 | (u32)p[3] << 8 | p[4];
    if (n > FRAME_MAX) {
      drop(c);
      return;
    }
    if (c->have - at < 5 + n) break;
    u32 left = n;
    if (!act(c, p[0], p + 5, &left)) {
      /* What stdin didn't take stays as a shorter frame, moved up against the ones behind it. */
      memmove(p + 5 + n - left, p + 5, left);
      at += n - left;
      p = c->input + at;
      p[0] = 0, p[1] = (u8)(left >> 24), p[2] = (u8)(left >> 16), p[3] = (u8)(left >> 8), p[4] = (u8)left;
      break;
    }
    at += 5 + n;
  }
  memmove(c->input, c->input + at, c->have - at);
  c->have -= at;
}

/* A whole stdin frame waits for room in the process's stdin. */
static int waits_for_stdin(struct client *c) {
  if (!c->used || stdin_fd < 0 || c->have < 5 || c->input[0] != 0) return 0;
  u32 n = (u32)c->input[1] << 24 | (u32)c->input[2] << 16 | (u32)c->input[3] << 8 | c->input[4];
  return c->have >= 5 + n;
}

static void read_client(struct client *c) {
  long n = sys_read(c->in, c->input + c->have, sizeof c->input - c->have);
  if (n == -EINTR || n == -EAGAIN) return;
  if (n <= 0) {
    drop(c);
    return;
  }
  c->have += (u32)n;
  take_frames(c);
}

static void write_client(struct client *c) {
  long n = sys_write(c->out, c->output + c->sent, c->queued - c->sent);
  if (n == -EINTR || n == -EAGAIN) return;
  if (n < 0) {
    drop(c);
    return;
  }
  c->sent += (u32)n, c->stalled_since = monotonic_ms();
  if (c->sent == c->queued) c->sent = c->queued = 0;
}

static void add_client(int in, int out, int listens) {
  for (int i = 0; i < CLIENTS_MAX; i++) {
    struct client *c = &clients[i];
    if (c->used) continue;
    c->in = in, c->out = out, c->used = 1, c->listens = listens, c->owns_stdin = 0;
    c->have = c->sent = c->queued = 0;
    unblock(in), unblock(out);
    if (process_pid > 0) queue_number(c, 4, (u32)process_pid);
    if (is_over) queue_number(c, 3, (u32)exit_code);
    return;
  }
  sys_close(in);
}

/* Output is read only while every listening client has room for it. */
static int has_room(void) {
  for (int i = 0; i < CLIENTS_MAX; i++) {
    struct client *c = &clients[i];
    if (c->used && c->listens && c->queued - c->sent + 5 + READ_MAX > DATA_MAX) return 0;
  }
  return 1;
}

/* 1: there may be more. */
static int read_stream(int i) {
  static u8 data[READ_MAX];
  long n = sys_read(streams[i], data, sizeof data);
  if (n == -EINTR) return 1;
  if (n == -EAGAIN && !has_exited) return 0;
  if (n <= 0) {
    if (!has_tty) sys_close(streams[i]);
    streams[i] = -1;
    return 0;
  }
  if (is_run) log_feed(i, data, (u64)n);
  for (int k = 0; k < CLIENTS_MAX; k++)
    if (clients[k].used && clients[k].listens) queue(&clients[k], (u8)(1 + i), data, (u32)n);
  return 1;
}

static int read_pid(void) {
  char text[32];
  int fd = (int)sys_open("pid", O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return 0;
  long n = sys_read(fd, text, sizeof text - 1);
  sys_close(fd);
  text[n > 0 ? n : 0] = 0;
  return (int)number(text);
}

/* The terminal, sent over the socket as a file descriptor. RUNC has ended: it is there or never comes. */
static void receive_console(void) {
  unblock(console_fd);
  long connection = sc(SYS_accept4, console_fd, 0, 0, SOCK_CLOEXEC);
  sys_close(console_fd), console_fd = -1;
  sys_unlink("tty");
  if (connection < 0) return;
  u8 name[4096];
  union {
    struct cmsghdr header;
    u8 space[64];
  } control;
  struct iovec part = {name, sizeof name};
  struct msghdr message = {0, 0, &part, 1, &control, sizeof control, 0};
  long n = sc(SYS_recvmsg, connection, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT, 0);
  sys_close((int)connection);
  if (n < 0 || message.msg_controllen < sizeof control.header) return;
  if (control.header.cmsg_level != SOL_SOCKET || control.header.cmsg_type != SCM_RIGHTS) return;
  int fd;
  memcpy(&fd, control.space + CMSG_LEN(0), sizeof fd);
  unblock(fd);
  stdin_fd = streams[0] = fd;
}

static void say(const char *word, int value) {
  char text[64], *end = append(text, word);
  *end++ = ' ', end = decimal(end, (u64)value, 1), *end++ = '\n';
  write_all(1, text, (u64)(end - text));
  int null = (int)sys_open("/dev/null", O_RDWR, 0);
  sys_dup(null, 0), sys_dup(null, 1), sys_dup(null, 2);
  sys_close(null);
}

static int code_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

static void flush_clients(void) {
  for (int i = 0; i < CLIENTS_MAX; i++)
    if (clients[i].used && clients[i].queued) write_all(clients[i].out, clients[i].output, clients[i].queued);
}

static void runc_ended(int code) {
  if (code == 0) process_pid = read_pid();
  if (code == 0 && process_pid > 0) {
    if (has_tty) receive_console();
    unblock(stdin_fd), unblock(streams[0]), unblock(streams[1]);
    if (is_run) say("ok", process_pid);
    else broadcast(4, (u32)process_pid);
    return;
  }
  if (is_run) {
    say("failed", code);
    sys_unlink("s");
  } else {
    broadcast(5, (u32)code);
    flush_clients();
  }
  sys_exit(1);
}

static void reap(void) {
  struct signalfd_siginfo info;
  sys_read(signal_fd, &info, sizeof info);
  int status;
  /* RUNC first: only afterwards is it known which of the others is the container's process. */
  if (runc_pid) {
    if (sys_wait(runc_pid, &status, WNOHANG) != runc_pid) return;
    runc_pid = 0;
    runc_ended(code_of(status));
  }
  for (;;) {
    long pid = sys_wait(-1, &status, WNOHANG);
    if (pid <= 0) return;
    if (pid == process_pid && !has_exited) has_exited = 1, exit_code = code_of(status);
  }
}

/* Everything is written: the exit may be known. */
static void end(void) {
  is_over = 1, over_since = monotonic_ms();
  close_stdin();
  if (is_run) {
    log_end();
    write_number_file("exit", (u64)exit_code, now_nanos());
  }
  broadcast(3, (u32)exit_code);
}

static int all_flushed(void) {
  for (int i = 0; i < CLIENTS_MAX; i++)
    if (clients[i].used && clients[i].queued) return 0;
  return 1;
}

static void drop_stalled(void) {
  u64 now = monotonic_ms();
  for (int i = 0; i < CLIENTS_MAX; i++) {
    struct client *c = &clients[i];
    if (c->used && c->queued && now - c->stalled_since > STALL_MAX_MS) drop(c);
  }
}

static void poll_once(void) {
  struct pollfd polls[4 + 3 * CLIENTS_MAX];
  /* Nothing is read before RUNC has ended: until then there is no stdin to give it to. */
  int count = 0, room = has_room(), stdin_wanted = 0, backed_up = 0;
  polls[count++] = (struct pollfd){signal_fd, POLLIN, 0};
  polls[count++] = (struct pollfd){listen_fd, POLLIN, 0};
  for (int i = 0; i < 2; i++) polls[count++] = (struct pollfd){room && !runc_pid ? streams[i] : -1, POLLIN, 0};
  for (int i = 0; i < CLIENTS_MAX; i++) {
    struct client *c = &clients[i];
    int waits = waits_for_stdin(c);
    stdin_wanted |= waits, backed_up |= c->used && c->queued > 0;
    polls[count++] = (struct pollfd){c->used && !waits && !runc_pid ? c->in : -1, POLLIN, 0};
    polls[count++] = (struct pollfd){c->used && c->queued ? c->out : -1, POLLOUT, 0};
    /* A client that went away is noticed even while its data waits. */
    polls[count++] = (struct pollfd){c->used && waits ? c->out : -1, 0, 0};
  }
  polls[count++] = (struct pollfd){stdin_wanted ? stdin_fd : -1, POLLOUT, 0};
  long ready = sys_poll(polls, (u64)count, backed_up && is_run ? 1000 : -1);
  if (ready == -EINTR) return;
  if (polls[0].revents) reap();
  if (polls[1].revents) {
    long fd = sc(SYS_accept4, listen_fd, 0, 0, SOCK_CLOEXEC);
    if (fd >= 0) add_client((int)fd, (int)fd, 0);
  }
  for (int i = 0; i < 2; i++)
    if (polls[2 + i].revents && streams[i] >= 0 && has_room()) read_stream(i);
  for (int i = 0; i < CLIENTS_MAX; i++) {
    struct client *c = &clients[i];
    struct pollfd *p = &polls[4 + 3 * i];
    if (c->used && p[1].revents) write_client(c);
    if (c->used && p[2].revents & (POLLHUP | POLLERR)) drop(c);
    else if (c->used && (p[0].revents || waits_for_stdin(c))) {
      if (waits_for_stdin(c)) take_frames(c);
      else read_client(c);
    }
  }
  if (is_run) drop_stalled();
}

static int listen_at(const char *path) {
  int fd = (int)check(sys_socket(AF_UNIX, SOCK_STREAM), "socket");
  struct sockaddr_un address;
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path, length(path));
  sys_unlink(path);
  check(sc(SYS_bind, fd, &address, sizeof address, 0), "bind");
  check(sc(SYS_listen, fd, 64, 0, 0), "listen");
  return fd;
}

static void launch(char **argv, char **env, int wants_stdin) {
  int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
  int null = (int)check(sys_open("/dev/null", O_RDWR | O_CLOEXEC, 0), "/dev/null");
  static char path[64];
  if (has_tty) {
    console_fd = listen_at("tty");
    char *p = append(path, "/proc/");
    p = append(decimal(p, (u64)sys_getpid(), 1), "/cwd/tty"), *p = 0;
    for (char **a = argv; *a; a++)
      if (same(*a, "@tty")) *a = path;
  } else {
    if (wants_stdin) check(sys_pipe(in), "pipe");
    check(sys_pipe(out), "pipe");
    check(sys_pipe(err), "pipe");
  }
  runc_pid = (int)check(sys_fork(), "fork");
  if (runc_pid == 0) {
    u64 none = 0;
    sc(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
    /* Ours is for our own files; what RUNC starts in a container has it from here. */
    sc(SYS_umask, 022, 0, 0, 0);
    sys_dup(in[0] >= 0 ? in[0] : null, 0);
    sys_dup(out[1] >= 0 ? out[1] : null, 1);
    sys_dup(err[1] >= 0 ? err[1] : null, 2);
    if (is_run) own_root();
    sys_execve(argv[0], argv, env);
    sys_exit(127);
  }
  sys_close(null);
  if (in[0] >= 0) sys_close(in[0]);
  if (out[1] >= 0) sys_close(out[1]), sys_close(err[1]);
  if (!has_tty) stdin_fd = in[1], streams[0] = out[0], streams[1] = err[0];
}

static void serve_command(int run, char **args, int count, char **env) {
  is_run = run;
  if (count < 3 + run || !same(args[1 + run], "--")) die("run FLAGS LOG -- RUNC ARGS... | exec FLAGS -- RUNC ARGS...", 0);
  has_tty = has(args[0], 't'), closes_once = has(args[0], 'o');
  int wants_stdin = has(args[0], 'i');
  sc(SYS_umask, 077, 0, 0, 0);
  check(sc(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0), "subreaper");
  u64 blocked = 1UL << (SIGCHLD - 1) | 1UL << (SIGPIPE - 1) | 1UL << (SIGHUP - 1) | 1UL << (SIGINT - 1) |
                1UL << (SIGTERM - 1), child = 1UL << (SIGCHLD - 1);
  sc(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, 0, 8);
  signal_fd = (int)check(sc(SYS_signalfd4, -1, &child, 8, O_CLOEXEC | O_NONBLOCK), "signalfd");
  logfile.fd = -1;
  if (is_run) {
    logfile.path = args[1];
    log_open();
    write_number_file("shim", (u64)sys_getpid(), 0);
    listen_fd = listen_at("s");
  } else {
    /* Out of the way of what RUNC inherits. */
    int in = (int)check(sys_fcntl(0, F_DUPFD_CLOEXEC, 3), "dup"), out = (int)check(sys_fcntl(1, F_DUPFD_CLOEXEC, 3), "dup");
    add_client(in, out, 1);
  }
  launch(args + 2 + run, env, wants_stdin);
  /* The kernel shall rather kill the container than its shim; not being allowed to say so is no fault. */
  int score = (int)sys_open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);
  if (score >= 0) sys_write(score, "-998", 4), sys_close(score);
  if (!is_run) sys_close(0), sys_close(1);
  for (;;) {
    poll_once();
    if (has_exited && !is_over) {
      for (int i = 0; i < 2; i++)
        while (streams[i] >= 0 && has_room() && read_stream(i));
      if (streams[0] < 0 && streams[1] < 0) end();
    }
    if (is_over && (all_flushed() || (is_run && monotonic_ms() - over_since > STALL_MAX_MS))) break;
  }
  if (is_run) sys_unlink("s");
}
