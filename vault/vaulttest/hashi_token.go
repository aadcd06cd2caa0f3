package vaulttest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// hashiToken is a login.
type hashiToken struct {
	id, accessor, display string
	path, entity          string // path: of the login
	meta                  map[string]any
	policies              []string
	created, end, last    time.Time // last: the latest end
	ttl                   time.Duration
	entry                 *hashiEntry // that the certificate has to match again for a renewal; nil: of another method
}

// hashiTerms are what a role gives to whoever logs in.
type hashiTerms struct {
	entity   string
	policies []string
	ttl, max time.Duration
}

// hashiRole is an AppRole.
type hashiRole struct {
	hashiTerms
	id        string
	uses      int            // of each secret id; 0: any number
	secretIDs map[string]int // uses left
}

// hashiWrap is an answer that waits for whoever has its token.
type hashiWrap struct {
	path    string
	created time.Time
	ttl     time.Duration
	reply   hashiReply
}

// AppRole adds an AppRole that may read the declared paths, such as "secret/app",
// "database/creds/ro" or "pki/issue/web", use the keys of "transit/<key>", and renew and
// revoke leases. Its tokens last ttl, and renewed at most max; zero: an hour, and a day.
func (h *Hashi) AppRole(name string, ttl, most time.Duration, paths ...string) (roleID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.methods["approle"] = "approle"
	r := &hashiRole{hashiTerms: h.terms(name, ttl, most, paths), id: uuid(), secretIDs: map[string]int{}}
	h.roles[name] = r
	return r.id
}

// terms of a role, with a policy of its name.
func (h *Hashi) terms(name string, ttl, most time.Duration, paths []string) hashiTerms {
	rules := []hashiRule{{"sys/leases/revoke", []string{"update"}}}
	for _, path := range paths {
		rules = append(rules, h.rules(path)...)
	}
	h.policies[name] = rules
	if ttl == 0 {
		ttl, most = time.Hour, 24*time.Hour
	}
	return hashiTerms{entity: uuid(), policies: []string{name}, ttl: ttl, max: most}
}

func (h *Hashi) rules(path string) []hashiRule {
	mount, rest := h.mounted(path)
	switch h.mounts[mount] {
	case "kv2":
		return []hashiRule{{mount + "/data/" + rest, []string{"read"}}}
	case "pki":
		return []hashiRule{{path, []string{"update"}}}
	case "transit":
		rules := []hashiRule{{mount + "/keys/" + rest, []string{"read"}}}
		for _, use := range []string{"sign", "encrypt", "decrypt", "datakey/plaintext"} {
			rules = append(rules, hashiRule{mount + "/" + use + "/" + rest, []string{"update"}})
		}
		return rules
	}
	return []hashiRule{{path, []string{"read"}}}
}

// Grant adds capabilities of a role at an API path: too many, for a test of that.
func (h *Hashi) Grant(role, path string, capabilities ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.policies[role] = append(h.policies[role], hashiRule{path, capabilities})
}

// SecretID is a new one, that may be used any number of times.
func (h *Hashi) SecretID(role string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.secretID(h.roles[role])
}

// WrappedSecretID is a token that wraps a new secret id.
func (h *Hashi) WrappedSecretID(role string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	path := "auth/approle/role/" + role + "/secret-id"
	c := hashiCall{method: http.MethodPost, path: path, wrap: time.Minute}
	info, _ := h.wrapped(c, h.approle(c, role+"/secret-id")).beside["wrap_info"].(map[string]any)
	return info["token"].(string)
}

func (h *Hashi) secretID(r *hashiRole) string {
	id := uuid()
	r.secretIDs[id] = r.uses
	return id
}

// approle is what stands below auth/approle/role/.
func (h *Hashi) approle(c hashiCall, rest string) hashiReply {
	name, what, _ := strings.Cut(rest, "/")
	r := h.roles[name]
	switch {
	case what == "" && c.method != http.MethodGet:
		uses, _ := c.body["secret_id_num_uses"].(float64)
		terms := hashiTerms{
			entity: uuid(), policies: strings.Split(c.word("token_policies"), ","), ttl: duration(c.body["token_ttl"]), max: duration(c.body["token_max_ttl"]),
		}
		h.roles[name] = &hashiRole{hashiTerms: terms, id: uuid(), uses: int(uses), secretIDs: map[string]int{}}
		return nothing()
	case r == nil:
		return refuse(http.StatusNotFound)
	case what == "role-id":
		return hashiReply{data: map[string]any{"role_id": r.id}, mount: "approle"}
	case what == "secret-id":
		return hashiReply{mount: "approle", data: map[string]any{
			"secret_id": h.secretID(r), "secret_id_accessor": uuid(), "secret_id_num_uses": r.uses, "secret_id_ttl": 0,
		}}
	}
	return refuse(http.StatusNotFound, "unsupported path")
}

// anybody answers what needs no token, or another kind of one.
func (h *Hashi) anybody(c hashiCall, id string) (hashiReply, bool) {
	switch c.path {
	case "auth/approle/login":
		return h.login(c), true
	case "sys/wrapping/lookup":
		return h.lookup(c.word("token")), true
	case "sys/wrapping/unwrap":
		if named := c.word("token"); named != "" {
			id = named
		}
		return h.unwrap(id), true
	}
	return h.enter(c)
}

func (h *Hashi) login(c hashiCall) hashiReply {
	for name, r := range h.roles {
		left, ok := r.secretIDs[c.word("secret_id")]
		if r.id != c.word("role_id") || !ok {
			continue
		}
		if left == 1 {
			delete(r.secretIDs, c.word("secret_id"))
		} else if left > 1 {
			r.secretIDs[c.word("secret_id")]--
		}
		return h.admit(r.hashiTerms, &hashiToken{display: "approle", path: c.path, meta: map[string]any{"role_name": name}})
	}
	return refuse(http.StatusBadRequest, "invalid role or secret ID")
}

// admit makes the token of a login.
func (h *Hashi) admit(by hashiTerms, t *hashiToken) hashiReply {
	now := h.now()
	t.id, t.accessor, t.entity, t.ttl, t.created, t.end = "hvs."+random(48), random(24), by.entity, by.ttl, now, now.Add(by.ttl)
	t.policies = slices.Compact(slices.Sorted(slices.Values(append([]string{"default"}, by.policies...))))
	if by.max > 0 {
		t.last = now.Add(by.max)
	}
	h.tokens[t.id] = t
	return hashiReply{auth: t.auth(t.ttl)}
}

func (t *hashiToken) auth(left time.Duration) map[string]any {
	return map[string]any{
		"client_token": t.id, "accessor": t.accessor, "policies": t.policies, "token_policies": t.policies,
		"metadata": t.meta, "lease_duration": int(left / time.Second), "renewable": true, "entity_id": t.entity,
		"token_type": "service", "orphan": true, "mfa_requirement": nil, "num_uses": 0,
	}
}

// self is what a token may do to itself.
func (h *Hashi) self(c hashiCall, what string) hashiReply {
	t, now := c.token, h.now()
	switch what {
	case "lookup-self":
		return hashiReply{mount: "token", data: map[string]any{
			"accessor": t.accessor, "creation_time": t.created.Unix(), "creation_ttl": int(t.ttl / time.Second), "display_name": t.display,
			"entity_id": t.entity, "expire_time": t.end, "explicit_max_ttl": 0, "id": t.id, "issue_time": t.created,
			"meta": t.meta, "num_uses": 0, "orphan": true, "path": t.path,
			"policies": t.policies, "renewable": true, "ttl": int(t.end.Sub(now) / time.Second), "type": "service",
		}}
	case "renew-self":
		if why := t.entry.refuses(c.peer, now); why != "" {
			return refuse(http.StatusBadRequest, why)
		}
		want := duration(c.body["increment"])
		if want == 0 {
			want = t.ttl
		}
		left, warnings := capped(want, t.last.Sub(now))
		t.end = now.Add(left)
		return hashiReply{auth: t.auth(left), warnings: warnings, mount: "token"}
	case "revoke-self":
		h.kill(t.id)
		return nothing()
	}
	return refuse(http.StatusNotFound, "unsupported path")
}

func (h *Hashi) wrapped(c hashiCall, reply hashiReply) hashiReply {
	w := &hashiWrap{c.path, h.now(), c.wrap, reply}
	id := "hvs." + random(48)
	h.wraps[id] = w
	info := map[string]any{
		"token": id, "accessor": random(24), "ttl": int(w.ttl / time.Second), "creation_time": w.created, "creation_path": w.path,
	}
	if data, ok := reply.data.(map[string]any); ok && data["secret_id_accessor"] != nil {
		info["wrapped_accessor"] = data["secret_id_accessor"]
	}
	return hashiReply{beside: map[string]any{"wrap_info": info, "request_id": ""}}
}

const wrapGone = "wrapping token is not valid or does not exist"

func (h *Hashi) lookup(id string) hashiReply {
	w := h.wraps[id]
	if w == nil {
		return refuse(http.StatusBadRequest, wrapGone)
	}
	return hashiReply{data: map[string]any{"creation_path": w.path, "creation_time": w.created, "creation_ttl": int(w.ttl / time.Second)}}
}

func (h *Hashi) unwrap(id string) hashiReply {
	w := h.wraps[id]
	if w == nil {
		return refuse(http.StatusBadRequest, wrapGone)
	}
	delete(h.wraps, id)
	return w.reply
}
