# shape.awk - sizes and forbidden words of C sources: functions of at most 70 lines, files of at
# most 600, no jumps. A function is what stands between a lone { and a lone } in the first column;
# a table ends in "};" and may be as long as what it lists.

function complain(line, text) {
	print FILENAME ":" line ": " text
	bad = 1
}

FNR == 1 {
	begun = 0
	in_comment = 0
}
FNR == 601 { complain(601, "more than 600 lines: two nouns in one file?") }

/^{$/ { begun = FNR }
/^}$/ {
	if (begun && FNR - begun - 1 > 70)
		complain(begun, "a function of " (FNR - begun - 1) " lines")
	begun = 0
}

{
	code = $0
	gsub(/\\./, "", code)
	gsub(/"[^"]*"/, "", code)
	gsub(/\/\*.*\*\//, "", code)
	sub(/\/\/.*/, "", code)
	if (in_comment) {
		if (!sub(/^.*\*\//, "", code))
			next
		in_comment = 0
	}
	if (sub(/\/\*.*/, "", code))
		in_comment = 1
	if (code ~ /(^|[^A-Za-z0-9_])goto[ \t]+[A-Za-z_*]/)
		complain(FNR, "a jump; return early or use a cleanup attribute")
}

END { exit bad }
