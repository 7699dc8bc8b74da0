/* The container's log file: "2026-01-01T00:00:00.000000000Z stdout F text", P for a piece of a longer line. */
#define PIECE_MAX 16384
#define HEADER_MAX 48

static struct {
  const char *path;
  int fd;
  struct {
    u32 length;
    u8 text[PIECE_MAX];
  } line[2];
  u32 length;
  u8 out[4 * PIECE_MAX];
} logfile;

static u64 now_nanos(void) {
  struct __kernel_timespec t = {0, 0};
  sc(SYS_clock_gettime, 0, &t, 0, 0);
  return (u64)t.tv_sec * 1000000000UL + (u64)t.tv_nsec;
}

static u64 monotonic_ms(void) {
  struct __kernel_timespec t = {0, 0};
  sc(SYS_clock_gettime, 1, &t, 0, 0);
  return (u64)t.tv_sec * 1000 + (u64)t.tv_nsec / 1000000;
}

static char *rfc3339(char *to, u64 nanos) {
  u64 seconds = nanos / 1000000000UL, days = seconds / 86400, second = seconds % 86400;
  /* Days to a date in the proleptic Gregorian calendar, counted in eras of 400 years that begin in March. */
  u64 z = days + 719468, era = z / 146097, day_of_era = z % 146097;
  u64 year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  u64 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  u64 shifted = (5 * day_of_year + 2) / 153;
  u64 day = day_of_year - (153 * shifted + 2) / 5 + 1, month = shifted < 10 ? shifted + 3 : shifted - 9;
  to = decimal(to, year_of_era + era * 400 + (month <= 2), 4), *to++ = '-';
  to = decimal(to, month, 2), *to++ = '-';
  to = decimal(to, day, 2), *to++ = 'T';
  to = decimal(to, second / 3600, 2), *to++ = ':';
  to = decimal(to, second / 60 % 60, 2), *to++ = ':';
  to = decimal(to, second % 60, 2), *to++ = '.';
  to = decimal(to, nanos % 1000000000UL, 9), *to++ = 'Z';
  return to;
}

static void log_flush(void) {
  if (logfile.fd >= 0 && logfile.length) write_all(logfile.fd, logfile.out, logfile.length);
  logfile.length = 0;
}

static void log_line(int stream, char tag, u64 nanos) {
  if (logfile.length + HEADER_MAX + PIECE_MAX + 1 > sizeof logfile.out) log_flush();
  char *start = (char *)logfile.out + logfile.length, *p = rfc3339(start, nanos);
  p = append(p, stream ? " stderr " : " stdout ");
  *p++ = tag, *p++ = ' ';
  memcpy(p, logfile.line[stream].text, logfile.line[stream].length);
  p += logfile.line[stream].length;
  *p++ = '\n';
  logfile.length += (u32)(p - start);
  logfile.line[stream].length = 0;
}

static void log_feed(int stream, const u8 *data, u64 n) {
  u64 nanos = now_nanos();
  while (n) {
    u32 have = logfile.line[stream].length;
    if (have == PIECE_MAX) log_line(stream, 'P', nanos), have = 0;
    u64 take = 0, room = PIECE_MAX - have, most = n < room ? n : room;
    while (take < most && data[take] != '\n') take++;
    memcpy(logfile.line[stream].text + have, data, take);
    logfile.line[stream].length += (u32)take;
    data += take, n -= take;
    if (n && *data == '\n') log_line(stream, 'F', nanos), data++, n--;
  }
  log_flush();
}

static void log_end(void) {
  for (int stream = 0; stream < 2; stream++)
    if (logfile.line[stream].length) log_line(stream, 'F', now_nanos());
  log_flush();
}

static void log_open(void) {
  if (logfile.fd >= 0) sys_close(logfile.fd);
  logfile.fd = (int)sys_open(logfile.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}
