package impair

// Stats are a line's counters since it was made. Frames are those of the wire: the segments of a super-frame count each
// where the line decides about each. Frames + Duplicated is Passed, Held and all drops together.
type Stats struct {
	Frames      uint64 `json:"frames"` // written to the line
	Bytes       uint64 `json:"bytes"`
	Passed      uint64 `json:"passed"` // came out of it
	PassedBytes uint64 `json:"passed_bytes"`
	Held        int    `json:"held"` // are in it
	HeldBytes   int    `json:"held_bytes"`

	Corrupted  uint64 `json:"corrupted"`  // have one bit turned over
	Duplicated uint64 `json:"duplicated"` // were doubled
	Reordered  uint64 `json:"reordered"`  // jumped the delay
	Drops      Drops  `json:"drops"`
}

// Drops are frames that did not come out of a line, by reason.
type Drops struct {
	Cut     uint64 `json:"cut"`     // written, or due to come out, while the line was cut
	MTU     uint64 `json:"mtu"`     // longer than Config.MTU
	Loss    uint64 `json:"loss"`    // by chance
	Queue   uint64 `json:"queue"`   // no room to wait for the rate
	CoDel   uint64 `json:"codel"`   // waited too long for the rate
	Limit   uint64 `json:"limit"`   // no room on the wire
	Invalid uint64 `json:"invalid"` // offload metadata that cannot be carried out
	Closed  uint64 `json:"closed"`  // written or held when the line was closed
}

// Total is all drops.
func (d Drops) Total() uint64 {
	return d.Cut + d.MTU + d.Loss + d.Queue + d.CoDel + d.Limit + d.Invalid + d.Closed
}
