/* The process that holds a pod's namespaces: sleeps until INT or TERM and reaps orphans meanwhile.
   The signals are blocked and waited for: as process 1 it would never get unblocked ones without a handler. */
#if defined(__x86_64__)
#define NR_PROCMASK 14
#define NR_WAIT 61
#define NR_SIGWAIT 128
#define NR_EXIT 231
static long call(long n, long a, long b, long c, long d) {
  long r;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return r;
}
#elif defined(__aarch64__)
#define NR_PROCMASK 135
#define NR_WAIT 260
#define NR_SIGWAIT 137
#define NR_EXIT 94
static long call(long n, long a, long b, long c, long d) {
  register long x8 __asm__("x8") = n;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}
#endif

enum { INT = 2, TERM = 15, CHLD = 17, NOHANG = 1, BLOCK = 0 };

void _start(void) {
  unsigned long set = 1UL << (INT - 1) | 1UL << (TERM - 1) | 1UL << (CHLD - 1);
  call(NR_PROCMASK, BLOCK, (long)&set, 0, sizeof set);
  for (;;) {
    long signal = call(NR_SIGWAIT, (long)&set, 0, 0, sizeof set);
    if (signal == INT || signal == TERM) call(NR_EXIT, 0, 0, 0, 0);
    if (signal == CHLD)
      while (call(NR_WAIT, -1, 0, NOHANG, 0) > 0);
  }
}
