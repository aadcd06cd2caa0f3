package witnessaudit

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// atOnce is how many requests are read at a time: memory is bounded by it.
const atOnce = 64

// skewSeconds is how far two clocks may be apart.
const skewSeconds = 5 * 60

var (
	errNoLogs = errors.New("witnessaudit: a witness needs the verifier keys of the logs that it vouches for")
	errLogKey = errors.New("witnessaudit: not a log's verifier key, origin+hash+base64 of Ed25519")
)

// Options of Open. Nil means the documented defaults.
type Options struct {
	// Report is told, during a request, of what an operator should see: ErrFork with the
	// origin of a log that showed another history, and failures of the folder. It must be
	// safe for concurrent use. Nil: nobody is told.
	Report func(origin string, err error)
}

// Witness is an http.Handler of C2SP tlog-witness: POST add-checkpoint, and GET of
// HASH/checkpoint, where HASH is the SHA-256 of a log's origin in hex. The http.Server around
// it has to have timeouts: who is slow holds one of 64 places. Safe for concurrent use. The
// zero Witness knows no log.
type Witness struct {
	key    *Key
	store  *store
	logs   map[string]*memory // by origin
	report func(string, error)
	room   chan struct{}
}

// memory is what a witness knows of one log.
type memory struct {
	mu    sync.Mutex
	keys  []note.Verifier // the oldest first
	since int             // which of them signed what was cosigned: no older one counts any more
	tree  tree            // newest that was cosigned; without text: none
	time  int64           // of that cosignature
	line  string          // it
	note  []byte          // of it, as it stands in the folder; nil: none
	maybe []byte          // a write that failed may have left this there
}

// Open opens a witness's folder, for logs that are given by their verifier keys. Several for one
// origin are those that the log had one after the other, the oldest first: once one of them has
// signed what was cosigned, an older one does not count any more, whoever has it by then. Nobody
// else can use the folder until Close.
func Open(dir string, key *Key, logs []string, o *Options) (*Witness, error) {
	if key.Verifier() == "" {
		return nil, errSigner
	}
	if len(logs) == 0 {
		return nil, errNoLogs
	}
	of, err := logKeys(logs)
	if err != nil {
		return nil, err
	}
	s, err := openStore(dir, key)
	if err != nil {
		return nil, err
	}
	w := &Witness{key: key, store: s, logs: map[string]*memory{}, report: func(string, error) {}, room: make(chan struct{}, atOnce)}
	if o != nil && o.Report != nil {
		w.report = o.Report
	}
	for origin, keys := range of {
		m := &memory{keys: keys}
		if err := w.recall(origin, m); err != nil {
			return nil, errors.Join(err, s.close())
		}
		w.logs[origin] = m
	}
	return w, nil
}

// origins are the keys of logs.
type origins map[string][]note.Verifier

func logKeys(vkeys []string) (origins, error) {
	of := origins{}
	for _, vkey := range vkeys {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, errLogKey
		}
		of[v.Name()] = append(of[v.Name()], v)
	}
	return of, nil
}

// Close gives the folder back, after the last request: http.Server.Shutdown waits for those.
func (w *Witness) Close() error {
	if w == nil || w.store == nil {
		return nil
	}
	return w.store.close()
}

// ServeHTTP is for http.Handler. The path is below the submission prefix: see http.StripPrefix.
func (w *Witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if w == nil || w.store == nil {
		answer(rw, http.StatusNotFound)
		return
	}
	select {
	case w.room <- struct{}{}:
		defer func() { <-w.room }()
	default:
		answer(rw, http.StatusServiceUnavailable)
		return
	}
	switch {
	case r.URL.Path != pathAdd && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		w.serveNewest(rw, r)
	case r.URL.Path != pathAdd:
		answer(rw, http.StatusNotFound)
	case r.Method != http.MethodPost:
		rw.Header().Set("Allow", http.MethodPost)
		answer(rw, http.StatusMethodNotAllowed)
	default:
		w.serveAdd(rw, r)
	}
}

// answer is a status with its own words, and nothing of the request.
func answer(rw http.ResponseWriter, status int) { http.Error(rw, http.StatusText(status), status) }

// serveNewest shows the newest checkpoint that was cosigned.
func (w *Witness) serveNewest(rw http.ResponseWriter, r *http.Request) {
	for origin, m := range w.logs {
		if r.URL.Path != "/"+hashOf(origin)+"/checkpoint" {
			continue
		}
		m.mu.Lock()
		msg := m.note
		m.mu.Unlock()
		if msg != nil {
			rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = rw.Write(msg)
			return
		}
	}
	answer(rw, http.StatusNotFound)
}

func (w *Witness) serveAdd(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxRequest))
	if err != nil {
		answer(rw, http.StatusRequestEntityTooLarge)
		return
	}
	line, err := w.add(body)
	var conflict *ConflictError
	switch {
	case err == nil:
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(rw, line)
	case errors.As(err, &conflict):
		rw.Header().Set("Content-Type", typeSize)
		rw.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(rw, strconv.FormatInt(conflict.Size, 10)+"\n")
	default:
		answer(rw, statusOf(err))
	}
}

// statusOf is what C2SP tlog-witness says for a refusal.
func statusOf(err error) int {
	switch err {
	case errMalformed:
		return http.StatusBadRequest
	case errForeign:
		return http.StatusForbidden
	case errUnknown:
		return http.StatusNotFound
	case ErrFork:
		return http.StatusUnprocessableEntity
	case errClock:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

var (
	errUnknown = errors.New("witnessaudit: no such log")
	errClock   = errors.New("witnessaudit: the clock is behind the newest cosignature")
)

// add is one add-checkpoint. Requests for one log come one after the other, from the look at
// what was cosigned to the write of what is.
func (w *Witness) add(body []byte) (line string, err error) {
	req, ok := parseRequest(body)
	if !ok {
		return "", errMalformed
	}
	origin, _, _ := strings.Cut(string(req.note), "\n")
	m := w.logs[origin]
	if m == nil {
		return "", errUnknown
	}
	t, n, err := openTree(req.note, note.VerifierList(m.keys...))
	if err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.signer(n) < m.since {
		return "", errForeign
	}
	defer func() {
		if err == ErrFork || err == errState || err == errChanged || err == errDamaged || err == errClock || err == errSign {
			w.report(origin, err)
		}
	}()
	if err := w.unchanged(origin, m); err != nil {
		return "", err
	}
	if err := m.follows(req, t); err != nil {
		if err == ErrFork && t.size == m.tree.size && t.root != m.tree.root {
			_ = w.store.keepFork(origin, req.note)
		}
		return "", err
	}
	return w.cosign(m, t, n)
}

// follows says whether a tree is the one that was cosigned, and more.
func (m *memory) follows(req *request, t tree) error {
	switch {
	case req.old > t.size:
		return errMalformed
	case req.old != m.tree.size:
		return &ConflictError{m.tree.size}
	case t.size == 0 && t.root != emptyRoot():
		return ErrFork
	case req.old == 0 && len(req.proof) > 0:
		return ErrFork
	case req.old == 0:
		return nil
	case tlog.CheckTree(req.proof, t.size, t.root, req.old, m.tree.root) != nil:
		return ErrFork
	}
	return nil
}

// emptyRoot is that of no leaves: RFC 6962 section 2.1.
func emptyRoot() tlog.Hash {
	h, _ := tlog.TreeHash(0, nil)
	return h
}

// cosign signs a tree, and keeps it before anybody sees the signature.
func (w *Witness) cosign(m *memory, t tree, n *note.Note) (string, error) {
	now := time.Now().Unix()
	if now < m.time-skewSeconds {
		return "", errClock // it would say of a time that is past what it learned later
	}
	if now = max(now, m.time); t.text == m.tree.text && now == m.time {
		return m.line, nil // who asks again and again costs one write a second
	}
	line, err := w.key.sign(t.text, now)
	if err != nil {
		return "", err
	}
	msg := signed(n) + line
	if err := w.store.write(t.origin, []byte(msg)); err != nil {
		m.maybe = []byte(msg)
		return "", err
	}
	m.tree, m.time, m.line, m.note, m.maybe, m.since = t, now, line, []byte(msg), nil, m.signer(n)
	return line, nil
}

// signer is the newest key of the log that signed.
func (m *memory) signer(n *note.Note) (newest int) {
	for i, k := range m.keys {
		if slices.ContainsFunc(n.Sigs, func(s note.Signature) bool { return s.Name == k.Name() && s.Hash == k.KeyHash() }) {
			newest = i
		}
	}
	return newest
}

// recall reads what the folder has of a log, and believes it only by its signatures.
func (w *Witness) recall(origin string, m *memory) error {
	msg, err := w.store.read(origin)
	if err != nil || msg == nil {
		return err
	}
	t, n, err := openTree(msg, note.VerifierList(m.keys...))
	if err != nil || t.origin != origin {
		return errDamaged
	}
	stamps, err := cosignaturesOf(t.text, msg[len(t.text)+1:], []*verifier{w.key.of})
	s, ok := stamps[w.key.of.id()]
	if err != nil || !ok {
		return errDamaged
	}
	m.tree, m.time, m.line, m.note, m.since = t, s.time, s.line, msg, m.signer(n)
	return nil
}

// unchanged compares the folder with what this process wrote there: a copy that was put back
// would let a log go on from an older state in another way.
func (w *Witness) unchanged(origin string, m *memory) error {
	msg, err := w.store.read(origin)
	switch {
	case err != nil:
		return err
	case string(msg) == string(m.note):
		return nil
	case m.maybe != nil && string(msg) == string(m.maybe):
		m.maybe = nil
		return w.recall(origin, m)
	}
	return errChanged
}
