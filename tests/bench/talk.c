/* A load generator for conversations, for peers that are too fast for one in Python on the same two cores.
 *
 *     cc -O2 -o talk talk.c
 *     talk PORT REQUEST CLIENTS SENDERS MESSAGES WINDOW PADDING OPENING TEMPLATE MATCH
 *
 * It works like reichatd.bench.load. Every client opens a WebSocket and sends OPENING ("" for none). The first SENDERS send MESSAGES
 * each, with WINDOW of them unanswered; a round is answered when as many deliveries came as there are senders. @@ in TEMPLATE
 * stands for the time and PADDING bytes, %% for the number of the message: from 1 on, each once. Each MATCH received is a delivery.
 * It prints an Outcome (reichatd/bench/specs.py).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, TIMED = 40, SAMPLES = 1 << 22, EVENTS = 1024, FRAME = 4096, KEEP = 64 };
static const double GIVE_UP_SECONDS = 120, SETTLE_SECONDS = 0.5;

struct client {
    int fd, timed;
    long first, sent, got;  /* first: the number of its first message */
    size_t kept;          /* the end of the last bytes received: a match may begin there */
    char keep[KEEP];
};

static const char *template, *match;
static size_t match_size;
static long senders, messages, padding, samples;
static double milliseconds[SAMPLES];
static char buffer[KEEP + BUFFER];

static void fail(const char *what) {
    fprintf(stderr, "talk: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void send_all(int fd, const char *data, size_t size) {
    while (size) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) fail("send");
        if (sent > 0) data += sent, size -= (size_t)sent;
    }
}

/* Sends a text frame with a mask of zeros, which leaves the payload as it is (RFC 6455, 5.2). */
static void send_text(int fd, const char *text, size_t size) {
    char frame[FRAME + 8];
    size_t head = size < 126 ? 2 : 4;
    frame[0] = (char)0x81;
    frame[1] = (char)(0x80 | (size < 126 ? size : 126));
    if (size >= 126) frame[2] = (char)(size >> 8), frame[3] = (char)size;
    memset(frame + head, 0, 4);
    memcpy(frame + head + 4, text, size);
    send_all(fd, frame, head + 4 + size);
}

/* Fills the template in, and returns the size of the text. */
static size_t fill_in(char *text, long number) {
    char *end = text;
    for (const char *at = template; *at;) {
        if (!strncmp(at, "@@", 2)) {
            end += sprintf(end, "T%lld.", (long long)now());
            memset(end, 'x', (size_t)padding);
            end += padding, at += 2;
        } else if (!strncmp(at, "%%", 2)) {
            end += sprintf(end, "%ld", number), at += 2;
        } else *end++ = *at++;
    }
    return (size_t)(end - text);
}

static void send_messages(struct client *c, long count) {
    char text[FRAME];
    for (; count > 0 && c->sent < messages; count--, c->sent++) send_text(c->fd, text, fill_in(text, c->first + c->sent));
}

static int open_socket(int port, const char *request, const char *opening) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    int size = snprintf(buffer, BUFFER,
                        "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: cmVpY2hhdGQgYmVuY2hlcw==\r\nSec-WebSocket-Version: 13\r\n\r\n", request);
    send_all(fd, buffer, (size_t)size);
    for (ssize_t got = 0, more; !memmem(buffer, (size_t)got, "\r\n\r\n", 4); got += more)
        if ((more = recv(fd, buffer + got, (size_t)(BUFFER - got), 0)) <= 0) fail("no handshake");
    if (strncmp(buffer, "HTTP/1.1 101", 12)) fail("refused");
    if (*opening) send_text(fd, opening, strlen(opening));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void sample(const char *data, size_t size) {
    int64_t at = now();
    for (const char *end = data + size; (data = memchr(data, 'T', (size_t)(end - data))); data++) {
        char *dot;
        long long stamp = strtoll(data + 1, &dot, 10);
        if (*dot == '.' && dot > data + 10 && samples < SAMPLES) milliseconds[samples++] = (double)(at - stamp) / 1e6;
    }
}

/* Receives, and returns the number of deliveries. */
static long receive(struct client *c) {
    char *start = buffer + KEEP - c->kept;
    memcpy(start, c->keep, c->kept);
    ssize_t got = recv(c->fd, buffer + KEEP, BUFFER - 1, 0);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got <= 0) fail("the server has closed a connection");
    buffer[KEEP + got] = 0;
    long count = 0;
    const char *end = buffer + KEEP + got;
    for (const char *at = start; (at = memmem(at, (size_t)(end - at), match, match_size)); at += match_size) count++;
    c->kept = (size_t)(end - start) < match_size - 1 ? (size_t)(end - start) : match_size - 1;
    memcpy(c->keep, end - c->kept, c->kept);
    if (count && c->timed) sample(buffer + KEEP, (size_t)got);
    if (count && c->sent) {
        long rounds = c->got / senders;
        c->got += count;
        send_messages(c, c->got / senders - rounds);
    }
    return count;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(long of_hundred) {
    long place = samples * of_hundred / 100;
    return samples ? milliseconds[place < samples ? place : samples - 1] : 0;
}

int main(int argc, char **argv) {
    if (argc != 11) return fprintf(stderr, "see the head of talk.c\n"), 2;
    int port = atoi(argv[1]), epoll = epoll_create1(0);
    long clients = atol(argv[3]), window = atol(argv[6]), total = 0;
    senders = atol(argv[4]), messages = atol(argv[5]), padding = atol(argv[7]), template = argv[9], match = argv[10];
    match_size = strlen(match);
    if (match_size > KEEP || strlen(template) + (size_t)padding + 64 > FRAME) return fprintf(stderr, "too long\n"), 2;
    struct client *all = calloc((size_t)clients, sizeof *all);
    for (long i = 0; i < clients; i++) {
        all[i].fd = open_socket(port, argv[2], argv[8]);
        all[i].timed = i % (clients / TIMED + 1) == 0;
        all[i].first = 1 + i * messages;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event);
    }
    struct epoll_event events[EVENTS];
    for (int64_t end = now() + (int64_t)(SETTLE_SECONDS * 1e9); now() < end;)  /* discards initial states */
        for (int i = 0, ready = epoll_wait(epoll, events, EVENTS, 50); i < ready; i++) receive(events[i].data.ptr);
    samples = 0;
    for (long i = 0; i < clients; i++) all[i].got = 0;
    int64_t began = now(), last = began;
    for (long i = 0; i < senders; i++) send_messages(&all[i], window);
    while (total < senders * messages * clients && (double)(now() - began) / 1e9 < GIVE_UP_SECONDS) {
        for (int i = 0, ready = epoll_wait(epoll, events, EVENTS, 500); i < ready; i++) {
            long count = receive(events[i].data.ptr);
            if (count) total += count, last = now();
        }
    }
    qsort(milliseconds, (size_t)samples, sizeof *milliseconds, ascending);
    printf("{\"count\":%ld,\"lost\":%ld,\"elapsed\":%.6f,\"latency\":{\"p50\":%.3f,\"p99\":%.3f,\"most\":%.3f}}\n", total,
           senders * messages * clients - total, (double)(last - began) / 1e9, percentile(50), percentile(99), percentile(100));
    return 0;
}
