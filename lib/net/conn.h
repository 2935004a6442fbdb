/*
 * conn.h - a connection to a receiver on the network: TCP, TLS or UDP.
 *
 * Every call waits at most as long as it is told, and ends at once (-ECANCELED) when `stop_fd`
 * becomes readable; only the resolver cannot be told to. With TLS nothing is sent before the other
 * side has proven who it is: its chain and its name, or the digest of its certificate. A connection
 * belongs to one thread. Failures are negative with a sentence that says which step failed.
 */
#pragma once

#include "net/tls.h"

struct net_options {
	const char *host, *port;
	bool udp;
	const struct net_tls *tls; /* NULL: none */
	int64_t timeout;	   /* ns, until it is connected and proven */
	int stop_fd;		   /* -1: none */
};
struct net_conn;
int net_open(struct net_conn **ret, const struct net_options *o);
/* All of it. Looks first whether the other side has closed; what it sends is thrown away. */
int net_send(struct net_conn *c, struct span bytes, int64_t timeout);
/* 0: the other side's kernel has all that was sent, and its program seems to read; NET_BUSY: not
 * yet; negative: it closed. */
enum { NET_BUSY = 1 };
int net_settled(struct net_conn *c);
/* Ends our side and waits for the other to end its own, which it does when it has read everything:
 * 0 then. NET_BUSY: it did not in time. Only `patience` ends this. */
int net_finish(struct net_conn *c, int64_t patience);
void net_close(struct net_conn *c); /* takes NULL */
/* "TLSv1.3, TLS_AES_256_GCM_SHA384" or "tcp", and the address; for people. */
void net_describe(const struct net_conn *c, struct buf *out);
