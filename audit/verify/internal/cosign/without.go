package cosign

import "bytes"

// Without is a note with the first of its signatures, which is the log's.
func Without(msg []byte) []byte {
	text, signatures, _ := bytes.Cut(msg, []byte("\n\n"))
	first, _, _ := bytes.Cut(signatures, []byte("\n"))
	return bytes.Join([][]byte{text, nil, first, nil}, []byte("\n"))
}
