/*
 * paths.h - where the programs look when nobody names another place. The Makefile's SYSCONFDIR,
 * LOCALSTATEDIR, RUNSTATEDIR and LIBEXECDIR decide; these are what they are when nobody says so there either.
 */
#pragma once

#ifndef BOLTSEAL_CONF_DIR
#define BOLTSEAL_CONF_DIR "/etc/boltseal"
#endif
#ifndef BOLTSEAL_STATE_DIR
#define BOLTSEAL_STATE_DIR "/var/lib/boltseal"
#endif
#ifndef BOLTSEAL_LIBEXEC_DIR /* boltseal-proof */
#define BOLTSEAL_LIBEXEC_DIR "/usr/libexec/boltseal"
#endif
#ifndef BOLTSEAL_SOCKET /* boltseal.h, which is installed alone, says it too */
#define BOLTSEAL_SOCKET "/run/boltseal/boltseal.sock"
#endif
