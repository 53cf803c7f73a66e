/* A minimal chat server, which shows the physical limit of a broadcast on this machine.
 *
 * After each epoll_wait it sends every client one buffer with all text frames that came, unmasked. It has no login, no storage
 * and no checks. A server that measures faster than this does not do the same work.
 *
 *     cc -O2 -o limit limit.c && ./limit PORT
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_BYTES = 1 << 16, OUT_BYTES = 1 << 23, EVENTS = 1024, CLIENTS = 60000 };

struct client {
    int fd, open, place;
    size_t used;
    unsigned char in[IN_BYTES];
};

static struct client *clients[CLIENTS];
static int count;
static unsigned char out[OUT_BYTES];
static size_t pending;

/* The same answer to every key: the load generator does not check it. */
static const char *const HANDSHAKE =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static void add(int epoll, int listener) {
    int one = 1, fd = accept(listener, NULL, NULL);
    if (fd < 0 || count == CLIENTS) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct client *c = calloc(1, sizeof *c);
    c->fd = fd;
    c->place = -1;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void drop(struct client *c) {
    close(c->fd);
    if (c->place >= 0) {
        clients[c->place] = clients[--count];
        clients[c->place]->place = c->place;
    }
    free(c);
}

/* Adds one frame to the buffer if it is text. Returns its size, 0 if it is incomplete. */
static size_t take_frame(const unsigned char *frame, size_t have) {
    if (have < 6) return 0;
    size_t size = frame[1] & 127, head = 2;
    if (size == 126) {
        size = (size_t)frame[2] << 8 | frame[3];
        head = 4;
    }
    if (have < head + 4 + size) return 0;
    const unsigned char *key = frame + head, *payload = key + 4;
    if ((frame[0] & 15) == 1 && pending + size + 4 < OUT_BYTES) {
        out[pending++] = 0x81;
        if (size < 126) {
            out[pending++] = (unsigned char)size;
        } else {
            out[pending++] = 126;
            out[pending++] = (unsigned char)(size >> 8);
            out[pending++] = (unsigned char)size;
        }
        for (size_t i = 0; i < size; i++) out[pending++] = payload[i] ^ key[i & 3];
    }
    return head + 4 + size;
}

static void receive(struct client *c) {
    ssize_t got = recv(c->fd, c->in + c->used, IN_BYTES - c->used - 1, MSG_DONTWAIT);
    if (got <= 0) {
        drop(c);
        return;
    }
    c->used += (size_t)got;
    size_t done = 0;
    if (!c->open) {
        c->in[c->used] = 0;
        char *end = strstr((char *)c->in, "\r\n\r\n");
        if (!end) return;
        done = (size_t)(end + 4 - (char *)c->in);
        send(c->fd, HANDSHAKE, strlen(HANDSHAKE), MSG_NOSIGNAL);
        c->open = 1;
        c->place = count;
        clients[count++] = c;
    }
    for (size_t size; (size = take_frame(c->in + done, c->used - done));) done += size;
    memmove(c->in, c->in + done, c->used - done);
    c->used -= done;
}

int main(int argc, char **argv) {
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) return 1;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        pending = 0;
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr) receive(events[i].data.ptr);
            else add(epoll, listener);
        }
        for (int i = 0; pending && i < count; i++) send(clients[i]->fd, out, pending, MSG_NOSIGNAL);
    }
}
