package world

import (
	"crypto/subtle"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
)

// keyID is what the CRM calls its API key.
const keyID = "key-1"

// crm keeps contacts. It takes its API key, or a SAML session.
type crm struct {
	key      string
	sessions *sessions
	mu       sync.Mutex
	contacts map[string]json.RawMessage
}

// newCRM has two contacts. Its photos have moved to another host, as those of a
// compromised CRM would.
func newCRM(key, photo string, s *sessions) (*crm, http.Handler) {
	c := &crm{key: key, sessions: s, contacts: map[string]json.RawMessage{
		"4711": json.RawMessage(`{"name":"Ada Example","city":"Berlin"}`),
		"4712": json.RawMessage(`{"name":"Grace Example","city":"Lyon"}`),
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /contacts", c.list)
	mux.HandleFunc("GET /contacts/count", c.count)
	mux.HandleFunc("GET /contacts/{id}", c.show)
	mux.HandleFunc("PUT /contacts/{id}", c.put)
	mux.HandleFunc("DELETE /contacts/{id}", c.remove)
	mux.Handle("GET /contacts/4711/photo", http.RedirectHandler(photo, http.StatusFound))
	outer := http.NewServeMux()
	outer.HandleFunc("POST /saml/acs", s.take)
	outer.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		name := c.who(r)
		if name == "" {
			http.Error(w, "no key and no session", http.StatusUnauthorized)
			return
		}
		as(r, name)
		mux.ServeHTTP(w, r)
	})
	return c, outer
}

func (c *crm) who(r *http.Request) string {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Api-Key")), []byte(c.key)) == 1 {
		return keyID
	}
	return c.sessions.who(r)
}

func (c *crm) list(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := []string{}
	for id := range c.contacts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	all := make([]json.RawMessage, len(ids))
	for i, id := range ids {
		all[i] = c.contacts[id]
	}
	body, err := json.Marshal(all)
	if err != nil {
		http.Error(w, "what is kept is not JSON", http.StatusInternalServerError)
		return
	}
	answer("application/json", string(body))(w, r)
}

func (c *crm) count(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer("application/json", `{"count":`+strconv.Itoa(len(c.contacts))+`}`)(w, r)
}

func (c *crm) show(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	contact, ok := c.contacts[r.PathValue("id")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	answer("application/json", string(contact))(w, r)
}

func (c *crm) put(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || !json.Valid(body) {
		http.Error(w, "no JSON", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.contacts[r.PathValue("id")] = body
	w.WriteHeader(http.StatusNoContent)
}

// remove takes a contact away, also one that is not there.
func (c *crm) remove(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.contacts, r.PathValue("id"))
	w.WriteHeader(http.StatusNoContent)
}

func answer(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, body)
	}
}
