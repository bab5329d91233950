package link

import "gvisor.dev/gvisor/pkg/buffer"

// NewFrame copies b into pooled memory.
func NewFrame(b []byte) Frame {
	v := buffer.NewView(len(b))
	v.Write(b)
	return Frame{Data: buffer.MakeWithView(v)}
}

// Len is the length of the frame in octets.
func (f *Frame) Len() int { return int(f.Data.Size()) }

// Release gives up the frame's memory; the frame is empty afterwards.
func (f *Frame) Release() {
	f.Data.Release()
	*f = Frame{}
}

// Clone gives a second owner of the same memory.
func (f *Frame) Clone() Frame {
	c := *f
	c.Data = f.Data.Clone()
	return c
}

// Head gives the octets of the first chunk, where the headers are. They are read-only and valid until Release.
func (f *Frame) Head() []byte {
	l := f.Data.AsViewList()
	if v := l.Front(); v != nil {
		return v.AsSlice()
	}
	return nil
}

// AppendTo appends all octets of the frame to dst.
func (f *Frame) AppendTo(dst []byte) []byte {
	l := f.Data.AsViewList()
	for v := l.Front(); v != nil; v = v.Next() {
		dst = append(dst, v.AsSlice()...)
	}
	return dst
}

// Slices appends the frame's chunks to dst, for a vectored write. They are read-only and valid until Release.
func (f *Frame) Slices(dst [][]byte) [][]byte {
	l := f.Data.AsViewList()
	for v := l.Front(); v != nil; v = v.Next() {
		if v.Size() > 0 {
			dst = append(dst, v.AsSlice())
		}
	}
	return dst
}

// Overwrite writes b at octet off. Chunks shared with other frames are copied first, so that no other owner sees the
// change. It reports whether b lay within the frame.
func (f *Frame) Overwrite(off int, b []byte) bool {
	if off < 0 || off+len(b) > f.Len() {
		return false
	}
	l := f.Data.AsViewList()
	for v := l.Front(); v != nil && len(b) > 0; v = v.Next() {
		if off >= v.Size() {
			off -= v.Size()
			continue
		}
		n := min(len(b), v.Size()-off)
		v.WriteAt(b[:n], off)
		b, off = b[n:], 0
	}
	return true
}
