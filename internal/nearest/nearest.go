package nearest

// Name gives the name that got was probably meant to be: the one of the fewest edits, if these are no more than a
// third of its letters (and at least one is allowed).
func Name(got string, names []string) (string, bool) {
	best, least := "", len(got)+1
	for _, name := range names {
		allowed := max(1, max(len(got), len(name))/3)
		if d := distance(got, name); d <= allowed && (d < least || d == least && name < best) {
			best, least = name, d
		}
	}
	return best, best != ""
}

// distance counts the insertions, deletions, replacements and exchanges of neighbours between two names (optimal
// string alignment), over octets: keys are ASCII. It keeps three rows of the table.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
