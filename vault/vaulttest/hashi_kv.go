package vaulttest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// hashiSecret is the versions of one path of a KV v2 mount.
type hashiSecret struct {
	created, updated time.Time
	by               map[string]any // whoever changed it last
	versions         []*hashiVersion
}

type hashiVersion struct {
	data      map[string]any
	created   time.Time
	deleted   time.Time // zero: it is not
	destroyed bool
	by        map[string]any
}

func (v *hashiVersion) metadata(number int) map[string]any {
	m := map[string]any{
		"created_time": v.created, "custom_metadata": nil, "deletion_time": "", "destroyed": v.destroyed, "version": number,
	}
	if !v.deleted.IsZero() {
		m["deletion_time"] = v.deleted
	}
	return m
}

func actor(operation string) map[string]any {
	return map[string]any{"actor": "token", "operation": operation, "client_id": random(44)}
}

// kv1 is a mount of version 1. A ttl in a secret says how often to look again.
func (h *Hashi) kv1(c hashiCall) hashiReply {
	switch c.method {
	case http.MethodGet:
		data, ok := h.flat[c.path]
		if !ok {
			return refuse(http.StatusNotFound)
		}
		again := duration(data["ttl"])
		if again == 0 {
			again = 768 * time.Hour
		}
		return hashiReply{data: data, duration: again, mount: "kv"}
	case http.MethodDelete:
		delete(h.flat, c.path)
	default:
		h.flat[c.path] = c.body
	}
	return nothing()
}

// kv2 is a mount of version 2.
func (h *Hashi) kv2(c hashiCall, mount, rest string) hashiReply {
	what, path, _ := strings.Cut(rest, "/")
	s := h.kept[mount+"/"+path]
	switch {
	case what == "data" && c.method == http.MethodGet:
		return s.read(c.query)
	case what == "data" && c.method != http.MethodDelete:
		return h.kv2Put(c, mount, path, s)
	case s == nil:
		return refuse(http.StatusNotFound)
	case what == "data":
		s.versions[len(s.versions)-1].deleted = h.now()
		return nothing()
	case what == "metadata":
		return s.metadata()
	case what == "delete", what == "undelete", what == "destroy":
		s.by = actor(what)
		h.each(c, s, what)
		return nothing()
	}
	return refuse(http.StatusNotFound, "unsupported path")
}

func (h *Hashi) each(c hashiCall, s *hashiSecret, what string) {
	numbers, _ := c.body["versions"].([]any)
	for _, n := range numbers {
		number, _ := n.(float64)
		if number < 1 || int(number) > len(s.versions) {
			continue
		}
		switch v := s.versions[int(number)-1]; what {
		case "delete":
			v.deleted = h.now()
		case "undelete":
			v.deleted = time.Time{}
		default:
			v.destroyed, v.data = true, nil
		}
	}
}

func (h *Hashi) kv2Put(c hashiCall, mount, path string, s *hashiSecret) hashiReply {
	options, _ := c.body["options"].(map[string]any)
	newest := 0
	if s != nil {
		newest = len(s.versions)
	}
	if cas, ok := options["cas"].(float64); ok && int(cas) != newest {
		return refuse(http.StatusBadRequest, "check-and-set parameter did not match the current version")
	}
	data, ok := c.body["data"].(map[string]any)
	if !ok {
		return refuse(http.StatusBadRequest, "no data provided")
	}
	h.put(mount, path, data)
	s = h.kept[mount+"/"+path]
	return hashiReply{data: s.versions[newest].metadata(newest + 1), mount: "kv"}
}

func (h *Hashi) put(mount, path string, data map[string]any) {
	s, how := h.kept[mount+"/"+path], "update"
	if s == nil {
		s, how = &hashiSecret{created: h.now()}, "create"
		h.kept[mount+"/"+path] = s
	}
	s.by, s.updated = actor(how), h.now()
	s.versions = append(s.versions, &hashiVersion{data: data, created: h.now(), by: s.by})
}

func (s *hashiSecret) read(query string) hashiReply {
	if s == nil {
		return refuse(http.StatusNotFound)
	}
	number := len(s.versions)
	if values, err := url.ParseQuery(query); err == nil && values.Get("version") != "" && values.Get("version") != "0" {
		number, _ = strconv.Atoi(values.Get("version"))
	}
	if number < 1 || number > len(s.versions) {
		return refuse(http.StatusNotFound)
	}
	v := s.versions[number-1]
	if v.destroyed || !v.deleted.IsZero() {
		return hashiReply{status: http.StatusNotFound, data: map[string]any{"data": nil, "metadata": v.metadata(number)}}
	}
	return hashiReply{data: map[string]any{"data": v.data, "metadata": v.metadata(number)}, mount: "kv"}
}

func (s *hashiSecret) metadata() hashiReply {
	versions := map[string]any{}
	for i, v := range s.versions {
		m := v.metadata(i + 1)
		delete(m, "version")
		delete(m, "custom_metadata")
		m["created_by"], m["deleted_by"] = v.by, nil
		versions[strconv.Itoa(i+1)] = m
	}
	return hashiReply{mount: "kv", data: map[string]any{
		"cas_required": false, "created_time": s.created, "current_version": len(s.versions), "custom_metadata": nil,
		"delete_version_after": "0s", "last_updated_by": s.by, "max_versions": 0, "oldest_version": 0,
		"updated_time": s.updated, "versions": versions,
	}}
}
