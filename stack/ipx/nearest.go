package ipx

import (
	"slices"
	"time"

	"tapestry/stack/internal/wait"
	"tapestry/stack/ipx/sap"
)

// seeker is a question for the nearest service of a type that waits for its answer, as a client asks when it starts.
type seeker struct {
	want  sap.Type
	point wait.Point

	found   bool
	service sap.Service
}

// seek asks on all networks.
func (n *Node) seek(now time.Time, k *seeker) error {
	if p := n.firstPort(); p == nil || p.Internal {
		return ErrNoRoute
	}
	n.now = now
	n.seekers = append(n.seekers, k)
	n.sap.Query(now, sap.AllPorts, sap.NearestQuery, k.want)
	return nil
}

// leave forgets a question.
func (n *Node) leave(k *seeker) {
	n.seekers = slices.DeleteFunc(n.seekers, func(o *seeker) bool { return o == k })
}

// nearest takes an answer, of which the first counts.
func (n *Node) nearest(s sap.Service) {
	for _, k := range n.seekers {
		isIt := s.Type == k.want || k.want == sap.AnyType
		if isIt && !k.found && s.Hops < sap.Down {
			k.found, k.service = true, s
			k.point.Signal()
		}
	}
}
