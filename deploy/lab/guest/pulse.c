/*
 * pulse: the one program of a lab guest.
 *
 *   pulse                          beat, dirty memory, obey the power button (settings from /proc/cmdline)
 *   pulse set MIB RATE PATTERN     change the running pulse: working set in MiB, MiB/s, sequential|random|hot
 *
 * A beat is a line "beat <sequence> <guest clock ms> <MiB dirtied>" on the second serial port. The clock is the
 * guest's own and stands still with it: a pause shows in *when* the line arrives outside, not in what it says.
 *
 * RATE counts whole pages: 1 MiB/s is 256 pages a second, with eight words written in each. Work that a slow
 * (emulated) CPU could not finish in half a tick is dropped, not owed: the guest never takes more than half a core.
 */
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define PAGES_PER_MIB 256UL
#define TICK_NS 40000000L /* 25 batches a second: an emulated guest pays for each waking */
#define PORT "/dev/ttyS1"
#define ORDERS "/run/pulse"
#define MAX_BUTTONS 8

struct settings {
    unsigned long mib;
    double rate; /* MiB/s */
    char pattern[16];
};

static struct settings wanted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static volatile unsigned long pages_dirtied;
static uint64_t seed = 88172645463325252ULL;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* --- the working set ------------------------------------------------------------------------------------ */

static unsigned char *make_set(unsigned long pages)
{
    uint64_t *set = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (set == MAP_FAILED)
        return NULL;
    /* Random content: QEMU sends a page of zeros for next to nothing. */
    for (unsigned long i = 0; i < pages * PAGE / sizeof *set; i++)
        set[i] = next_random();
    return (unsigned char *)set;
}

static unsigned long pick(const char *pattern, unsigned long turn, unsigned long pages)
{
    unsigned long hot = pages / 10 + 1;
    if (pattern[0] == 'r')
        return next_random() % pages;
    if (pattern[0] == 'h') /* nine of ten writes fall on a tenth of the set */
        return next_random() % 10 ? next_random() % hot : next_random() % pages;
    return turn % pages;
}

static void touch(unsigned char *page)
{
    for (unsigned long at = 0; at < PAGE; at += PAGE / 8)
        *(volatile uint64_t *)(page + at) = next_random();
}

static void batch(const struct settings *s, unsigned char *set, unsigned long pages, double *owed)
{
    static unsigned long turn;
    int64_t deadline = now_ns() + TICK_NS / 2;
    while (*owed >= 1) {
        touch(set + pick(s->pattern, turn++, pages) * PAGE);
        pages_dirtied++;
        *owed -= 1;
        if (turn % 64 == 0 && now_ns() > deadline)
            *owed = 0;
    }
}

static struct settings await_work(void)
{
    pthread_mutex_lock(&lock);
    while (wanted.mib == 0 || wanted.rate <= 0)
        pthread_cond_wait(&changed, &lock);
    struct settings s = wanted;
    pthread_mutex_unlock(&lock);
    return s;
}

static void *dirtier(void *unused)
{
    unsigned char *set = NULL;
    unsigned long pages = 0;
    double owed = 0;
    (void)unused;
    for (;;) {
        struct settings s = await_work();
        if (pages != s.mib * PAGES_PER_MIB) {
            if (set)
                munmap(set, pages * PAGE);
            pages = s.mib * PAGES_PER_MIB;
            set = make_set(pages);
        }
        if (!set) { /* more than the guest has: wait for a smaller order */
            pages = 0;
            sleep(1);
            continue;
        }
        owed += s.rate * PAGES_PER_MIB * TICK_NS / 1e9;
        batch(&s, set, pages, &owed);
        struct timespec rest = {0, TICK_NS};
        nanosleep(&rest, NULL);
    }
    return NULL;
}

/* --- orders, beats, buttons ------------------------------------------------------------------------------ */

static const char *argument(const char *name)
{
    static char line[4096];
    int fd = open("/proc/cmdline", O_RDONLY);
    ssize_t n = read(fd, line, sizeof line - 1);
    close(fd);
    line[n > 0 ? n : 0] = 0;
    for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
        if (!strncmp(word, name, strlen(name)) && word[strlen(name)] == '=')
            return word + strlen(name) + 1;
    return "";
}

static void settle(const struct settings *s)
{
    pthread_mutex_lock(&lock);
    wanted = *s;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static void obey(int fd)
{
    char text[128];
    struct settings s = {0};
    ssize_t n = read(fd, text, sizeof text - 1);
    if (n <= 0)
        return;
    text[n] = 0;
    if (sscanf(text, "%lu %lf %15s", &s.mib, &s.rate, s.pattern) == 3)
        settle(&s);
}

static void beat(int port, int timer)
{
    static unsigned long sequence;
    uint64_t expirations;
    if (read(timer, &expirations, sizeof expirations) > 0)
        dprintf(port, "beat %lu %lld %lu\n", sequence++, (long long)(now_ns() / 1000000),
                pages_dirtied / PAGES_PER_MIB);
}

static void press(int fd)
{
    struct input_event event;
    if (read(fd, &event, sizeof event) != sizeof event)
        return;
    if (event.type == EV_KEY && event.code == KEY_POWER && event.value == 1) {
        sync();
        reboot(RB_POWER_OFF);
    }
}

static int start_timer(void)
{
    long ms = atol(argument("beat_ms"));
    if (ms <= 0)
        ms = 20;
    struct timespec every = {ms / 1000, (ms % 1000) * 1000000};
    struct itimerspec plan = {every, every};
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    timerfd_settime(timer, 0, &plan, NULL);
    return timer;
}

static int open_buttons(struct pollfd *at)
{
    int n = 0;
    for (int i = 0; i < MAX_BUTTONS; i++) {
        char path[32];
        snprintf(path, sizeof path, "/dev/input/event%d", i);
        int fd = open(path, O_RDONLY);
        if (fd >= 0)
            at[n++] = (struct pollfd){fd, POLLIN, 0};
    }
    return n;
}

static void live(int port)
{
    struct pollfd fds[2 + MAX_BUTTONS];
    fds[0] = (struct pollfd){start_timer(), POLLIN, 0};
    fds[1] = (struct pollfd){open(ORDERS, O_RDWR), POLLIN, 0};
    int count = 2 + open_buttons(fds + 2);
    for (;;) {
        poll(fds, count, -1);
        if (fds[0].revents)
            beat(port, fds[0].fd);
        if (fds[1].revents)
            obey(fds[1].fd);
        for (int i = 2; i < count; i++)
            if (fds[i].revents)
                press(fds[i].fd);
    }
}

static int order(char **word)
{
    int fd = open(ORDERS, O_WRONLY | O_NONBLOCK);
    if (fd < 0)
        return 1;
    dprintf(fd, "%s %s %s\n", word[0], word[1], word[2]);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && !strcmp(argv[1], "set"))
        return order(argv + 2);
    struct settings s = {strtoul(argument("dirty_mb"), NULL, 10), 0, ""};
    s.rate = strtod(argument("dirty_rate"), NULL);
    strncpy(s.pattern, argument("dirty_pattern"), sizeof s.pattern - 1);
    mkfifo(ORDERS, 0600);
    int port = open(PORT, O_WRONLY | O_NOCTTY);
    struct timespec born; /* tells one boot from the next; too early for the kernel to have random numbers */
    clock_gettime(CLOCK_REALTIME, &born);
    dprintf(port, "boot %08llx\n", (born.tv_sec * 1000LL + born.tv_nsec / 1000000) & 0xffffffffLL);
    pthread_t thread;
    pthread_create(&thread, NULL, dirtier, NULL);
    settle(&s);
    live(port);
}
