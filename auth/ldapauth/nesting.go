package ldapauth

const (
	deepest   = 16   // elements within each other; a search result has six
	tagOf     = 0xe0 // class and form
	sequence  = 0x30
	integer   = 0x02
	operation = 0x60 // application class, constructed
	primitive = 0x40 // application class, primitive, as a delete or unbind is
)

// nesting follows the elements of what a directory sends (BER, X.690), byte by byte,
// before they are decoded: the decoder copies what is inside once for each element
// around it, so that a thousand elements around one megabyte are a gigabyte.
type nesting struct {
	left []int  // bytes of each element that is open, the outermost first
	skip int    // bytes of a value that has no elements
	head []byte // of an element that has begun
	seen int    // elements of the message
}

// take looks at the next bytes; false: they are not what a directory sends.
func (n *nesting) take(p []byte) bool {
	for len(p) > 0 {
		if n.skip > 0 {
			k := min(n.skip, len(p))
			n.skip, p = n.skip-k, p[k:]
			if !n.consume(k) {
				return false
			}
			continue
		}
		n.head, p = append(n.head, p[0]), p[1:]
		if !n.consume(1) || !n.begin() {
			return false
		}
	}
	return true
}

// consume counts bytes of all elements that are open, and closes those that are whole.
func (n *nesting) consume(k int) bool {
	for i := range n.left {
		if n.left[i] -= k; n.left[i] < 0 {
			return false
		}
	}
	if len(n.head) == 0 {
		n.close()
	}
	return true
}

func (n *nesting) close() {
	for len(n.left) > 0 && n.left[len(n.left)-1] == 0 && n.skip == 0 {
		n.left = n.left[:len(n.left)-1]
	}
}

// begin opens the element whose head is complete.
func (n *nesting) begin() bool {
	length, whole, ok := lengthOf(n.head)
	if !ok || !whole {
		return ok
	}
	tag := n.head[0]
	n.head = n.head[:0]
	if len(n.left) == 0 {
		n.seen = 0
	}
	n.seen++
	if !n.fits(tag) || len(n.left) > 0 && length > n.left[len(n.left)-1] {
		return false
	}
	if tag&0x20 == 0 {
		n.skip = length
	} else if length > 0 {
		if len(n.left) == deepest {
			return false
		}
		n.left = append(n.left, length)
	}
	n.close()
	return true
}

// fits holds a message to its envelope (RFC 4511, section 4.1.1): what is none is dropped
// by the decoder, and whoever waits for it waits for ever.
func (n *nesting) fits(tag byte) bool {
	switch n.seen {
	case 1:
		return tag == sequence
	case 2:
		return tag == integer
	case 3:
		return len(n.left) == 1 && (tag&tagOf == operation || tag&tagOf == primitive)
	}
	return true
}

// lengthOf reads a head: one byte of tag, which is all that LDAP has, and a definite
// length of at most four bytes.
func lengthOf(head []byte) (length int, whole, ok bool) {
	if head[0]&0x1f == 0x1f {
		return 0, false, false
	}
	if len(head) < 2 {
		return 0, false, true
	}
	if head[1] < 0x80 {
		return int(head[1]), true, true
	}
	size := int(head[1] & 0x7f)
	if size == 0 || size > 4 {
		return 0, false, false
	}
	if len(head) < 2+size {
		return 0, false, true
	}
	for _, b := range head[2:] {
		length = length<<8 | int(b)
	}
	return length, true, length <= mostAnswer
}
