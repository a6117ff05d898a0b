/* Moves the wall clock of the program that this is loaded into (LD_PRELOAD) by as many seconds as
 * the file named by CLOCK_OFFSET holds in its first eight bytes. They may change at any time. All
 * other clocks are the kernel's. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("CLOCK_OFFSET");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		abort();
	offset = map;
	close(fd);
}

int clock_gettime(clockid_t id, struct timespec *time)
{
	int result = syscall(SYS_clock_gettime, id, time);

	if (result == 0 && id == CLOCK_REALTIME && offset)
		time->tv_sec += *offset;
	return result;
}
