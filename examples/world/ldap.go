package world

import (
	"strings"

	"github.com/go-ldap/ldap/v3"
	"github.com/jimlambrt/gldap"
)

// note records a request, and says whether somebody is bound who may make it.
func (d *directory) note(r *gldap.Request, method, dn string, e map[string][]string) bool {
	who := d.who(r)
	d.received.add(Request{Method: method, Path: dn, As: who, Entry: e})
	return who != ""
}

func (d *directory) add(w *gldap.ResponseWriter, r *gldap.Request) {
	code := gldap.ResultProtocolError
	if m, err := r.GetAddMessage(); err == nil {
		attributes := map[string][]string{}
		for _, a := range m.Attributes {
			attributes[strings.ToLower(a.Type)] = a.Vals
		}
		if code = gldap.ResultInsufficientAccessRights; d.note(r, "add", m.DN, attributes) {
			code = d.tree.add(m.DN, attributes)
		}
	}
	respond(w, r, gldap.ApplicationAddResponse, code)
}

func (d *directory) modify(w *gldap.ResponseWriter, r *gldap.Request) {
	code := gldap.ResultProtocolError
	if m, err := r.GetModifyMessage(); err == nil {
		attributes := map[string][]string{}
		for _, c := range m.Changes {
			values, _ := gldap.ConvertString(c.Modification.Vals...)
			attributes[strings.ToLower(c.Modification.Type)] = values
		}
		if code = gldap.ResultInsufficientAccessRights; d.note(r, "modify", m.DN, attributes) {
			code = d.tree.modify(m.DN, m.Changes)
		}
	}
	respond(w, r, gldap.ApplicationModifyResponse, code)
}

func (d *directory) remove(w *gldap.ResponseWriter, r *gldap.Request) {
	code := gldap.ResultProtocolError
	if m, err := r.GetDeleteMessage(); err == nil {
		if code = gldap.ResultInsufficientAccessRights; d.note(r, "delete", m.DN, nil) {
			code = d.tree.remove(m.DN)
		}
	}
	respond(w, r, gldap.ApplicationDelResponse, code)
}

func (d *directory) search(w *gldap.ResponseWriter, r *gldap.Request) {
	code := gldap.ResultProtocolError
	if m, err := r.GetSearchMessage(); err == nil {
		if code = gldap.ResultInsufficientAccessRights; d.note(r, "search", m.BaseDN, nil) {
			code = d.find(w, r, m)
		}
	}
	_ = w.Write(r.NewSearchDoneResponse(gldap.WithResponseCode(code)))
}

// find writes what was found, with the attributes that were asked for.
func (d *directory) find(w *gldap.ResponseWriter, r *gldap.Request, m *gldap.SearchMessage) int {
	filter, err := ldap.CompileFilter(m.Filter)
	if err != nil {
		return gldap.ResultProtocolError
	}
	found, code := d.tree.search(m.BaseDN, m.Scope, filter)
	for i, e := range found {
		if m.SizeLimit > 0 && int64(i) == m.SizeLimit {
			return gldap.ResultSizeLimitExceeded
		}
		shown := map[string][]string{}
		for _, name := range m.Attributes {
			if values := e.attributes[strings.ToLower(name)]; len(values) > 0 {
				shown[name] = values
			}
		}
		if err := w.Write(r.NewSearchResponseEntry(e.dn, gldap.WithAttributes(shown))); err != nil {
			return gldap.ResultOther
		}
	}
	return code
}

func respond(w *gldap.ResponseWriter, r *gldap.Request, application, code int) {
	_ = w.Write(r.NewResponse(gldap.WithApplicationCode(application), gldap.WithResponseCode(code)))
}
