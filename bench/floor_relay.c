/* The floor: what forwarding a datagram costs when nothing else is done with it.
 *
 * usage: floor_relay PORTS [fan]    reads PORTS target port numbers from standard input, opens as many sockets on
 * 127.0.0.1 and prints "ports: " and their numbers. What comes to socket 2k goes out through socket 2k+1 to that one's
 * target, and the other way round; with `fan`, through all other sockets. Runs until standard input ends.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 0, fan = argc > 2;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int *sockets = calloc(count, sizeof *sockets);
    struct sockaddr_in *targets = calloc(count, sizeof *targets);
    int epoll = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        int port;
        struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        struct epoll_event wanted = {.events = EPOLLIN, .data.u32 = i};
        if (scanf("%d", &port) != 1)
            return 2;
        targets[i] = local;
        targets[i].sin_port = htons(port);
        sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (bind(sockets[i], (struct sockaddr *)&local, sizeof local) || epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[i], &wanted))
            return 3;
    }
    struct epoll_event end = {.events = EPOLLIN, .data.u32 = count};
    epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &end);
    printf("ports:");
    for (int i = 0; i < count; i++) {
        struct sockaddr_in local;
        socklen_t length = sizeof local;
        getsockname(sockets[i], (struct sockaddr *)&local, &length);
        printf(" %d", ntohs(local.sin_port));
    }
    printf("\n");
    fflush(stdout);
    for (;;) {
        struct epoll_event ready[64];
        int events = epoll_wait(epoll, ready, 64, 1000);
        for (int k = 0; k < events; k++) {
            char packet[2048];
            struct sockaddr_in source;
            socklen_t length = sizeof source;
            int i = ready[k].data.u32;
            if (i == count)
                return 0;
            ssize_t size = recvfrom(sockets[i], packet, sizeof packet, 0, (struct sockaddr *)&source, &length);
            if (size <= 0)
                continue;
            for (int out = fan ? 0 : i ^ 1; out < (fan ? count : (i ^ 1) + 1); out++)
                if (out != i)
                    sendto(sockets[out], packet, size, 0, (struct sockaddr *)&targets[out], sizeof *targets);
        }
    }
}
