/* Makes what Node.js can't: device nodes and extended attributes. Records of NUL-terminated fields on stdin:
   n PATH MODE MAJOR MINOR    (decimal numbers; the mode carries the type)
   x PATH NAME HEX            (an attribute's value in hexadecimal) */
#define RECORD_MAX 262144

static u8 record[RECORD_MAX];

static int hex_digit(char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }

static void make_node(char **field) {
  u64 mode = number(field[2]), major = number(field[3]), minor = number(field[4]);
  u64 device = (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffUL) << 12;
  check(sc(SYS_mknodat, AT_FDCWD, field[1], mode, device), field[1]);
}

static void set_attribute(char **field) {
  char *hex = field[3];
  u64 n = length(hex) / 2;
  for (u64 i = 0; i < n; i++) hex[i] = (char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
  long r = sc6(SYS_lsetxattr, (long)field[1], (long)field[2], (long)hex, (long)n, 0, 0);
  /* A file system without attributes: the file is still worth having. */
  if (r != -EOPNOTSUPP) check(r, field[1]);
}

static void nodes_command(void) {
  u64 have = 0;
  for (;;) {
    long n = sys_read(0, record + have, RECORD_MAX - have);
    if (n == -EINTR) continue;
    check(n, "read");
    if (n == 0) break;
    have += (u64)n;
    u64 begin = 0;
    for (;;) {
      char *field[5];
      int wanted = record[begin] == 'n' ? 5 : 4, count = 0;
      u64 at = begin;
      while (count < wanted && at < have) {
        u64 start = at;
        while (at < have && record[at]) at++;
        if (at < have) field[count++] = (char *)record + start, at++;
      }
      if (count < wanted) break;
      if (wanted == 5) make_node(field);
      else set_attribute(field);
      begin = at;
    }
    memmove(record, record + begin, have - begin);
    have -= begin;
    if (have == RECORD_MAX) die("record too long", 0);
  }
  if (have) die("record cut short", 0);
}
