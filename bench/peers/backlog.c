// SPDX-License-Identifier: Apache-2.0
// OpenSMTPD asks for a queue of 5 connections that nobody has accepted yet, in its source. More sessions than that at once lose
// connections (a SYN cookie answers, and the last ACK finds no room), and their clients wait for a greeting that never comes. Loaded by
// LD_PRELOAD, this asks for 2,048, as the other peers may be told to.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>

int listen(int socket, int backlog) {
  int (*const real)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "listen");
  return real(socket, backlog > 2048 ? backlog : 2048);
}
