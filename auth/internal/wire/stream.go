package wire

import "io"

// Stream is a body of which each part is judged before it is handed on.
type Stream struct {
	io.ReadCloser
	Most  int                              // bytes in all
	Judge func(long bool, err error) error // what Read says; nil: go on
	Leave func()                           // after Close

	read int
}

// Read implements io.Reader. What was read when the judge ends it stays here.
func (s *Stream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	s.read += n
	said := s.Judge(s.read > s.Most, err)
	if said != nil && said != io.EOF {
		return 0, said
	}
	return n, said
}

// Close implements io.Closer.
func (s *Stream) Close() error {
	defer s.Leave()
	return s.ReadCloser.Close()
}
