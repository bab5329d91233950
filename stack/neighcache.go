package stack

import (
	"reflect"
	"unsafe"

	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// smallNeighborCaches gives the neighbour caches of an interface of the engine maps that grow with what is in them, and
// reports how many there were. The engine makes room for the 512 neighbours that a cache may have at the most: 80 KB
// for IPv4 and IPv6, more than all else of a quiet host together, and has no option for less.
//
// It must be called before anyone else knows the interface: Attach is the place. The fields are the engine's own; where
// they are not what is expected here, the caches stay as they are. A test tells when that is so.
func smallNeighborCaches(engineNIC netstack.NetworkDispatcher) (caches int) {
	v := reflect.ValueOf(engineNIC)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return 0
	}
	resolvers := v.Elem().FieldByName("linkAddrResolvers")
	if resolvers.Kind() != reflect.Map || resolvers.Type().Elem().Kind() != reflect.Pointer {
		return 0
	}
	for i := resolvers.MapRange(); i.Next(); {
		cache := field(i.Value().Elem(), "neigh", "mu", "cache")
		if cache.Kind() != reflect.Map || cache.Len() > 0 || !cache.CanAddr() {
			continue
		}
		m := reflect.NewAt(cache.Type(), unsafe.Pointer(cache.UnsafeAddr()))
		m.Elem().Set(reflect.MakeMap(cache.Type()))
		caches++
	}
	return caches
}

// field follows names into structs. It gives the zero Value where there is no such field.
func field(v reflect.Value, names ...string) reflect.Value {
	for _, name := range names {
		if v.Kind() != reflect.Struct {
			return reflect.Value{}
		}
		v = v.FieldByName(name)
	}
	return v
}
