/* What cppcheck must know of macros whose headers it is not shown: a loop is a loop. */
#define json_array_foreach(array, i, v)                                                            \
	for ((i) = 0; (i) < json_array_size(array) && ((v) = json_array_get(array, i)); (i)++)
#define json_object_foreach(object, key, v)                                                        \
	for ((key) = first_key(object); (key) && ((v) = json_object_get(object, key));             \
		(key) = next_key(object, key))
#define HASH_ITER(hh, head, i, tmp)                                                                \
	for ((i) = (head), (tmp) = next_of(head); (i); (i) = (tmp), (tmp) = next_of(tmp))
