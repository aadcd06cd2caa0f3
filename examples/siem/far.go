package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// shelf is what one receiver keeps: each line once, by its index.
type shelf struct {
	mu    sync.Mutex
	lines map[int64]string
	dead  bool
}

func (s *shelf) keep(index int64, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines[index] = line
}

// is says that the receiver is dead, or lives.
func (s *shelf) is(dead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = dead
}

func (s *shelf) isDead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

// has is how many lines from the first on it has without a gap.
func (s *shelf) has() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := int64(0)
	for s.lines[n] != "" {
		n++
	}
	return n
}

// find is the newest line with an action.
func (s *shelf) find(action string) (index int64, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, l := range s.lines {
		if i >= index && strings.Contains(l, `"operation":"`+action+`"`) {
			index, line = i, l
		}
	}
	return index, line
}

// checkpoint is the newest that came in-band: who has it needs no other anchor.
func (s *shelf) checkpoint() []byte {
	_, line := s.find("audit.checkpoint")
	var says struct{ Carnet struct{ Checkpoint string } }
	if json.Unmarshal([]byte(line), &says) != nil {
		return nil
	}
	return []byte(says.Carnet.Checkpoint)
}

// far is two receivers, in this process.
type far struct {
	hook   *httptest.Server
	syslog net.Listener
	done   sync.WaitGroup

	posted, logged shelf
}

func newFar() (*far, error) {
	f := &far{posted: shelf{lines: map[int64]string{}}, logged: shelf{lines: map[int64]string{}}}
	f.hook = httptest.NewTLSServer(http.HandlerFunc(f.post))
	var err error
	f.syslog, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: f.hook.TLS.Certificates})
	if err != nil {
		f.hook.Close()
		return nil, err
	}
	f.done.Go(f.listen)
	return f, nil
}

func (f *far) close() {
	f.hook.Close()
	_ = f.syslog.Close()
	f.done.Wait()
}

// trust is what a sink needs to know both by.
func (f *far) trust() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(f.hook.Certificate())
	return &tls.Config{RootCAs: roots}
}

// post is the webhook's far side: the n-th line of a body has the index Carnet-First + n.
func (f *far) post(w http.ResponseWriter, r *http.Request) {
	first, err := strconv.ParseInt(r.Header.Get("Carnet-First"), 10, 64)
	body, failed := io.ReadAll(r.Body)
	if err != nil || failed != nil || f.posted.isDead() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	for line := range bytes.Lines(body) {
		f.posted.keep(first, string(bytes.TrimSuffix(line, []byte("\n"))))
		first++
	}
}

func (f *far) listen() {
	for {
		conn, err := f.syslog.Accept()
		if err != nil {
			return
		}
		f.done.Go(func() {
			defer conn.Close()
			f.log(conn)
		})
	}
}

var message = regexp.MustCompile(`(?s)^<110>1 \S+ - carnet - audit \[carnet@32473 origin="[^"]+" index="(\d+)"\] (.+)$`)

// log is the syslog server: frames by their length (RFC 5425), until the other side ends.
func (f *far) log(conn net.Conn) {
	for in := bufio.NewReader(conn); ; {
		length, err := in.ReadString(' ')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(length, " "))
		if err != nil || n > 8192 {
			return
		}
		text := make([]byte, n)
		if _, err := io.ReadFull(in, text); err != nil {
			return
		}
		parts := message.FindSubmatch(text)
		if parts == nil {
			return
		}
		index, err := strconv.ParseInt(string(parts[1]), 10, 64)
		if err != nil {
			return
		}
		f.logged.keep(index, string(parts[2]))
	}
}
