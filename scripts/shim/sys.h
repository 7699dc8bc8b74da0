/* System calls without a C library: types and numbers come from the headers, the calls are made here.
   Every function returns what the kernel returned: a negative errno on failure. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/time_types.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

#if defined(__x86_64__)
static long sc6(long n, long a, long b, long c, long d, long e, long f) {
  long r;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(r)
                   : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return r;
}
__asm__(".globl _start\n_start:\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call start\n");
#elif defined(__aarch64__)
static long sc6(long n, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = n;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
__asm__(".globl _start\n_start:\n  mov x0, sp\n  and sp, x0, #-16\n  bl start\n");
#else
#error "no system call convention for this processor"
#endif

#define sc(n, a, b, c, d) sc6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

static long sys_read(int fd, void *p, u64 n) { return sc(SYS_read, fd, p, n, 0); }
static long sys_write(int fd, const void *p, u64 n) { return sc(SYS_write, fd, p, n, 0); }
static long sys_close(int fd) { return sc(SYS_close, fd, 0, 0, 0); }
static long sys_open(const char *path, int flags, int mode) { return sc(SYS_openat, AT_FDCWD, path, flags, mode); }
static long sys_unlink(const char *path) { return sc(SYS_unlinkat, AT_FDCWD, path, 0, 0); }
static long sys_rename(const char *from, const char *to) {
  return sc6(SYS_renameat2, AT_FDCWD, (long)from, AT_FDCWD, (long)to, 0, 0);
}
static long sys_kill(int pid, int signal) { return sc(SYS_kill, pid, signal, 0, 0); }
static long sys_getpid(void) { return sc(SYS_getpid, 0, 0, 0, 0); }
static long sys_fork(void) { return sc6(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0); }
static long sys_execve(const char *file, char **argv, char **env) { return sc(SYS_execve, file, argv, env, 0); }
static long sys_wait(int pid, int *status, int options) { return sc(SYS_wait4, pid, status, options, 0); }
static long sys_dup(int from, int to) { return sc(SYS_dup3, from, to, 0, 0); }
static long sys_pipe(int *fds) { return sc(SYS_pipe2, fds, O_CLOEXEC, 0, 0); }
static long sys_fcntl(int fd, int command, long arg) { return sc(SYS_fcntl, fd, command, arg, 0); }
static long sys_ioctl(int fd, u64 request, void *arg) { return sc(SYS_ioctl, fd, request, arg, 0); }
static long sys_poll(struct pollfd *fds, u64 count, long timeout_ms) {
  struct __kernel_timespec t = {timeout_ms / 1000, timeout_ms % 1000 * 1000000};
  return sc6(SYS_ppoll, (long)fds, (long)count, timeout_ms < 0 ? 0 : (long)&t, 0, 8, 0);
}
static long sys_socket(int family, int type) { return sc(SYS_socket, family, type | SOCK_CLOEXEC, 0, 0); }
static void sys_exit(int code) {
  for (;;) sc(SYS_exit_group, code, 0, 0, 0);
}

/* gcc may call these for loops and struct copies. */
void *memcpy(void *to, const void *from, u64 n) {
  u8 *t = to;
  const u8 *f = from;
  while (n--) *t++ = *f++;
  return to;
}
void *memset(void *to, int value, u64 n) {
  u8 *t = to;
  while (n--) *t++ = (u8)value;
  return to;
}
void *memmove(void *to, const void *from, u64 n) {
  u8 *t = to;
  const u8 *f = from;
  if (t <= f) return memcpy(to, from, n);
  while (n--) t[n] = f[n];
  return to;
}

static u64 length(const char *s) {
  u64 n = 0;
  while (s[n]) n++;
  return n;
}
static int same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}
static int has(const char *s, char c) {
  for (; *s; s++)
    if (*s == c) return 1;
  return 0;
}
static u64 number(const char *s) {
  u64 n = 0;
  for (; *s >= '0' && *s <= '9'; s++) n = n * 10 + (u64)(*s - '0');
  return n;
}
/* Writes n as decimal digits, at least `digits` of them; returns the end. */
static char *decimal(char *to, u64 n, int digits) {
  char text[24];
  int count = 0;
  do text[count++] = (char)('0' + n % 10), n /= 10;
  while (n || count < digits);
  while (count) *to++ = text[--count];
  return to;
}
static char *append(char *to, const char *s) {
  while (*s) *to++ = *s++;
  return to;
}
/* All of it, however often the kernel takes only a part. */
static long write_all(int fd, const void *data, u64 n) {
  const u8 *p = data;
  while (n) {
    long done = sys_write(fd, p, n);
    if (done == -EINTR) continue;
    if (done < 0) return done;
    p += done, n -= (u64)done;
  }
  return 0;
}
/* Says what failed on stderr and ends. */
static void die(const char *what, long error) {
  char text[512], *end = text;
  u64 n = length(what);
  if (n > 400) n = 400;
  memcpy(end, what, n), end += n;
  if (error) end = append(end, ": errno "), end = decimal(end, (u64)(error < 0 ? -error : error), 1);
  *end++ = '\n';
  write_all(2, text, (u64)(end - text));
  sys_exit(125);
}
static long check(long result, const char *what) {
  if (result < 0) die(what, result);
  return result;
}
