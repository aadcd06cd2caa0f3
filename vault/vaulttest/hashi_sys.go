package vaulttest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

const hashiVersionText = "1.21.4"

// hashiRule is one path of a policy; a * at its end stands for anything.
type hashiRule struct {
	path         string
	capabilities []string
}

// hashiDefault is what everybody may, as far as this server goes.
func hashiDefault() []hashiRule {
	return []hashiRule{
		{"auth/token/lookup-self", []string{"read"}}, {"auth/token/renew-self", []string{"update"}}, {"auth/token/revoke-self", []string{"update"}},
		{"sys/capabilities-self", []string{"update"}}, {"sys/leases/renew", []string{"update"}}, {"sys/leases/lookup", []string{"update"}},
	}
}

var policyPattern = regexp.MustCompile(`path\s+"([^"]+)"\s*\{\s*capabilities\s*=\s*\[([^\]]*)\]`)

func policy(text string) []hashiRule {
	var rules []hashiRule
	for _, m := range policyPattern.FindAllStringSubmatch(text, -1) {
		rule := hashiRule{path: m[1]}
		for one := range strings.SplitSeq(m[2], ",") {
			rule.capabilities = append(rule.capabilities, strings.Trim(strings.TrimSpace(one), `"`))
		}
		rules = append(rules, rule)
	}
	return rules
}

// capabilities of a token at a path.
func (h *Hashi) capabilities(t *hashiToken, path string) []string {
	if t.id == hashiRoot {
		return []string{"root"}
	}
	var all []string
	for _, name := range t.policies {
		for _, rule := range h.policies[name] {
			if glob(rule.path, path) {
				all = append(all, rule.capabilities...)
			}
		}
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) == 0 {
		return []string{"deny"}
	}
	return all
}

func (h *Hashi) may(t *hashiToken, path, capability string) bool {
	all := h.capabilities(t, path)
	return slices.Contains(all, "root") || slices.Contains(all, capability) || capability == "update" && slices.Contains(all, "create")
}

func (h *Hashi) health() hashiReply {
	mode, status := "disabled", 0
	if h.sealed {
		mode, status = "unknown", http.StatusServiceUnavailable
	}
	body := map[string]any{
		"initialized": true, "sealed": h.sealed, "standby": h.sealed, "performance_standby": false, "replication_performance_mode": mode,
		"replication_dr_mode": mode, "server_time_utc": h.now().Unix(), "version": hashiVersionText, "enterprise": false,
		"echo_duration_ms": 0, "clock_skew_ms": 0, "replication_primary_canary_age_ms": 0,
	}
	if !h.sealed {
		body["cluster_name"], body["cluster_id"] = "vault-cluster-fake", uuid()
	}
	return hashiReply{status: status, bare: body}
}

func (h *Hashi) status() hashiReply {
	return hashiReply{bare: map[string]any{
		"type": "shamir", "initialized": true, "sealed": h.sealed, "t": 1, "n": 1, "progress": 0, "nonce": "", "version": hashiVersionText,
		"build_date": "2025-11-22T20:59:30Z", "migration": false, "cluster_name": "vault-cluster-fake", "cluster_id": uuid(),
		"recovery_seal": false, "storage_type": "inmem",
	}}
}

func (h *Hashi) system(c hashiCall, rest string) hashiReply {
	section, name, _ := strings.Cut(rest, "/")
	switch {
	case section == "policies" && strings.HasPrefix(name, "acl/"):
		h.policies[strings.TrimPrefix(name, "acl/")] = policy(c.word("policy"))
		return nothing()
	case section == "mounts" && c.method != http.MethodGet:
		return h.mount(c, name)
	case section == "auth" && c.method != http.MethodGet:
		return h.enable(c, name)
	case rest == "seal":
		h.sealed = true
		return nothing()
	case rest == "capabilities-self":
		return h.capabilitiesSelf(c)
	case section == "leases":
		return h.leaseCall(c, name)
	}
	return refuse(http.StatusNotFound, "unsupported path")
}

func (h *Hashi) mount(c hashiCall, name string) hashiReply {
	engine := c.word("type")
	if engine == "kv" {
		options, _ := c.body["options"].(map[string]any)
		if engine = "kv1"; options["version"] == "2" {
			engine = "kv2"
		}
	}
	if _, ok := h.mounts[name]; ok {
		return refuse(http.StatusBadRequest, "path is already in use at "+name+"/")
	}
	h.mounts[name] = engine
	return nothing()
}

// enable enables an auth method; userpass has no users.
func (h *Hashi) enable(c hashiCall, name string) hashiReply {
	kind := c.word("type")
	switch {
	case !slices.Contains([]string{"approle", "cert", "jwt", "kubernetes", "userpass"}, kind):
		return refuse(http.StatusBadRequest, "plugin not found in the catalog: "+kind)
	case h.methods[name] != "":
		return refuse(http.StatusBadRequest, "path is already in use at "+name+"/")
	}
	h.methods[name] = kind
	return nothing()
}

func (h *Hashi) capabilitiesSelf(c hashiCall) hashiReply {
	paths, _ := c.body["paths"].([]any)
	data := map[string]any{}
	for _, p := range paths {
		if path, ok := p.(string); ok {
			data[path] = h.capabilities(c.token, path)
		}
	}
	return hashiReply{data: data, beside: data, mount: "system"}
}
