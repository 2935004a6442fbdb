/* `key`: all of it needs OpenSSL, so what it does is in cli/proof_key.c. */
#include "cli/key.h"
#include "cli/commands.h"
#include "cli/proof.h"

const struct option key_options[] = {
	[KEY_OUT] = {"out", 0, "FILE",
		"with new, rotate: where the private key goes (NAME.key here)"},
	[KEY_DIR] = {"dir", 0, "DIR", "the directory of public keys (/etc/boltseal/keys)"},
	[KEY_EXPIRES] = {"expires", 0, "T",
		"with new, rotate: until when: a time, or a duration such as 365d"},
	[KEY_ROLES] = {"roles", 0, "LIST",
		"with new: what it may sign, apart by commas: baseline, accept, checkpoint (all of them)"},
	[KEY_REASON] = {"reason", 0, "TEXT", "with revoke: why (needed)"},
	[KEY_NO_PASSPHRASE] = {"no-passphrase", 0, NULL,
		"with new, rotate: the private key is not locked: whoever reads the file has it"},
	[KEY_PASSPHRASE] = {"passphrase-file", 0, "FILE",
		"with new, rotate: where the passphrase is, one line (- is standard input); else it is asked for"},
	{NULL, 0, NULL, NULL},
};

static const struct verb verbs[] = {
	{"list", OPT(KEY_DIR), 0, SLOT_NONE},
	{"new",
		OPT(KEY_OUT) | OPT(KEY_DIR) | OPT(KEY_EXPIRES) | OPT(KEY_ROLES) |
			OPT(KEY_NO_PASSPHRASE) | OPT(KEY_PASSPHRASE),
		1, SLOT_NONE},
	{"show", OPT(KEY_DIR), 1, SLOT_NONE},
	{"rotate",
		OPT(KEY_OUT) | OPT(KEY_DIR) | OPT(KEY_EXPIRES) | OPT(KEY_NO_PASSPHRASE) |
			OPT(KEY_PASSPHRASE),
		1, SLOT_NONE},
	{"revoke", OPT(KEY_DIR) | OPT(KEY_REASON), 1, SLOT_NONE},
	{NULL, 0, 0, SLOT_NONE},
};

const struct command cmd_key = {
	.word = "key",
	.args = "list | new NAME | show NAME|FILE | rotate NAME | revoke NAME --reason TEXT",
	.sentence = "the keys that sign baselines, accepts and the journal",
	.text = "new makes an Ed25519 key: NAME.key, the private half, mode 0600 and locked by a passphrase, and "
		"NAME.pub.\nNobody is asked for it and the daemon never sees the private half; keep it on another "
		"machine. A host\ntrusts a key once its NAME.pub lies in /etc/boltseal/keys, owned by root. "
		"rotate makes the next one and\nlets the old one expire now: what it has signed stays good. revoke "
		"ends that: nothing it signed counts\nany more, whatever time the signature claims. `show host` is "
		"this host's own key, which signs the\njournal's checkpoints; the sensor made it, in keys/host.key below "
		"its state directory.\n\n"
		"To sign, an URI may stand for the file of a private key, such as pkcs11:token=admin, where OpenSSL's "
		"configuration\nhas a provider for it that knows Ed25519: see boltseal(1).\n\n"
		"Examples:\n"
		"  boltseal key new alice --expires 365d\n"
		"  sudo install -D -m 644 alice.pub /etc/boltseal/keys/alice.pub\n"
		"  sudo boltseal key revoke alice --reason 'laptop lost'\n"
		"  boltseal key show host\n",
	.options = key_options,
	.min = 1,
	.max = 2,
	.slots = {SLOT_WORD, SLOT_NONE},
	.verbs = verbs,
	.run = proof_key_run,
};
