/* Preloaded into Redis by tests/faults/power_cut.py: writes down how long each file was when an fsync of it ended, so
   that a power cut can be played by cutting the files back to that length (as Jepsen's lazyfs does). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int note(const char *name, int fd) {
    static int ledger = -1;
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    struct stat before;
    char link[64], path[4096], line[4200];
    int known = fstat(fd, &before) == 0, result = real(fd);
    if (!known || result != 0 || !S_ISREG(before.st_mode)) return result;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return result;
    path[length] = 0;
    if (ledger < 0) ledger = open(getenv("FSYNC_LEDGER"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    length = snprintf(line, sizeof line, "%lld %s\n", (long long)before.st_size, path);
    if (write(ledger, line, length) != length) abort();
    return result;
}

int fsync(int fd) { return note("fsync", fd); }
int fdatasync(int fd) { return note("fdatasync", fd); }
