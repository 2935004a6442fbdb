# layers.awk - holds every #include against lib/LAYERS.
#
#   awk -v edges=FILE -f layers.awk lib/LAYERS SOURCE...
#
# Prints "file:line: what is wrong" and exits 1 when there is anything. Into FILE go the arrows
# between modules ("from to"), for tsort. A module is a .c file and the header of its name; a header
# without a .c of its own is a part of whoever includes it, and the arrows go through it. A file
# NOUN_part is a part of the module NOUN where there is a NOUN.c beside it.

function room_of(path,    room) {
	if (path == "boltseal.h")		# the installed header is the client's
		return "client"
	room = path
	while (sub(/\/[^\/]*$/, "", room))	# the longest known folder: daemon/sensor before daemon
		if (room in may)
			return room
	return ""
}

function module_of(path) {
	sub(/\.[a-z]+$/, "", path)
	return path
}

function is_listed(list, word) {
	return index(" " list " ", " " word " ") > 0
}

function complain(text) {
	print FILENAME ":" FNR ": " text
	bad = 1
}

function check_inside(name,    to) {
	to = room_of(name)
	if (to == "")
		complain("\"" name "\" names no room of lib/LAYERS")
	else if (to != room && !is_listed(may[room], to))
		complain(room " may not include " to " (\"" name "\")")
	to = module_of(name)
	if (to != module && !is_listed(uses[module], to))
		uses[module] = uses[module] " " to
}

# The module that a file is a part of.
function owner(module,    whole) {
	whole = module
	while (sub(/_[^_\/]*$/, "", whole))
		if (whole in has_code)
			return owner(whole)
	return module
}

function arrow(from, to) {
	if (from != to)
		print from, to > edges
}

# Prints the arrows from `from` that begin at `via`: itself, or a header without a .c.
function draw(from, via,    part, n, i) {
	n = split(uses[via], part, " ")
	for (i = 1; i <= n; i++) {
		if (part[i] == from || ((from, part[i]) in drawn))
			continue
		drawn[from, part[i]] = 1
		if (part[i] in has_code)
			arrow(owner(from), owner(part[i]))
		else
			draw(from, part[i])
	}
}

function check_outside(name,    i) {
	for (i in alone)
		if ((i ~ /\/$/ ? index(name, i) == 1 : name == i) && !is_listed(alone[i], room))
			complain("<" name "> belongs to " alone[i] " alone, this is " room)
}

# The table itself.
FILENAME ~ /LAYERS$/ {
	sub(/#.*/, "")
	if (NF < 2)
		next
	list = ""
	for (i = 2; i <= NF; i++)
		list = list (list == "" ? "" : " ") $i
	if ($1 ~ /^@/)
		alone[substr($1, 2)] = list
	else
		may[$1] = (list == "-" ? "" : list)
	next
}

FNR == 1 {
	path = FILENAME
	sub(/^(\.\/)?(lib\/)?/, "", path)
	room = room_of(path)
	module = module_of(path)
	if (FILENAME ~ /\.c$/)
		has_code[module] = 1
	if (room == "")
		complain("lies in no room of lib/LAYERS")
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	check_inside(part[2])
}

/^[ \t]*#[ \t]*include[ \t]*</ {
	split($0, part, /[<>]/)
	check_outside(part[2])
}

END {
	if (edges)
		for (module in has_code)
			draw(module, module)
	exit bad
}
